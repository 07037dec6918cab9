package site

import (
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// The building of these tests: area "a" has readers on both sides of two doors, "b" of one. What the names of people say is the one thing
// special about them; "twin" is the second card of "abe".
var (
	people  = []string{"abe", "baba", "escort", "first", "guest", "rescue"}
	readers = map[string]string{"IN-a": "a", "IN-a2": "a", "IN-b": "b"}
	doorsOf = map[string]string{"D-a": "a", "D-a2": "a", "D-b": "b"}
)

func personOf(id, area string) Person {
	return Person{ID: id, Area: area, Visitor: id == "guest", Escort: id == "escort", First: id == "first", Recovery: id == "rescue"}
}

func building(tb interface{ Fatal(args ...any) }) *decide.Policy {
	s := access.Spec{
		Version: access.Version{Epoch: 1, N: 1},
		Areas:   []access.Area{{ID: "a", Record: access.Strict, Rules: access.Rules{InOut: true}}, {ID: "b", Record: access.Strict}},
		Doors: []access.Door{
			{ID: "D-a", Area: "a", EntryReads: []string{"IN-a"}, ExitReads: []string{"OUT-a"}, ReleaseMS: 3000, HeldMS: 9000},
			{ID: "D-a2", Area: "a", EntryReads: []string{"IN-a2"}, ExitReads: []string{"OUT-a2"}, ReleaseMS: 3000, HeldMS: 9000},
			{ID: "D-b", Area: "b", EntryReads: []string{"IN-b"}, ReleaseMS: 3000, HeldMS: 9000},
		},
	}
	for i, p := range people {
		s.People = append(s.People, access.Person{ID: p})
		s.Credentials = append(s.Credentials, access.Credential{Key: access.Key{byte(1 + i)}, Card: p, Person: p, State: access.Active})
	}
	s.Credentials = append(s.Credentials, access.Credential{Key: access.Key{99}, Card: "twin", Person: "abe", State: access.Active})
	p, err := decide.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// told is one thing that happened to positions, in words.
type told struct {
	what, area, person string // passed in, passed out, doubt, reset
	wall               time.Time
	since              time.Duration // of what a restart found
}

type walker struct {
	person, door, way string
	released          bool
}

type guest struct { // at a reader
	reader string
	Person
	waits access.Reason
	typed bool
}

type slotM struct {
	reader, person, card string
	waits                access.Reason
	until                time.Duration
}

type wrongs struct {
	subject string
	n       int
	until   time.Duration
}

// model is what the package is told, in lists that are walked each time.
type model struct {
	story   []told
	walkers []walker
	guests  []guest
	slots   []slotM
	last    map[string]time.Duration // by reader
	tries   []wrongs
}

// where walks back to the last word on a person.
func (m *model) where(area, person string) (state string, since time.Duration, wall time.Time) {
	doubted := false
	for _, e := range slices.Backward(m.story) {
		switch {
		case e.area != area:
		case e.what == "doubt":
			doubted = true
		case e.person != person:
		case e.what == "reset":
			return "", 0, time.Time{}
		case e.what == "in" && doubted:
			return "doubt", e.since, e.wall
		default:
			return e.what, e.since, e.wall
		}
	}
	return "", 0, time.Time{}
}

func (m *model) inside(area, person string) bool {
	state, _, _ := m.where(area, person)
	return state == "in"
}

// facts are those of a person at an entry reader, with no card of theirs but their own.
func (m *model) facts(reader, person, card string, as Asked, now time.Duration) (f access.Facts) {
	area := readers[reader]
	switch state, since, _ := m.where(area, person); state {
	case "in":
		f.Place, f.SinceS = access.Inside, int64((now-since)/time.Second)
	case "out":
		f.Place = access.Outside
	}
	here := map[string]guest{} // at the reader
	for _, g := range m.guests {
		if g.reader == reader && g.ID != person {
			here[g.ID] = g
		}
	}
	if m.over(reader, as.Window, now) {
		here = nil
	}
	coming := map[string]bool{}
	for _, who := range people {
		if who == person {
			continue
		}
		p, in := personOf(who, area), m.inside(area, who)
		for _, w := range m.walkers {
			if w.person == who && doorsOf[w.door] == area && w.way == "in" && !in {
				coming[who] = true
			}
		}
		g, there := here[who]
		if there && g.Recovery {
			f.Party.Recovery++
		}
		if there && g.Recovery && g.waits != "" && !g.typed && !as.Recovery {
			there = false // has yet to show who they are
		}
		if there && g.waits != "" {
			delete(coming, who)
		}
		in = in && as.Counted
		switch {
		case p.Visitor && in:
			f.Visitors++
		case in:
			f.Staff++
		case p.Visitor && there:
			f.Party.Visitors++
		case there:
			f.Party.Staff++
		}
		if there && !in && g.waits != "" {
			f.Party.Waiting++
		}
		if there && p.Visitor && g.waits != "" {
			f.Party.Guests++
		}
		if p.Escort && there { // an escort counts once: at the reader, or inside
			f.Party.Escorts++
		} else if p.Escort && in {
			f.Escorts++
		}
		f.Party.First = f.Party.First || there && p.First
	}
	f.Coming = len(coming)
	for _, s := range m.slots {
		f.Party.Twin = f.Party.Twin || s.reader == reader && now < s.until && s.person == person && s.card != card && s.waits == access.CardRequired
	}
	for _, w := range m.tries {
		f.Blocked = f.Blocked || w.subject == "card/"+card && w.n >= 5 && now < w.until
	}
	return f
}

func (m *model) held(reader string) *slotM {
	if i := slices.IndexFunc(m.slots, func(s slotM) bool { return s.reader == reader }); i >= 0 {
		return &m.slots[i]
	}
	return nil
}

func (m *model) over(reader string, window, now time.Duration) bool {
	s := m.held(reader)
	return (s == nil || now >= s.until) && now-m.last[reader] >= window
}

// unhold ends a slot. A recovery holder who waited by it waits no longer.
func (m *model) unhold(reader string) {
	if s := m.held(reader); s != nil {
		held := *s
		m.slots = slices.DeleteFunc(m.slots, func(s slotM) bool { return s.reader == reader })
		m.guests = slices.DeleteFunc(m.guests, func(g guest) bool { return g.reader == reader && g.ID == held.person && g.waits == held.waits })
	}
}

func (m *model) wrong(subject string, now time.Duration) (stops bool) {
	i := slices.IndexFunc(m.tries, func(w wrongs) bool { return w.subject == subject })
	if i < 0 {
		m.tries = append(m.tries, wrongs{subject: subject})
		i = len(m.tries) - 1
	}
	w := &m.tries[i]
	w.n = w.n%5 + 1
	if w.n == 5 {
		w.until = now + 60*time.Second
	}
	return w.n == 5
}

// restarted is what is left of it after a restart from what was kept.
func (m *model) restarted(now Moment) *model {
	next := &model{last: map[string]time.Duration{}}
	for area := range map[string]bool{"a": true, "b": true} {
		for _, who := range people {
			state, _, wall := m.where(area, who)
			if state == "" {
				continue
			}
			since := now.Mono
			if !wall.IsZero() && !now.Wall.IsZero() && now.Wall.After(wall) {
				since -= now.Wall.Sub(wall)
			}
			if state == "doubt" {
				next.story = append([]told{{what: "in", area: area, person: who, since: since, wall: wall}, {what: "doubt", area: area}}, next.story...)
				continue
			}
			next.story = append(next.story, told{what: state, area: area, person: who, since: since, wall: wall})
		}
	}
	for _, w := range m.tries {
		w.until = now.Mono + 60*time.Second
		next.tries = append(next.tries, w)
	}
	return next
}

func (m *model) clone() *model {
	return &model{story: slices.Clone(m.story), tries: slices.Clone(m.tries)}
}
