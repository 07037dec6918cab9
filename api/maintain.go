package api

import (
	"context"
	"errors"
	"log/slog"
	"os/user"
	"path/filepath"
	"time"

	"kanmon/api/epoch"
	"kanmon/api/keychange"
	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/key"
)

// NewEpoch opens a new epoch of a centre that is not running: its database and the file beside it were both put back from a copy, which
// nothing in them tells. It returns the epoch.
func NewEpoch(ctx context.Context, settings Settings, reason string, log *slog.Logger) (opened uint64, err error) {
	if reason == "" || len(reason) > 200 {
		return 0, wrong("reason", "say why, in at most 200 bytes; it goes into the ledger")
	}
	err = offline(ctx, settings, log, func(_ *sitekey.Keys, s *store.Store) error {
		opened, err = epoch.New(filepath.Join(settings.DataDir, epoch.File), s, device.New(s), log).New(ctx, reason)
		return err
	})
	return opened, err
}

// KeyChange is a step towards a new key of a site.
type KeyChange struct {
	Kind   keychange.Kind
	Step   keychange.Step
	Reason string // goes into the ledger
	Force  bool   // does not wait for controllers
}

// ChangeKey takes a step towards a new key for a centre that is not running (package keychange), by whoever runs the program, and returns how the
// keys of that kind stand then.
func ChangeKey(ctx context.Context, settings Settings, c KeyChange, log *slog.Logger) (now []keychange.Standing, err error) {
	if c.Step != keychange.Show && (c.Reason == "" || len(c.Reason) > 200) {
		return nil, wrong("reason", "say why, in at most 200 bytes; it goes into the ledger")
	}
	err = offline(ctx, settings, log, func(keys *sitekey.Keys, s *store.Store) error {
		heard, err := heard(ctx, device.New(s))
		if err != nil {
			return err
		}
		if err := keychange.Ready(keys, c.Kind, heard, c.Step); err != nil && !c.Force {
			return err
		}
		if err := wantAnew(ctx, s, c, heard); err != nil {
			return err
		}
		if err := keychange.Take(keys, c.Kind, c.Step, c.act()); err != nil {
			return err
		}
		now = keychange.Standings(keys, c.Kind, heard.Believed)
		return keys.Record(ctx, key.New(s), settings.TLS.Mode == tlsOwn)
	})
	return now, err
}

// act is the step as the ledger tells of it.
func (c KeyChange) act() sitekey.Act {
	a := sitekey.Act{At: time.Now().UTC(), By: "operator", Reason: c.Reason}
	if u, err := user.Current(); err == nil {
		a.By = u.Username
	}
	if c.Force {
		a.Reason += " (-force)"
	}
	return a
}

// heard is what the register of devices knows of the enrolled controllers.
func heard(ctx context.Context, devices *device.Register) (keychange.Heard, error) {
	actor := store.System("keys")
	believed, err := devices.Believed(ctx, actor)
	if err != nil {
		return keychange.Heard{}, err
	}
	all, err := devices.Controllers(ctx, actor)
	h := keychange.Heard{Believed: believed}
	for _, c := range all {
		if c.State == device.Enrolled && !c.UpToDate() {
			h.Behind = append(h.Behind, c.Name)
		}
	}
	return h, err
}

// wantAnew has every enrolled controller want a higher version of its policy when another key is about to serve: the centre makes a policy only
// when it sends one. It comes first: a policy sent once too often costs nothing.
func wantAnew(ctx context.Context, s *store.Store, c KeyChange, heard keychange.Heard) error {
	if c.Step != keychange.Use {
		return nil
	}
	names := make([]string, len(heard.Believed))
	for i, b := range heard.Believed {
		names[i] = b.Controller
	}
	return s.WriteDerived(ctx, "policies under another key", func(tx *store.Tx) error {
		return device.Want(ctx, tx, names...)
	})
}

// BrokerFiles writes the files of another broker once, for a centre that is not running: a running one keeps them itself. It reports whether
// any was not as it should be.
func BrokerFiles(ctx context.Context, settings Settings, log *slog.Logger) (changed bool, err error) {
	if settings.Broker.FilesDir == "" {
		return false, fault.New(fault.Invalid, "", "broker.files_dir is not given")
	}
	err = offline(ctx, settings, log, func(keys *sitekey.Keys, s *store.Store) error {
		changed, err = newBrokerFiles(settings, keys, device.New(s), log).Write(ctx, time.Now())
		return err
	})
	return changed, err
}

// offline runs fn on the keys and the database of a centre that is not running, and keeps one from starting meanwhile.
func offline(ctx context.Context, settings Settings, log *slog.Logger, fn func(*sitekey.Keys, *store.Store) error) error {
	if err := openDataDir(settings.DataDir); err != nil {
		return err
	}
	lock, err := lockDataDir(settings.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.release() }() // it ends with the program at the latest
	keys, err := sitekey.Open(settings.keyConfig())
	if err != nil {
		return err
	}
	d, s, err := openStore(ctx, settings, keys, log)
	if err != nil {
		return err
	}
	return errors.Join(fn(keys, s), d.Close())
}
