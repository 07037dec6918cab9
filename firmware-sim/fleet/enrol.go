package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"kanmon/controller/identity"
	"kanmon/internal/pki"
)

// Centre is the centre's REST interface, used by somebody who may administer devices; *demo.Client is one.
type Centre interface {
	Call(ctx context.Context, method, path string, body, out any) error
}

// Area is the area that the doors of a fleet lead to.
const Area = "fleet"

// enrolAtOnce bounds how many controllers enrol at the same time.
const enrolAtOnce = 4

type body = map[string]any

// Enrol registers the fleet's controllers, readers, doors and area, and enrols each with a token of its own, as an administrator
// would one by one. What is enrolled already is left alone.
func (f *Fleet) Enrol(ctx context.Context, c Centre) error {
	if err := f.area(ctx, c); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(enrolAtOnce)
	for _, m := range f.members {
		g.Go(func() error {
			if err := m.enrol(ctx, c); err != nil {
				return fmt.Errorf("enrol %s: %w", m.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (f *Fleet) area(ctx context.Context, c Centre) error {
	var there struct{ Items []struct{ ID string } }
	if err := c.Call(ctx, http.MethodGet, "areas", nil, &there); err != nil {
		return err
	}
	for _, a := range there.Items {
		if a.ID == Area {
			return nil
		}
	}
	return c.Call(ctx, http.MethodPost, "areas", body{"id": Area, "name": "模擬制御装置", "grade": 1, "record": "best_effort"}, nil)
}

// enrolled is a file that says that everything about a controller is at the centre.
const enrolled = "enrolled"

func (m *Member) enrol(ctx context.Context, c Centre) error {
	mark := filepath.Join(m.Config.DataDir, enrolled)
	if _, err := os.Stat(mark); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, thing := range []struct {
		path string
		body body
	}{
		{"controllers", body{"name": m.Name, "place": "fleet"}},
		{"readers", body{"name": m.Reader, "controller": m.Name, "kind": "osdp_reader", "address": 0}},
		{"doors", body{
			"id": m.Door, "name": m.Door, "area": Area, "controller": m.Name, "entry_readers": []string{m.Reader},
			"release_ms": 3000, "held_ms": 20000,
		}},
	} {
		if err := c.Call(ctx, http.MethodPost, thing.path, thing.body, nil); err != nil {
			return err
		}
	}
	if err := m.identify(ctx, c); err != nil {
		return err
	}
	return os.WriteFile(mark, nil, 0o600)
}

// identify gets the controller its key and certificate.
func (m *Member) identify(ctx context.Context, c Centre) error {
	var made struct{ Token string }
	if err := c.Call(ctx, http.MethodPost, "controllers/"+m.Name+"/token", nil, &made); err != nil {
		return err
	}
	token, err := pki.ParseToken(made.Token)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.Config.DataDir, 0o700); err != nil {
		return err
	}
	sealer, err := pki.OpenSealer(m.Config.SealingKeyFile, true)
	if err != nil {
		return err
	}
	_, err = identity.Enroll(ctx, identity.Request{
		URL: m.Config.CentreURL, Token: token, Controller: m.Name, Dir: m.Config.IdentityDir(), Sealer: sealer,
	})
	return err
}
