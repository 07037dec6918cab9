package access

import (
	"fmt"

	"kanmon/internal/fault"
)

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
	jstOffset     = 9 * 3600 // Japan has no summer time
)

// timetable is one bit for each minute of the week, Sunday 00:00 JST first.
type timetable [(minutesOfWeek + 63) / 64]uint64

func (t *timetable) set(minute int)      { t[minute/64] |= 1 << (minute % 64) }
func (t *timetable) has(minute int) bool { return t[minute/64]&(1<<(minute%64)) != 0 }

type span struct{ from, until int64 }

func (s span) early(now int64) bool { return now < s.from }
func (s span) over(now int64) bool  { return s.until != 0 && now >= s.until }

type right struct {
	area     int32
	schedule int32 // -1: always
	span
}

type person struct {
	id     string
	rights []right
	span
}

type credential struct {
	card   string
	person int32
	state  CredentialState
	span
}

type passage struct {
	door      string
	area      string
	areaIndex int32
	direction Direction
	record    RecordMode
	releaseMS int
}

// Policy is a compiled Spec. It is never changed after Compile, so any number of goroutines may read it.
type Policy struct {
	version     Version
	readers     map[string]passage
	credentials map[Key]credential
	people      []person
	schedules   []timetable
	doors       map[string]Door
}

// Version of the Spec it was compiled from; zero for nil.
func (p *Policy) Version() Version {
	if p == nil {
		return Version{}
	}
	return p.version
}

// Door returns a door's settings by id.
func (p *Policy) Door(id string) (Door, bool) {
	if p == nil {
		return Door{}, false
	}
	d, ok := p.doors[id]
	return d, ok
}

// Compile checks a Spec and indexes it for Decide. Any reference to a thing that is not there, any double and
// any number out of range refuses the whole Spec: a policy applies entirely or not at all.
func Compile(s Spec) (*Policy, error) {
	c := compiler{
		policy: &Policy{
			version:     s.Version,
			readers:     make(map[string]passage, 2*len(s.Doors)),
			credentials: make(map[Key]credential, len(s.Credentials)),
			doors:       make(map[string]Door, len(s.Doors)),
		},
		areas: map[string]int32{}, schedules: map[string]int32{}, people: map[string]int32{},
	}
	for _, step := range []func(Spec) error{c.addAreas, c.addSchedules, c.addDoors, c.addPeople, c.addRights, c.addCredentials} {
		if err := step(s); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "compile policy")
		}
	}
	return c.policy, nil
}

type compiler struct {
	policy                   *Policy
	areas, schedules, people map[string]int32
}

func index(m map[string]int32, what, id string) error {
	if id == "" {
		return fmt.Errorf("%s without an id", what)
	}
	if _, double := m[id]; double {
		return fmt.Errorf("%s %q twice", what, id)
	}
	m[id] = int32(len(m)) //nolint:gosec // a policy is far smaller than 2^31 records
	return nil
}

func (c *compiler) addAreas(s Spec) error {
	for _, a := range s.Areas {
		if a.Record != Strict && a.Record != BestEffort {
			return fmt.Errorf("area %q: record mode %q", a.ID, a.Record)
		}
		if err := index(c.areas, "area", a.ID); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) addSchedules(s Spec) error {
	for _, sc := range s.Schedules {
		if err := index(c.schedules, "schedule", sc.ID); err != nil {
			return err
		}
		var t timetable
		for _, w := range sc.Windows {
			if err := w.Validate(); err != nil {
				return fmt.Errorf("schedule %q: %w", sc.ID, err)
			}
			w.mark(&t)
		}
		c.policy.schedules = append(c.policy.schedules, t)
	}
	return nil
}

// Validate checks that a window lies inside the week.
func (w Window) Validate() error {
	if w.Day < 0 || w.Day > 6 || w.From < 0 || w.From >= minutesOfDay || w.Until < 0 || w.Until > minutesOfDay {
		return fmt.Errorf("window day %d, %d–%d out of range", w.Day, w.From, w.Until)
	}
	return nil
}

func (w Window) mark(t *timetable) {
	until := w.Until
	if until <= w.From {
		until += minutesOfDay
	}
	for m := w.From; m < until; m++ {
		t.set((w.Day*minutesOfDay + m) % minutesOfWeek)
	}
}

func (c *compiler) addDoors(s Spec) error {
	record := make(map[string]RecordMode, len(s.Areas))
	for _, a := range s.Areas {
		record[a.ID] = a.Record
	}
	for _, d := range s.Doors {
		area, ok := c.areas[d.Area]
		if !ok {
			return fmt.Errorf("door %q: no area %q", d.ID, d.Area)
		}
		if _, double := c.policy.doors[d.ID]; double || d.ID == "" {
			return fmt.Errorf("door %q twice or without an id", d.ID)
		}
		if d.ReleaseMS < 500 || d.ReleaseMS > 30_000 || d.HeldMS < 1_000 {
			return fmt.Errorf("door %q: release %d ms, held %d ms out of range", d.ID, d.ReleaseMS, d.HeldMS)
		}
		c.policy.doors[d.ID] = d
		p := passage{door: d.ID, area: d.Area, areaIndex: area, record: record[d.Area], releaseMS: d.ReleaseMS}
		for dir, names := range map[Direction][]string{In: d.EntryReads, Out: d.ExitReads} {
			p.direction = dir
			for _, r := range names {
				if _, double := c.policy.readers[r]; double || r == "" {
					return fmt.Errorf("door %q: reader %q twice or without a name", d.ID, r)
				}
				c.policy.readers[r] = p
			}
		}
	}
	return nil
}

func (c *compiler) addPeople(s Spec) error {
	c.policy.people = make([]person, 0, len(s.People))
	for _, p := range s.People {
		if err := index(c.people, "person", p.ID); err != nil {
			return err
		}
		c.policy.people = append(c.policy.people, person{id: p.ID, span: span{p.From, p.Until}})
	}
	return nil
}

func (c *compiler) addRights(s Spec) error {
	for _, r := range s.Rights {
		who, ok := c.people[r.Person]
		if !ok {
			return fmt.Errorf("right: no person %q", r.Person)
		}
		area, ok := c.areas[r.Area]
		if !ok {
			return fmt.Errorf("right: no area %q", r.Area)
		}
		schedule := int32(-1)
		if r.Schedule != "" {
			if schedule, ok = c.schedules[r.Schedule]; !ok {
				return fmt.Errorf("right: no schedule %q", r.Schedule)
			}
		}
		p := &c.policy.people[who]
		p.rights = append(p.rights, right{area: area, schedule: schedule, span: span{r.From, r.Until}})
	}
	return nil
}

func (c *compiler) addCredentials(s Spec) error {
	for _, cr := range s.Credentials {
		who, ok := c.people[cr.Person]
		if !ok {
			return fmt.Errorf("card %q: no person %q", cr.Card, cr.Person)
		}
		if _, double := c.policy.credentials[cr.Key]; double {
			return fmt.Errorf("card %q: its credential is another card's too", cr.Card)
		}
		c.policy.credentials[cr.Key] = credential{card: cr.Card, person: who, state: cr.State, span: span{cr.From, cr.Until}}
	}
	return nil
}
