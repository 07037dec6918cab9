package explain

import (
	"context"
	"encoding/json"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/period"
)

// scene is the part of a policy that a decision about one person at one reader reads, and how people call what is in it.
type scene struct {
	spec   access.Spec
	door   access.Door // zero: the reader is at none
	area   access.Area // zero likewise
	person *access.Person
	card   *access.Credential
	ended  map[access.Key]bool // the forms of credentials that the card has no more
	name   string              // of the person; empty when it was erased
	label  string              // of the card
}

// asked is whom and what a scene is of. At most one of card, person alone and fingerprint says who it is.
type asked struct {
	controller, reader, card, person, fingerprint string
	form                                          access.Key // of the card, that has the fingerprint
}

// reading reads the registers as they stood before a leaf of the ledger.
type reading struct {
	q      store.Queryer
	before int64
	forms  access.Forms
}

// stored reads JSON that a register wrote.
func stored(text string, into any) error {
	return fault.Wrap(fault.Internal, json.Unmarshal([]byte(text), into), "read what a register stored")
}

// there reports whether a row was read; that there is none is no error.
func there(err error) (bool, error) {
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

func (r *reading) scene(ctx context.Context, a asked) (*scene, error) {
	s := &scene{}
	if found, err := r.place(ctx, s, a); err != nil || !found {
		return s, err
	}
	if a.card == "" && a.fingerprint != "" {
		var err error
		if a.card, a.form, err = r.cardOf(ctx, a.fingerprint); err != nil {
			return nil, err
		}
	}
	for _, read := range []func(context.Context, *scene, asked) error{r.holder, r.rights, r.pins, r.recovery, r.schedules, r.revocations} {
		if err := read(ctx, s, a); err != nil {
			return nil, err
		}
	}
	access.Order(&s.spec)
	return s, nil
}

// place finds the door that a reader is at, and its area; false when it is at none.
func (r *reading) place(ctx context.Context, s *scene, a asked) (bool, error) {
	var rows []struct {
		ID, Name, Area string
		Entry          string `db:"entry_readers"`
		Exit           string `db:"exit_readers"`
		ReleaseMS      int    `db:"release_ms"`
		HeldMS         int    `db:"held_ms"`
	}
	err := r.q.Select(ctx, &rows, `SELECT d.id, d.name, d.area, d.entry_readers, d.exit_readers, d.release_ms, d.held_ms FROM v_explain_door d
		WHERE d.controller = ? AND d.n = (SELECT MAX(o.n) FROM v_explain_door o WHERE o.id = d.id AND o.leaf < ?)`, a.controller, r.before)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		d := access.Door{ID: row.ID, Name: row.Name, Area: row.Area, ReleaseMS: row.ReleaseMS, HeldMS: row.HeldMS} // what its interlock says is a fact
		if err := stored(row.Entry, &d.EntryReads); err != nil {
			return false, err
		}
		if err := stored(row.Exit, &d.ExitReads); err != nil {
			return false, err
		}
		if slices.Contains(slices.Concat(d.EntryReads, d.ExitReads), a.reader) {
			s.door, s.spec.Doors = d, []access.Door{d}
			if err := r.profile(ctx, s, a); err != nil {
				return false, err
			}
			return true, r.area(ctx, s)
		}
	}
	return false, nil
}

// profile reads what the reader was commissioned with then.
func (r *reading) profile(ctx context.Context, s *scene, a asked) error {
	var row struct{ Trust, Frames string }
	found, err := there(r.q.Get(ctx, &row, `SELECT trust, frames FROM v_explain_reader WHERE controller = ? AND name = ? AND leaf < ? ORDER BY n DESC LIMIT 1`,
		a.controller, a.reader, r.before))
	if err != nil || !found {
		return err
	}
	p := access.Reader{Name: a.reader, Trust: access.Trust(row.Trust)}
	s.spec.Readers = []access.Reader{p}
	return stored(row.Frames, &s.spec.Readers[0].Frames)
}

