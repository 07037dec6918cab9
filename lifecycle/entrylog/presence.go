package entrylog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog/passage"
	"kanmon/lifecycle/period"
)

// EntryLasts is how long an entry to an area whose exits are not measured means inside, if nobody says otherwise: past the end of the day.
const EntryLasts = 14 * time.Hour

// sourceLags is how long what a connected controller has not handed over yet is nothing to mention.
const sourceLags = 2 * time.Minute

// Presence is who is inside, as far as is known at a moment.
type Presence struct {
	At    time.Time
	Areas []PresentArea
}

// PresentArea is one area with the people in it. An area that events name and nobody registered has no Name.
type PresentArea struct {
	ID, Name string
	BothWays bool // all its doors measure both ways
	Sources  []Source
	People   []Present // by person; those whose exit is unknown as well
}

// Source is a controller of doors to an area.
type Source struct {
	Controller string
	Online     bool
	KnownTo    time.Time // everything it saw until then is in the log; zero: it was never heard
	Missing    int64     // events that it says it has and the log has not; fewer than none: the log is ahead of what it said
}

// Present is one person in one area.
type Present struct {
	Person, PersonName string
	Since              time.Time // by the controller's clock
	Door, DoorName     string    // empty when entered by hand
	Evidence           passage.Evidence
	GrantOnly          bool // whether the door opened is not known
	ExitUnknown        bool // probably gone: entered long ago, where leaving is not measured
	Also               []Named
}

// Named is a thing with its name of today.
type Named struct{ ID, Name string }

// Behind reports whether the area may look different by now from what the source has told.
func (s Source) Behind(now time.Time) bool {
	return !s.Online || (s.Missing > 0 && now.Sub(s.KnownTo) > sourceLags)
}

// KnownTo is the moment up to which everything about the area is known; zero for never, and for an area without a door.
func (a PresentArea) KnownTo() time.Time {
	if len(a.Sources) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(a.Sources, func(a, b Source) int { return a.KnownTo.Compare(b.KnownTo) }).KnownTo
}

// Inside is how many people are inside, without those whose exit is unknown.
func (a PresentArea) Inside() int {
	n := 0
	for _, p := range a.People {
		if !p.ExitUnknown {
			n++
		}
	}
	return n
}

// Present says who is inside, in every area or in one. Needs authz.EntryRead. Errors: NotFound "area.unknown_area".
func (r *Register) Present(ctx context.Context, actor store.Actor, area string) (Presence, error) {
	p := Presence{At: r.store.Now()}
	err := r.read(ctx, actor, func(q store.Queryer) error {
		in, err := r.inside(ctx, q, p.At)
		if err != nil {
			return err
		}
		p.Areas, err = in.areas(ctx, q, area)
		return err
	})
	return p, err
}

// inside reads all that is known and says who is where.
func (r *Register) inside(ctx context.Context, q store.Queryer, now time.Time) (picture, error) {
	p := picture{areaNames: map[string]string{}, bothWays: map[string]bool{}, sources: map[string][]Source{}}
	known := passage.Known{Areas: map[string]passage.Area{}}
	for _, read := range []func() error{
		func() error { return p.readAreas(ctx, q, known.Areas) },
		func() error { return readPositions(ctx, q, &known) },
		func() error { return readWaiting(ctx, q, &known) },
		func() error { return readMarks(ctx, q, &known) },
	} {
		if err := read(); err != nil {
			return picture{}, err
		}
	}
	p.inside = known.Inside(now, r.lasts)
	return p, nil
}

// picture is who is where, before names are put to it.
type picture struct {
	areaIDs   []string
	areaNames map[string]string
	bothWays  map[string]bool
	sources   map[string][]Source
	inside    []passage.Inside
}

func (p *picture) readAreas(ctx context.Context, q store.Queryer, known map[string]passage.Area) error {
	var areas []struct {
		ID, Name string
		BothWays bool `db:"both_ways"`
	}
	if err := q.Select(ctx, &areas, `SELECT id, name, both_ways FROM v_entrylog_area ORDER BY id`); err != nil {
		return err
	}
	var rows []sourceRow
	err := q.Select(ctx, &rows, `SELECT area, controller, online, seen, missing, last_at, last_received FROM v_entrylog_source ORDER BY area, controller`)
	if err != nil {
		return err
	}
	served := map[string][]string{}
	for _, row := range rows {
		s, err := row.source()
		if err != nil {
			return err
		}
		p.sources[row.Area] = append(p.sources[row.Area], s)
		served[row.Area] = append(served[row.Area], row.Controller)
	}
	for _, a := range areas {
		p.areaIDs = append(p.areaIDs, a.ID)
		p.areaNames[a.ID], p.bothWays[a.ID] = a.Name, a.BothWays
		known[a.ID] = passage.Area{BothWays: a.BothWays, Controllers: served[a.ID]}
	}
	return nil
}

