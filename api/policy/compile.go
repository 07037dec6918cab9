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
	"slices"
	"sync"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/period"
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

// Compile returns the policy a controller should have now: the areas its doors lead into, its readers' profiles, the rights to them,
// every holder of a card with their cards, so that a door can say why it refuses one, the PINs of these people, and the whole revocation set. A
// controller without a door needs none of it. Lists are in access.Order; they are shared with other policies and must not be changed. An unknown controller
// is NotFound.
func (c *Compiler) Compile(ctx context.Context, controller string) (access.Spec, error) {
	spec, _, err := c.compileAt(ctx, controller)
	return spec, err
}

// compileAt is Compile, with the size that the ledger had then.
func (c *Compiler) compileAt(ctx context.Context, controller string) (spec access.Spec, size int64, err error) {
	err = c.store.Read(ctx, func(q store.Queryer) error {
		var err error
		if spec, err = c.compile(ctx, q, controller); err != nil {
			return err
		}
		return q.Get(ctx, &size, `SELECT size FROM v_policy_ledger`)
	})
	return spec, size, fault.Wrap(fault.KindOf(err), err, "compile policy of "+controller)
}

func (c *Compiler) compile(ctx context.Context, q store.Queryer, controller string) (access.Spec, error) {
	version, err := device.Wanted(ctx, q, controller)
	if err != nil {
		return access.Spec{}, err
	}
	s := access.Spec{Version: version, Lease: c.lease}
	for _, read := range []func(context.Context, store.Queryer, string, *access.Spec) error{areas, doors, readers, schedules, holidays, rights, revocations} {
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
		ID, Name, Record, Rules, Unlock string
		Grade                           int
		Lockdown                        bool
	}
	err := q.Select(ctx, &rows, `SELECT id, name, grade, record, rules, unlock, lockdown FROM v_policy_area WHERE controller = ?`, controller)
	if err != nil {
		return err
	}
	for _, r := range rows {
		a := access.Area{ID: r.ID, Name: r.Name, Grade: r.Grade, Record: access.RecordMode(r.Record), Lockdown: r.Lockdown}
		if err := stored(r.Rules, &a.Rules); err != nil {
			return err
		}
		a.Unlock = r.Unlock
		s.Areas = append(s.Areas, a)
	}
	return nil
}

func doors(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct {
		ID, Name, Area string
		Entry          string `db:"entry_readers"`
		Exit           string `db:"exit_readers"`
		ReleaseMS      int    `db:"release_ms"`
		HeldMS         int    `db:"held_ms"`
		Interlock      string
	}
	err := q.Select(ctx, &rows, `SELECT id, name, area, entry_readers, exit_readers, release_ms, held_ms, interlock
		FROM v_policy_door WHERE controller = ?`, controller)
	if err != nil {
		return err
	}
	for _, r := range rows {
		d := access.Door{ID: r.ID, Name: r.Name, Area: r.Area, ReleaseMS: r.ReleaseMS, HeldMS: r.HeldMS, Interlock: r.Interlock}
		if err := stored(r.Entry, &d.EntryReads); err != nil {
			return err
		}
		if err := stored(r.Exit, &d.ExitReads); err != nil {
			return err
		}
		s.Doors = append(s.Doors, d)
	}
	return nil
}

// readers are those that somebody has commissioned.
func readers(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct{ Name, Trust, Frames string }
	err := q.Select(ctx, &rows, `SELECT name, trust, frames FROM v_policy_reader WHERE controller = ? ORDER BY name`, controller)
	if err != nil || len(s.Doors) == 0 {
		return err
	}
	for _, r := range rows {
		profile := access.Reader{Name: r.Name, Trust: access.Trust(r.Trust)}
		if err := stored(r.Frames, &profile.Frames); err != nil {
			return err
		}
		if len(profile.Frames) == 0 {
			profile.Frames = nil // as a policy says it
		}
		s.Readers = append(s.Readers, profile)
	}
	return nil
}

// stored reads JSON that a register wrote.
func stored(text string, into any) error {
	return fault.Wrap(fault.Internal, json.Unmarshal([]byte(text), into), "read what a register stored")
}

func schedules(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct {
		ID, Name, Windows, Special string
		Holidays                   int64
	}
	err := q.Select(ctx, &rows, `SELECT s.id, s.name, s.windows, t.holidays, t.special
		FROM v_policy_schedule s JOIN v_policy_timetable t ON t.id = s.id WHERE s.controller = ?`, controller)
	if err != nil {
		return err
	}
	for _, r := range rows {
		sc := access.Schedule{ID: r.ID, Name: r.Name, Holidays: r.Holidays != 0}
		if err := stored(r.Windows, &sc.Windows); err != nil {
			return err
		}
		if err := stored(r.Special, &sc.Special); err != nil {
			return err
		}
		s.Schedules = append(s.Schedules, sc)
	}
	return nil
}

// holidays go to a controller when a schedule of its asks for them.
func holidays(ctx context.Context, q store.Queryer, _ string, s *access.Spec) error {
	if !slices.ContainsFunc(s.Schedules, func(sc access.Schedule) bool { return sc.Holidays }) {
		return nil
	}
	known, err := calendar.ForDoors(ctx, q)
	s.Calendar, s.CalendarUntil = known.Holidays, known.Until
	return err
}

func rights(ctx context.Context, q store.Queryer, controller string, s *access.Spec) error {
	var rows []struct {
		Person, Area, Schedule string
		Escort, Lockdown       bool
		First                  bool `db:"first_in"`
		period.Row
	}
	err := q.Select(ctx, &rows, `SELECT person, area, schedule, valid_from, valid_until, escort, first_in, lockdown
		FROM v_policy_right WHERE controller = ?`, controller)
	if err != nil {
		return err
	}
	s.Rights = make([]access.Right, 0, len(rows))
	for _, r := range rows {
		from, until, err := r.Unix()
		if err != nil {
			return err
		}
		s.Rights = append(s.Rights, access.Right{
			Person: r.Person, Area: r.Area, Schedule: r.Schedule, From: from, Until: until, Escort: r.Escort, First: r.First, Lockdown: r.Lockdown,
		})
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
