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
	policy_epoch, policy_n, policy_hash, software, devices, doors, trouble`

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
}

func (r controllerRow) controller() (Controller, error) {
	c := Controller{
		Name: r.ID, Place: r.Place, Version: r.N, Wanted: access.Version{Epoch: r.WantedEpoch, N: r.WantedN},
	}
	if r.Online == nil {
		return c, nil
	}
	c.Online, c.Software, c.PolicyHash = *r.Online, *r.Software, *r.PolicyHash
	c.Applied = access.Version{Epoch: *r.PolicyEpoch, N: *r.PolicyN}
	if *r.LastSeq > *r.Acked {
		c.Backlog = *r.LastSeq - *r.Acked
	}
	if r.OffsetMS != nil {
		c.Offset, c.OffsetOK = time.Duration(*r.OffsetMS)*time.Millisecond, true
	}
	var err error
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

// Readers lists the devices of a controller, or of all when it is empty, in the order of controllers and names.
func (r *Register) Readers(ctx context.Context, actor store.Actor, controller string) ([]Reader, error) {
	var rows []struct {
		Name, Controller string
		Kind             Kind
		Address          int
		N                int64
	}
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT v.name, v.controller, v.kind, v.address, r.n FROM reader r
			JOIN reader_version v ON v.id = r.id AND v.n = r.n
			WHERE v.controller = ? OR ? = '' ORDER BY v.controller, v.name`, controller, controller)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Reader, len(rows))
	for i, row := range rows {
		list[i] = Reader{Name: row.Name, Controller: row.Controller, Kind: row.Kind, Address: row.Address, Version: row.N}
	}
	return list, nil
}

// History returns every change of a controller, oldest first. Its secret is not among the fields.
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