func (r *reading) area(ctx context.Context, s *scene) error {
	var row struct {
		Name, Record, Rules, Unlock string
		Grade                       int
	}
	err := r.q.Get(ctx, &row, `SELECT name, grade, record, rules, unlock FROM v_explain_area WHERE id = ? AND leaf < ? ORDER BY n DESC LIMIT 1`, s.door.Area, r.before)
	if err != nil {
		return err
	}
	a := access.Area{ID: s.door.Area, Name: row.Name, Grade: row.Grade, Record: access.RecordMode(row.Record)}
	if err := stored(row.Rules, &a.Rules); err != nil {
		return err
	}
	a.Unlock = row.Unlock
	var state string
	locked, err := there(r.q.Get(ctx, &state, `SELECT state FROM v_explain_lockdown WHERE id = ? AND leaf < ? ORDER BY n DESC LIMIT 1`, a.ID, r.before))
	if err != nil {
		return err
	}
	a.Lockdown = locked && state == "on"
	s.area, s.spec.Areas = a, []access.Area{a}
	return nil
}

// holder reads the card and whose it is, or the person.
func (r *reading) holder(ctx context.Context, s *scene, a asked) error {
	person := a.person
	if a.card != "" {
		if err := r.card(ctx, s, a); err != nil {
			return err
		}
		if person = ""; s.card != nil {
			person = s.card.Person
		}
	}
	if person == "" {
		return nil
	}
	var row struct {
		Class        access.Class
		Number, Name string
		period.Row
	}
	found, err := there(r.q.Get(ctx, &row, `SELECT class, number, name, valid_from, valid_until FROM v_explain_person
		WHERE id = ? AND leaf < ? ORDER BY n DESC LIMIT 1`, person, r.before))
	if err != nil || !found {
		return err
	}
	p := access.Person{ID: person, Class: row.Class, Number: row.Number}
	if p.From, p.Until, err = row.Unix(); err != nil {
		return err
	}
	s.person, s.name, s.spec.People = &p, row.Name, []access.Person{p}
	return nil
}

// states maps the register's states of a card to what a door makes of them; doors do not know cards in other states.
var states = map[string]access.CredentialState{
	"issued": access.Active, "suspended": access.Suspended, "revoked": access.Revoked,
}

func (r *reading) card(ctx context.Context, s *scene, a asked) error {
	var row struct {
		Label, Person, State string
		Key                  []byte `db:"credential_key"`
		period.Row
	}
	found, err := there(r.q.Get(ctx, &row, `SELECT label, person, state, credential_key, valid_from, valid_until FROM v_explain_card
		WHERE id = ? AND leaf < ? ORDER BY n DESC LIMIT 1`, a.card, r.before))
	if err != nil || !found {
		return err
	}
	s.label = row.Label
	state, known := states[row.State]
	if !known {
		return nil
	}
	c := access.Credential{Card: a.card, Person: row.Person, State: state}
	if c.From, c.Until, err = row.Unix(); err != nil {
		return err
	}
	return r.credentials(ctx, s, a, c)
}

// credentials gives the scene an entry for each credential of a card that counted then. The one that was shown, where that is known, stands for the card; else its
// own does. What one that had ended was told concerns no other.
func (r *reading) credentials(ctx context.Context, s *scene, a asked, c access.Credential) error {
	var rows []struct {
		State string
		Key   []byte `db:"credential_key"`
	}
	err := r.q.Select(ctx, &rows, `SELECT k.state, k.credential_key FROM v_explain_credential k
		WHERE k.card = ? AND k.n = (SELECT MAX(o.n) FROM v_explain_credential o WHERE o.card = k.card AND o.id = k.id AND o.leaf < ?) ORDER BY k.id`, a.card, r.before)
	if err != nil {
		return err
	}
	s.ended = map[access.Key]bool{}
	for _, row := range rows {
		one := c
		if one.Key, err = key(row.Key); err != nil {
			return err
		}
		forms := r.forms(one.Key)
		if row.State == "ended" {
			for _, form := range forms {
				s.ended[form] = true
			}
			continue
		}
		shown := a.form != (access.Key{}) && slices.Contains(forms, a.form)
		if shown {
			one.Key = a.form
		}
		if s.card == nil || shown {
			s.card = &one
		}
		s.spec.Credentials = append(s.spec.Credentials, one)
	}
	return nil
}

func key(stored []byte) (access.Key, error) {
	if len(stored) != len(access.Key{}) {
		return access.Key{}, fault.New(fault.Internal, "", "a stored key of another length")
	}
	return access.Key(stored), nil
}

