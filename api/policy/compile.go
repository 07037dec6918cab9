// Package policy turns the registers into what each controller must know, and brings it there.
//
// Compile is a function of the registers alone, not of the hour: the validity of a person, card or right goes
// along and the door judges it. The registers raise a controller's wanted version in the transaction that
// changes anything Compile reads for it (package device), so a version names one content for good. The
// Publisher sends the whole policy, in parts, until the controller says that it has applied that version and
// names its hash.
package policy

import (
	"context"
	"encoding/json"
	"sync"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/revocation"
)

// Compiler reads the registers. It is safe for concurrent use.
type Compiler struct {
	store *store.Store
	lease access.Lease
	seals *wire.Sealer
	forms access.Forms

	mu     sync.Mutex
	people *people // as last read
}

// New opens the compiler. The lease goes into every policy; seals seals the entries of the revocation set; cards and PINs go in the newest of their forms.
func New(s *store.Store, lease access.Lease, seals *wire.Sealer, forms access.Forms) *Compiler {
	return &Compiler{store: s, lease: lease, seals: seals, forms: forms}
}

// Compile returns the policy a controller should have now: the areas its doors lead into, the rights to them,
// every holder of a card with their cards, so that a door can say why it refuses one, the PINs of these people, and the whole revocation set. A
// controller without a door needs none of it. Lists are in access.Order; they are shared with other policies and must not be changed. An unknown controller
// is NotFound.
func (c *Compiler) Compile(ctx context.Context, controller string) (access.Spec, error) {
	var spec access.Spec
	err := c.store.Read(ctx, func(q store.Queryer) error {
		var err error
		spec, err = c.compile(ctx, q, controller)
		return err
	})
	return spec, fault.Wrap(fault.KindOf(err), err, "compile policy of "+controller)
}

func (c *Compiler) compile(ctx context.Context, q store.Queryer, controller string) (access.Spec, error) {
	version, err := device.Wanted(ctx, q, controller)
	if err != nil {
		return access.Spec{}, err
	}
	s := access.Spec{Version: version, Lease: c.lease}
	for _, read := range []func(context.Context, store.Queryer, string, *access.Spec) error{areas, doors, schedules, rights, revocations} {
		if err := read(ctx, q, controller, &s); err != nil {
			return access.Spec{}, err
		}
	}
	c.seals.Seal(s.Revocations)
	access.Order(&s)
	if len(s.Doors) == 0 {
		return s, nil
	}
	all, err := c.known(ctx, q)
	if err != nil {
		return access.Spec{}, err
	}
	all.into(&s)
	return s, nil
}

func areas(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct {
		ID, Name, Record string
		Grade            int
	}
	err := q.Select(ctx, &rows, `SELECT id, name, grade, record FROM v_policy_area WHERE controller = ?`, controller)
	for _, r := range rows {
		s.Areas = append(s.Areas, access.Area{ID: r.ID, Name: r.Name, Grade: r.Grade, Record: access.RecordMode(r.Record)})
	}
	return err
}

func doors(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct {
		ID, Name, Area string
		Entry          string `db:"entry_readers"`
		Exit           string `db:"exit_readers"`
		ReleaseMS      int    `db:"release_ms"`
		HeldMS         int    `db:"held_ms"`
	}
	err := q.Select(ctx, &rows, `SELECT id, name, area, entry_readers, exit_readers, release_ms, held_ms
		FROM v_policy_door WHERE controller = ?`, controller)
	if err != nil {
		return err
	}
	for _, r := range rows {
		d := access.Door{ID: r.ID, Name: r.Name, Area: r.Area, ReleaseMS: r.ReleaseMS, HeldMS: r.HeldMS}
		if err := list(r.Entry, &d.EntryReads); err != nil {
			return err
		}
		if err := list(r.Exit, &d.ExitReads); err != nil {
			return err
		}
		s.Doors = append(s.Doors, d)
	}
	return nil
}

// list reads a JSON list that a register wrote.
func list[T any](text string, into *[]T) error {
	return fault.Wrap(fault.Internal, json.Unmarshal([]byte(text), into), "read a stored list")
}

func schedules(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct{ ID, Name, Windows string }
	err := q.Select(ctx, &rows, `SELECT id, name, windows FROM v_policy_schedule WHERE controller = ?`, controller)
	if err != nil {
		return err
	}
	for _, r := range rows {
		sc := access.Schedule{ID: r.ID, Name: r.Name}
		if err := list(r.Windows, &sc.Windows); err != nil {
			return err
		}
		s.Schedules = append(s.Schedules, sc)
	}
	return nil
}

func rights(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct {
		Person, Area, Schedule string
		validity
	}
	err := q.Select(ctx, &rows, `SELECT person, area, schedule, valid_from, valid_until
		FROM v_policy_right WHERE controller = ?`, controller)
	if err != nil {
		return err
	}
	s.Rights = make([]access.Right, 0, len(rows))
	for _, r := range rows {
		from, until, err := r.unix()
		if err != nil {
			return err
		}
		s.Rights = append(s.Rights, access.Right{Person: r.Person, Area: r.Area, Schedule: r.Schedule, From: from, Until: until})
	}
	return nil
}

func revocations(ctx context.Context, q store.Queryer, _ string, s *access.Spec) error {
	if len(s.Doors) == 0 {
		return nil
	}
	var err error
	s.Revocations, err = revocation.Set(ctx, q)
	return err
}
