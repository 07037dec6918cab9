package device

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/field"
)

// AddController enters a controller and returns the secret it logs in with, which nobody can read again.
func (r *Register) AddController(ctx context.Context, actor store.Actor, n NewController) (Controller, Secret, error) {
	if err := n.check(); err != nil {
		return Controller{}, Secret{}, fmt.Errorf("add controller: %w", err)
	}
	secret := newSecret()
	var c Controller
	err := r.write(ctx, actor, "", func(tx *store.Tx) error {
		err := Known(ctx, tx, n.Name)
		if err == nil {
			return fault.New(fault.Conflict, "device.name_taken", fmt.Sprintf("controller %q exists", n.Name))
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		if err := keepController(ctx, tx, n, secret); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO controller_policy (controller, n) VALUES (?, 1)`, n.Name); err != nil {
			return err
		}
		c, err = getController(ctx, tx, n.Name)
		return err
	})
	if err != nil {
		return Controller{}, Secret{}, fmt.Errorf("add controller: %w", err)
	}
	return c, secret, nil
}

// centre is the centre's own name at the broker; a controller cannot have it.
const centre = "centre"

func (n *NewController) check() error {
	if !wire.ValidName(n.Name) || n.Name == centre {
		return fault.BadField("name", "device.controller_name", "not a name of 1 to 32 lower case letters, digits, hyphens")
	}
	var err error
	n.Place, err = field.Text("place", n.Place, 64)
	return err
}

func newSecret() Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	return Secret{hex.EncodeToString(b)}
}

func (s Secret) sha256() string {
	h := sha256.Sum256([]byte(s.text))
	return hex.EncodeToString(h[:])
}

func keepController(ctx context.Context, tx *store.Tx, n NewController, s Secret) error {
	_, err := tx.Version(ctx, "controller", n.Name,
		store.Row{{Name: "place", Value: n.Place}, {Name: "secret_sha256", Value: s.sha256()}}, nil)
	return err
}

// RenewSecret gives a controller a new secret; the old one stops working at its next connection.
func (r *Register) RenewSecret(ctx context.Context, actor store.Actor, name, reason string) (Secret, error) {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return Secret{}, fmt.Errorf("renew secret: %w", err)
	}
	secret := newSecret()
	err = r.write(ctx, actor, reason, func(tx *store.Tx) error {
		c, err := getController(ctx, tx, name)
		if err != nil {
			return err
		}
		return keepController(ctx, tx, NewController{Name: name, Place: c.Place}, secret)
	})
	if err != nil {
		return Secret{}, fmt.Errorf("renew secret: %w", err)
	}
	return secret, nil
}

// CheckSecret returns an Unauthenticated error unless secret is the controller's. An unknown name takes as
// long as a wrong secret. It has no actor: it is how a controller becomes one.
func (r *Register) CheckSecret(ctx context.Context, name, secret string) error {
	kept := newSecret().sha256() // what nobody knows
	err := r.store.Read(ctx, func(q store.Queryer) error {
		err := q.Get(ctx, &kept, `SELECT v.secret_sha256 FROM controller c
			JOIN controller_version v ON v.id = c.id AND v.n = c.n WHERE c.id = ?`, name)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("check secret: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(kept), []byte(Secret{secret}.sha256())) != 1 {
		return fault.New(fault.Unauthenticated, "device.secret", "unknown controller or wrong secret")
	}
	return nil
}

// AddReader enters a reader or I/O device.
func (r *Register) AddReader(ctx context.Context, actor store.Actor, d Reader) (Reader, error) {
	if err := d.check(); err != nil {
		return Reader{}, fmt.Errorf("add reader: %w", err)
	}
	err := r.write(ctx, actor, "", func(tx *store.Tx) error {
		if err := Known(ctx, tx, d.Controller); err != nil {
			return err
		}
		taken, err := hasReader(ctx, tx, d.Controller, d.Name)
		if err != nil {
			return err
		}
		if taken {
			return fault.New(fault.Conflict, "device.reader_taken", fmt.Sprintf("%s has a device %q", d.Controller, d.Name))
		}
		d.Version, err = tx.Version(ctx, "reader", d.id(), store.Row{
			{Name: "address", Value: int64(d.Address)},
			{Name: "controller", Value: d.Controller},
			{Name: "kind", Value: string(d.Kind)},
			{Name: "name", Value: d.Name},
		}, nil)
		return err
	})
	if err != nil {
		return Reader{}, fmt.Errorf("add reader: %w", err)
	}
	return d, nil
}

func (d Reader) id() string { return d.Controller + "/" + d.Name }

func (d Reader) check() error {
	if err := field.Device("name", d.Name); err != nil {
		return err
	}
	if d.Kind != OSDPReader && d.Kind != OSDPIO {
		return fault.BadField("kind", "device.kind", fmt.Sprintf("kind %.20q", d.Kind))
	}
	if d.Address < 0 || d.Address > 126 {
		return fault.BadField("address", "device.address", "address outside 0–126")
	}
	return nil
}

func (r *Register) write(ctx context.Context, actor store.Actor, reason string, fn func(*store.Tx) error) error {
	return r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.DeviceWrite); err != nil {
			return err
		}
		return fn(tx)
	})
}

// Known returns a NotFound error unless the controller is registered. Other registers and the ingest ask it in
// their transactions.
func Known(ctx context.Context, q store.Queryer, controller string) error {
	var n int64
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM controller WHERE id = ?`, controller)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "device.unknown_controller", fmt.Sprintf("no controller %.40q", controller))
	}
	return err
}

// KnownReader returns a NotFound error unless the device is registered on the controller and is a reader.
func KnownReader(ctx context.Context, q store.Queryer, controller, name string) error {
	var kind Kind
	err := q.Get(ctx, &kind, `SELECT v.kind FROM reader r JOIN reader_version v ON v.id = r.id AND v.n = r.n
		WHERE r.id = ?`, Reader{Controller: controller, Name: name}.id())
	if fault.KindOf(err) == fault.NotFound || (err == nil && kind != OSDPReader) {
		return fault.New(fault.NotFound, "device.unknown_reader", fmt.Sprintf("no reader %.40q on %s", name, controller))
	}
	return err
}

func hasReader(ctx context.Context, q store.Queryer, controller, name string) (bool, error) {
	var n int64
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM reader WHERE id = ?`, Reader{Controller: controller, Name: name}.id())
	return n > 0, err
}