// cardOf finds the card that has a fingerprint, and in which of its forms; empty for a stranger's. It looks at every card.
func (r *reading) cardOf(ctx context.Context, fingerprint string) (card string, form access.Key, err error) {
	var rows []struct {
		Card string
		Key  []byte `db:"credential_key"`
	}
	if err := r.q.Select(ctx, &rows, `SELECT DISTINCT card, credential_key FROM v_explain_credential WHERE leaf < ?`, r.before); err != nil {
		return "", form, err
	}
	for _, row := range rows {
		first, err := key(row.Key)
		if err != nil {
			return "", form, err
		}
		for _, form := range r.forms(first) {
			if form.Fingerprint() == fingerprint {
				return row.Card, form, nil
			}
		}
	}
	return "", form, nil
}

func (r *reading) rights(ctx context.Context, s *scene, _ asked) error {
	if s.person == nil {
		return nil
	}
	var rows []struct {
		Schedule         string
		Escort, Lockdown bool
		First            bool `db:"first_in"`
		period.Row
	}
	err := r.q.Select(ctx, &rows, `SELECT x.schedule, x.valid_from, x.valid_until, x.escort, x.first_in, x.lockdown FROM v_explain_right x
		WHERE x.person = ? AND x.area = ? AND x.state = 'granted' AND x.n = (SELECT MAX(o.n) FROM v_explain_right o WHERE o.id = x.id AND o.leaf < ?)`,
		s.person.ID, s.area.ID, r.before)
	if err != nil {
		return err
	}
	for _, row := range rows {
		from, until, err := row.Unix()
		if err != nil {
			return err
		}
		s.spec.Rights = append(s.spec.Rights, access.Right{
			Person: s.person.ID, Area: s.area.ID, Schedule: row.Schedule, From: from, Until: until, Escort: row.Escort, First: row.First, Lockdown: row.Lockdown,
		})
	}
	return nil
}

// pins reads the person's own PIN and that of the area.
func (r *reading) pins(ctx context.Context, s *scene, _ asked) error {
	if s.person == nil {
		return nil
	}
	var rows []struct {
		Area, Expires string
		Key           []byte `db:"pin_key"`
	}
	err := r.q.Select(ctx, &rows, `SELECT i.area, i.expires, i.pin_key FROM v_explain_pin i
		WHERE i.person = ? AND i.area IN (?) AND i.state = 'set' AND i.n = (SELECT MAX(o.n) FROM v_explain_pin o WHERE o.id = i.id AND o.leaf < ?)`,
		s.person.ID, []string{"", s.area.ID}, r.before)
	if err != nil {
		return err
	}
	for _, row := range rows {
		pin := access.PIN{Person: s.person.ID, Area: row.Area}
		if pin.Key, err = key(row.Key); err != nil {
			return err
		}
		until, err := period.Time(row.Expires)
		if err != nil {
			return err
		}
		pin.Until = until.Unix()
		s.spec.PINs = append(s.spec.PINs, pin)
	}
	return nil
}

// recovery gives the other recovery holders of the area a place: a policy has everybody it names.
func (r *reading) recovery(_ context.Context, s *scene, _ asked) error {
	for _, id := range s.area.Recovery {
		if s.person == nil || s.person.ID != id {
			s.spec.People = append(s.spec.People, access.Person{ID: id})
		}
	}
	return nil
}

func (r *reading) schedules(ctx context.Context, s *scene, _ asked) error {
	ids := map[string]bool{}
	for _, right := range s.spec.Rights {
		ids[right.Schedule] = true
	}
	ids[s.area.Unlock] = true
	delete(ids, "")
	holidays := false
	for id := range ids {
		var row struct {
			Name, Windows, Special string
			Holidays               int64
		}
		err := r.q.Get(ctx, &row, `SELECT name, windows, holidays, special FROM v_explain_schedule WHERE id = ? AND leaf < ? ORDER BY n DESC LIMIT 1`, id, r.before)
		if err != nil {
			return err
		}
		sc := access.Schedule{ID: id, Name: row.Name, Holidays: row.Holidays != 0}
		if err := stored(row.Windows, &sc.Windows); err != nil {
			return err
		}
		if err := stored(row.Special, &sc.Special); err != nil {
			return err
		}
		holidays = holidays || sc.Holidays
		s.spec.Schedules = append(s.spec.Schedules, sc)
	}
	if !holidays {
		return nil
	}
	known, err := calendar.ForDoorsAt(ctx, r.q, r.before)
	s.spec.Calendar, s.spec.CalendarUntil = known.Holidays, known.Until
	return err
}
