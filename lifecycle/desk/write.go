package desk

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

// steps of a desk.
const (
	stepAdded    = "added"
	stepChanged  = "changed"
	stepToken    = "token"
	stepEnrolled = "enrolled"
	stepRenewed  = "renewed"
	stepRevoked  = "revoked"
)

// kept is the newest version of a desk as it is stored.
type kept struct {
	Place, Accepts string
	WatchS         int64 `db:"watch_s"`
	State          State
	PublicKey      string `db:"public_key"` // hex
	KeyID          string `db:"key_id"`
	Fingerprint    string
	Serial         string
	IssuedAt       string `db:"issued_at"`
	NotAfter       string `db:"not_after"`
}

func keptOf(ctx context.Context, q store.Queryer, name string) (kept, error) {
	var k kept
	err := q.Get(ctx, &k, `SELECT place, accepts, watch_s, state, public_key, key_id, fingerprint, serial, issued_at, not_after
		FROM v_desk_desk WHERE id = ?`, name)
	if fault.KindOf(err) == fault.NotFound {
		err = unknown(name)
	}
	return k, err
}

// step writes the next version.
func (k kept) step(ctx context.Context, tx *store.Tx, name, what string, tokenUntil time.Time) error {
	_, err := tx.Version(ctx, "desk", name, store.Row{
		{Name: "accepts", Value: k.Accepts},
		{Name: "fingerprint", Value: k.Fingerprint},
		{Name: "issued_at", Value: k.IssuedAt},
		{Name: "key_id", Value: k.KeyID},
		{Name: "not_after", Value: k.NotAfter},
		{Name: "place", Value: k.Place},
		{Name: "public_key", Value: k.PublicKey},
		{Name: "serial", Value: k.Serial},
		{Name: "state", Value: string(k.State)},
		{Name: "step", Value: what},
		{Name: "token_until", Value: period.Text(tokenUntil)},
		{Name: "watch_s", Value: k.WatchS},
	}, nil)
	return err
}

func (k *kept) describe(d Details) {
	k.Place, k.Accepts, k.WatchS = d.Place, d.accepts(), int64(d.Watch/time.Second)
}

func (k *kept) certified(c Certificate) {
	k.Serial, k.Fingerprint, k.IssuedAt, k.NotAfter = c.Serial, c.Fingerprint, period.Text(c.Issued), period.Text(c.Until)
}

// Add enters a desk. It can do nothing before it is enrolled with a token. Needs authz.DeviceWrite. A name in use is a Conflict "desk.name_taken".
func (r *Register) Add(ctx context.Context, actor store.Actor, name string, d Details) error {
	if err := validName(name); err != nil {
		return fmt.Errorf("add desk: %w", err)
	}
	if err := d.check(); err != nil {
		return fmt.Errorf("add desk: %w", err)
	}
	return r.write(ctx, actor, "add desk", "", func(tx *store.Tx) error {
		_, err := keptOf(ctx, tx, name)
		if err == nil {
			return fault.New(fault.Conflict, "desk.name_taken", fmt.Sprintf("desk %q exists", name))
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		first := kept{State: Registered}
		first.describe(d)
		return first.step(ctx, tx, name, stepAdded, time.Time{})
	})
}

// Change says anew where a desk stands, what it takes and when a card counts as left there. Needs authz.DeviceWrite.
func (r *Register) Change(ctx context.Context, actor store.Actor, name, reason string, d Details) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return fmt.Errorf("change desk: %w", err)
	}
	return r.write(ctx, actor, "change desk", reason, func(tx *store.Tx) error {
		present, err := keptOf(ctx, tx, name)
		if err != nil {
			return err
		}
		present.describe(d)
		return present.step(ctx, tx, name, stepChanged, time.Time{})
	})
}

func (r *Register) write(ctx context.Context, actor store.Actor, doing, reason string, fn func(*store.Tx) error) error {
	err := r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.DeviceWrite); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
