package device

import (
	"context"
	"fmt"
	"strings"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/field"
)

// AddController enters a controller. It can do nothing before it is enrolled with a token (NewToken).
func (r *Register) AddController(ctx context.Context, actor store.Actor, n NewController) (Controller, error) {
	if err := n.check(); err != nil {
		return Controller{}, fmt.Errorf("add controller: %w", err)
	}
	var c Controller
	err := r.write(ctx, actor, "", func(tx *store.Tx) error {
		err := Known(ctx, tx, n.Name)
		if err == nil {
			return fault.New(fault.Conflict, "device.name_taken", fmt.Sprintf("controller %q exists", n.Name))
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		if err := keepController(ctx, tx, n); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO controller_policy (controller, n) VALUES (?, 1)`, n.Name); err != nil {
			return err
		}
		c, err = getController(ctx, tx, n.Name)
		return err
	})
	if err != nil {
		return Controller{}, fmt.Errorf("add controller: %w", err)
	}
	return c, nil
}

func (n *NewController) check() error {
	if !wire.ValidController(n.Name) {
		return fault.BadField("name", "device.controller_name", "not a name of 1 to 32 lower case letters, digits, hyphens")
	}
	var err error
	n.Place, err = field.Text("place", n.Place, 64)
	return err
}

// noSecret stands where controllers once had a password. The column cannot go: the rows that have one are bound to the ledger.
var noSecret = strings.Repeat("0", 64)

func keepController(ctx context.Context, tx *store.Tx, n NewController) error {
	_, err := tx.Version(ctx, "controller", n.Name,
		store.Row{{Name: "place", Value: n.Place}, {Name: "secret_sha256", Value: noSecret}}, nil)
	return err
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
