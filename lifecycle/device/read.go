package device

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/period"
)

const controllerColumns = `id, n, place, wanted_n, wanted_epoch, online, seen, offset_ms, last_seq, acked,
	policy_epoch, policy_n, policy_hash, software, devices, doors, trouble, start_n, status_n, kept, fill_per_mil,
	revoked_epoch, revoked_n, revoked_hash, lease_age_s, leased_at, state, key_id, fingerprint, serial, issued_at, not_after,
	revoked_at, revoked_reason, token_until`

// controllerRow is a row of v_device_controller; the pointers are null until the first status.
type controllerRow struct {
	ID          string
	N           int64
	Place       string
	WantedN     uint64 `db:"wanted_n"`
	WantedEpoch uint64 `db:"wanted_epoch"`
	Online      *bool
	Seen        *string
	OffsetMS    *int64  `db:"offset_ms"`
	LastSeq     *uint64 `db:"last_seq"`
	Acked       *uint64
	PolicyEpoch *uint64 `db:"policy_epoch"`
	PolicyN     *uint64 `db:"policy_n"`
	PolicyHash  *string `db:"policy_hash"`
	Software    *string
	Devices     *string
	Doors       *string
	Trouble     *string
	statusRow
	identityRow
}

// statusRow is what of a status came later; null until the first one, but for LeasedAt.
type statusRow struct {
	StartN       *uint64 `db:"start_n"`
	StatusN      *uint64 `db:"status_n"`
	Kept         *uint64
	FillPerMil   *int    `db:"fill_per_mil"`
	RevokedEpoch *uint64 `db:"revoked_epoch"`
	RevokedN     *uint64 `db:"revoked_n"`
	RevokedHash  *string `db:"revoked_hash"`
	LeaseAgeS    *int64  `db:"lease_age_s"`
	LeasedAt     string  `db:"leased_at"`
}

func (r statusRow) fill(c *Controller) (err error) {
	c.Start, c.N, c.Kept, c.FillPerMil = *r.StartN, *r.StatusN, *r.Kept, *r.FillPerMil
	c.Revoked, c.RevokedHash = access.Version{Epoch: *r.RevokedEpoch, N: *r.RevokedN}, *r.RevokedHash
	c.LeaseAge = time.Duration(*r.LeaseAgeS) * time.Second
	c.LeasedAt, err = period.Time(r.LeasedAt)
	return err
}

type identityRow struct {
	State         State
	KeyID         string `db:"key_id"`
	Fingerprint   string
	Serial        string
	IssuedAt      string `db:"issued_at"`
	NotAfter      string `db:"not_after"`
	RevokedAt     string `db:"revoked_at"`
	RevokedReason string `db:"revoked_reason"`
	TokenUntil    string `db:"token_until"`
}

func (r identityRow) identity() (Identity, error) {
	i := Identity{
		State: r.State, KeyID: r.KeyID, Fingerprint: r.Fingerprint, CertificateSerial: r.Serial, RevokedReason: r.RevokedReason,
	}
	for _, t := range []struct {
		text string
		into *time.Time
	}{
		{r.IssuedAt, &i.CertificateIssued}, {r.NotAfter, &i.CertificateUntil}, {r.RevokedAt, &i.RevokedAt}, {r.TokenUntil, &i.TokenUntil},
	} {
		var err error
		if *t.into, err = period.Time(t.text); err != nil {
			return Identity{}, err
		}
	}
	return i, nil
}

func (r controllerRow) controller() (Controller, error) {
	c := Controller{
		Name: r.ID, Place: r.Place, Version: r.N, Wanted: access.Version{Epoch: r.WantedEpoch, N: r.WantedN},
	}
	var err error
	if c.Identity, err = r.identity(); err != nil || r.Online == nil {
		return c, err
	}
	if err := r.fill(&c); err != nil {
		return c, err
	}
	c.Online, c.Software, c.PolicyHash = *r.Online, *r.Software, *r.PolicyHash
	c.Applied = access.Version{Epoch: *r.PolicyEpoch, N: *r.PolicyN}
	if *r.LastSeq > *r.Acked {
		c.Backlog = *r.LastSeq - *r.Acked
	}
	if r.OffsetMS != nil {
		c.Offset, c.OffsetOK = time.Duration(*r.OffsetMS)*time.Millisecond, true
	}
	if c.LastSeen, err = period.Time(*r.Seen); err != nil {
		return c, err
	}
	for text, into := range map[*string]any{r.Devices: &c.Devices, r.Doors: &c.Doors, r.Trouble: &c.Trouble} {
		if err := json.Unmarshal([]byte(*text), into); err != nil {
			return c, fault.Wrap(fault.Internal, err, "read a stored status")
		}
	}
	return c, nil
}

func getController(ctx context.Context, q store.Queryer, name string) (Controller, error) {
	var row controllerRow
	err := q.Get(ctx, &row, `SELECT `+controllerColumns+` FROM v_device_controller WHERE id = ?`, name)
	if fault.KindOf(err) == fault.NotFound {
		return Controller{}, fault.New(fault.NotFound, "device.unknown_controller", fmt.Sprintf("no controller %.40q", name))
	}
	if err != nil {
		return Controller{}, err
	}
	return row.controller()
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.DeviceRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read devices: %w", err)
		}
		return nil
	})
}

// Controller returns one controller.
func (r *Register) Controller(ctx context.Context, actor store.Actor, name string) (Controller, error) {
	var c Controller
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		c, err = getController(ctx, q, name)
		return err
	})
	return c, err
}

// Controllers lists every controller in the order of names.
func (r *Register) Controllers(ctx context.Context, actor store.Actor) ([]Controller, error) {
	var rows []controllerRow
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT `+controllerColumns+` FROM v_device_controller ORDER BY id`)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Controller, len(rows))
	for i, row := range rows {
		if list[i], err = row.controller(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// History returns every change of a controller, oldest first. What became of its keys is in IdentityHistory.
func (r *Register) History(ctx context.Context, actor store.Actor, controller string) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if err := Known(ctx, q, controller); err != nil {
			return err
		}
		var err error
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, place FROM controller_version
			WHERE id = ? ORDER BY n`, controller)
		return err
	})
	return changes, err
}

// IdentityHistory returns every step of a controller's identity, oldest first: tokens made, keys enrolled, certificates renewed,
// revocations. No token is among the fields.
func (r *Register) IdentityHistory(ctx context.Context, actor store.Actor, controller string) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if err := Known(ctx, q, controller); err != nil {
			return err
		}
		var err error
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, step, state, key_id, fingerprint, serial, issued_at,
			not_after, token_until FROM controller_identity_version WHERE id = ? ORDER BY n`, controller)
		return err
	})
	return changes, err
}