type sourceRow struct {
	Area, Controller, Seen string
	Online                 bool
	Missing                int64
	LastAt                 string `db:"last_at"`
	LastReceived           string `db:"last_received"`
}

// source: as long as events are missing, what is known ends with the last event; else with the last word.
func (r sourceRow) source() (Source, error) {
	s := Source{Controller: r.Controller, Online: r.Online, Missing: r.Missing}
	texts := []string{r.LastAt}
	if r.Missing <= 0 {
		texts = []string{r.Seen, r.LastReceived}
	}
	for _, text := range texts {
		t, err := period.Time(text)
		if err != nil {
			return Source{}, err
		}
		if t.After(s.KnownTo) {
			s.KnownTo = t
		}
	}
	return s, nil
}

// readPositions reads by hand last: of what is of the same moment it counts.
func readPositions(ctx context.Context, q store.Queryer, known *passage.Known) error {
	var rows []struct {
		Person, Area, Door, At, Proof string
		Inside, Spoken                bool
	}
	err := q.Select(ctx, &rows, `SELECT person, area, inside, at, door, proof, 0 AS spoken FROM presence
		UNION ALL SELECT person, area, inside, at, '' AS door, 'hand' AS proof, 1 AS spoken FROM v_entrylog_hand ORDER BY spoken`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		at, err := period.Time(row.At)
		if err != nil {
			return err
		}
		known.Positions = append(known.Positions, passage.Position{
			Person: row.Person, Area: row.Area, Door: row.Door, In: row.Inside, At: at, Proof: passage.Proof(row.Proof),
		})
	}
	return nil
}

func readWaiting(ctx context.Context, q store.Queryer, known *passage.Known) error {
	var states []string
	if err := q.Select(ctx, &states, `SELECT state FROM presence_waiting ORDER BY controller`); err != nil {
		return err
	}
	for _, text := range states {
		var s passage.State
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return fault.Wrap(fault.Internal, err, "read who waits for a door")
		}
		known.Waiting = append(known.Waiting, s.Grants...)
	}
	return nil
}

func readMarks(ctx context.Context, q store.Queryer, known *passage.Known) error {
	var rows []struct {
		Controller, Person, Area, At string
		Doubt                        bool
	}
	if err := q.Select(ctx, &rows, `SELECT controller, person, area, doubt, at FROM presence_mark`); err != nil {
		return err
	}
	for _, row := range rows {
		at, err := period.Time(row.At)
		if err != nil {
			return err
		}
		known.Marks = append(known.Marks, passage.Mark{Controller: row.Controller, Person: row.Person, Area: row.Area, Doubt: row.Doubt, At: at})
	}
	return nil
}

// areas puts names to the picture, of all areas or of one.
func (p picture) areas(ctx context.Context, q store.Queryer, only string) ([]PresentArea, error) {
	ids := p.areaIDs
	for _, in := range p.inside {
		if !slices.Contains(ids, in.Area) {
			ids = append(ids, in.Area)
		}
	}
	if only != "" && !slices.Contains(ids, only) {
		return nil, fault.New(fault.NotFound, "area.unknown_area", fmt.Sprintf("no area %.40q", only))
	}
	doors, err := named(ctx, q, `SELECT id, name FROM v_entrylog_door`)
	if err != nil {
		return nil, err
	}
	people, err := named(ctx, q, `SELECT id, name FROM v_entrylog_person`)
	if err != nil {
		return nil, err
	}
	var list []PresentArea
	for _, id := range ids {
		if only != "" && id != only {
			continue
		}
		a := PresentArea{ID: id, Name: p.areaNames[id], BothWays: p.bothWays[id], Sources: p.sources[id]}
		for _, in := range p.inside {
			if in.Area == id {
				a.People = append(a.People, p.present(in, people, doors))
			}
		}
		list = append(list, a)
	}
	return list, nil
}

func (p picture) present(in passage.Inside, people, doors map[string]string) Present {
	one := Present{
		Person: in.Person, PersonName: people[in.Person], Since: in.At, Door: in.Door, DoorName: doors[in.Door],
		Evidence: in.Evidence, GrantOnly: in.Proof == passage.Granted, ExitUnknown: in.ExitUnknown,
	}
	for _, id := range in.Also {
		one.Also = append(one.Also, Named{id, p.areaNames[id]})
	}
	return one
}

func named(ctx context.Context, q store.Queryer, query string) (map[string]string, error) {
	var rows []Named
	if err := q.Select(ctx, &rows, query); err != nil {
		return nil, err
	}
	names := make(map[string]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}
