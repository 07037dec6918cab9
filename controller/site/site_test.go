package site

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// machine holds a State beside the model, and a disk.
type machine struct {
	t       *rapid.T
	policy  *decide.Policy
	state   *State
	model   *model
	mono    time.Duration
	wall    time.Time // zero: not known
	disk    map[spot]Place
	triesOn map[string]int
	written *model // as of what is on disk
	window  time.Duration
}

func (m *machine) now() Moment { return Moment{Mono: m.mono, Wall: m.wall} }

func (m *machine) draw(label string, all ...string) string {
	return rapid.SampledFrom(all).Draw(m.t, label)
}

func (m *machine) identity(reader, card string) decide.Identity {
	key := access.Key{99}
	if i := slices.Index(people, card); i >= 0 {
		key = access.Key{byte(1 + i)}
	}
	return decide.Identify(m.policy, decide.Request{Reader: reader, Key: key})
}

func (m *machine) act() {
	who := m.draw("who", people...)
	reader := m.draw("reader", slices.Sorted(maps.Keys(readers))...)
	door := m.draw("door", slices.Sorted(maps.Keys(doorsOf))...)
	area := doorsOf[door]
	switch act := m.draw("act", "let", "let", "open", "open", "not entered", "doubt", "reset", "join", "join", "hold", "release", "leave", "drop", "wrong", "wrong", "right", "time", "time", "wall", "keep", "lose", "restart", "crash"); act {
	case "let":
		m.let(door, who)
	case "open":
		m.state.Opened(door, m.now())
		m.model.passed(door, m.now())
	case "not entered":
		m.state.NotEntered(door)
		m.model.stayed(door)
	case "doubt":
		m.doubt(area)
	case "reset":
		m.reset(m.draw("area", "", "a", "b"), m.draw("person", append([]string{""}, people...)...))
	case "join", "hold", "release", "leave", "drop":
		m.atReader(act, reader, who)
	case "wrong", "right":
		m.type_(act, m.draw("subject", "card/abe", "card/baba", "reader/IN-a"))
	case "time":
		m.pass(rapid.SampledFrom([]time.Duration{0, 1, time.Second, m.window - 1, m.window, PINTime - 1, PINTime, 59 * time.Second, PINPause}).Draw(m.t, "pause"))
	case "wall":
		m.jump(m.draw("clock", "+1 h", "-1 h", "lost", "found"))
	case "keep", "lose":
		m.keep(act == "keep")
	case "restart":
		m.keep(true)
		m.restart()
	case "crash":
		m.restart()
	}
}

func (m *machine) let(door, who string) {
	area, way := doorsOf[door], m.draw("way", "in", "in", "out")
	m.state.Let(door, access.Direction(way), personOf(who, area))
	outcome := m.draw("then", "released", "released", "refused", "in flight")
	switch outcome {
	case "released":
		m.state.Released(door, who)
		m.model.release(who, door, way)
	case "refused":
		m.state.Refused(door, who)
		m.model.refuse(who, door, way)
	default:
		m.model.walkers = append(m.model.walkers, walker{who, door, way, false})
	}
}

// release and refuse end the oldest flight of a person to a door; which one it was is not told.
func (m *model) release(who, door, way string) {
	m.walkers = append(m.walkers, walker{who, door, way, false})
	for i := range m.walkers {
		if w := &m.walkers[i]; w.person == who && w.door == door && !w.released {
			w.released = true
			return
		}
	}
}

func (m *model) refuse(who, door, way string) {
	m.walkers = append(m.walkers, walker{who, door, way, false})
	for i, w := range m.walkers {
		if w.person == who && w.door == door && !w.released {
			m.walkers = slices.Delete(m.walkers, i, i+1)
			return
		}
	}
}

func (m *model) passed(door string, now Moment) {
	for _, w := range m.walkers {
		if w.door == door && w.released {
			m.story = append(m.story, told{what: w.way, area: doorsOf[door], person: w.person, since: now.Mono, wall: now.Wall})
			if w.way == "out" {
				m.gone(doorsOf[door], w.person)
			}
		}
	}
	m.walkers = slices.DeleteFunc(m.walkers, func(w walker) bool { return w.door == door && w.released })
}

// gone: who went out, or whose place was forgotten, was not just let in at any reader.
func (m *model) gone(area, who string) {
	m.guests = slices.DeleteFunc(m.guests, func(g guest) bool { return g.ID == who && g.Area == area && g.waits == "" })
}

// right ends the count, but at a reader takes one off.
func (m *model) right(subject string) {
	for i := range m.tries {
		if m.tries[i].subject == subject && subject[:4] == "read" {
			m.tries[i].n--
		}
	}
	m.tries = slices.DeleteFunc(m.tries, func(w wrongs) bool { return w.subject == subject && (w.n <= 0 || subject[:4] != "read") })
}

func (m *model) stayed(door string) {
	for _, w := range m.walkers {
		if w.door == door && w.released {
			m.guests = slices.DeleteFunc(m.guests, func(g guest) bool { return g.ID == w.person && g.Area == doorsOf[door] && g.waits == "" })
		}
	}
	m.walkers = slices.DeleteFunc(m.walkers, func(w walker) bool { return w.door == door && w.released })
}

func (m *machine) doubt(area string) {
	want := 0
	for _, who := range people {
		if m.model.inside(area, who) {
			want++
		}
	}
	m.model.story = append(m.model.story, told{what: "doubt", area: area})
	if got := m.state.Doubt(area); got != want {
		m.t.Fatalf("%d people in doubt, the model says %d", got, want)
	}
}

func (m *machine) reset(area, person string) {
	want := 0
	for _, a := range []string{"a", "b"} {
		for _, who := range people {
			state, _, _ := m.model.where(a, who)
			if (area == "" || area == a) && (person == "" || person == who) && state != "" {
				want++
				m.model.story = append(m.model.story, told{what: "reset", area: a, person: who})
				m.model.gone(a, who)
			}
		}
	}
	if got := m.state.Reset(area, person); got != want {
		m.t.Fatalf("%d positions reset, the model says %d", got, want)
	}
}

func (m *machine) atReader(act, reader, who string) {
	mo, area := m.model, readers[reader]
	here := func(g guest) bool { return g.reader == reader && g.ID == who }
	switch act {
	case "join":
		waits := access.Reason(m.draw("waits", "", string(access.PersonRequired), string(access.EscortRequired)))
		typed := access.Typed(m.draw("typed", "", string(access.TypedRight), string(access.TypedDuress)))
		m.state.Join(reader, Member{Person: personOf(who, area), Waits: waits, Facts: access.Facts{Typed: typed}}, m.window, m.now())
		for i := range mo.guests {
			if waits != "" && mo.guests[i].reader == reader && mo.guests[i].waits != "" && !mo.over(mo.guests[i], m.window, m.mono) {
				mo.guests[i].at = m.mono
			}
		}
		mo.guests = append(slices.DeleteFunc(mo.guests, here), guest{reader, personOf(who, area), waits, typed != "", m.mono})
	case "hold":
		m.hold(reader, who, m.draw("card", "own", "twin") == "twin" && who == "abe")
	case "release":
		m.state.Release(reader)
		mo.unhold(reader)
	case "leave":
		m.state.Leave(reader, who)
		mo.guests = slices.DeleteFunc(mo.guests, func(g guest) bool { return here(g) && g.waits != "" })
	case "drop":
		m.state.Drop(reader, who)
		mo.guests = slices.DeleteFunc(mo.guests, here)
	}
}

// hold has a card wait. That of a recovery holder who waits for the PIN waits for a second one as well.
func (m *machine) hold(reader, who string, twin bool) {
	card := who
	if twin {
		card = "twin"
	}
	waits, until := access.PINRequired, m.mono+15*time.Second
	if who != "rescue" && m.draw("for", "pin", "card") == "card" {
		waits, until = access.CardRequired, m.mono+m.window
	}
	var want string
	if s := m.model.held(reader); s != nil {
		want = s.card
	}
	before := m.state.Hold(reader, Slot{Person: who, Card: card, Waits: waits}, m.window, m.now())
	if (before == nil) != (want == "") || before != nil && before.Card != want {
		m.t.Fatalf("%+v waited before, the model says %q", before, want)
	}
	m.model.unhold(reader)
	m.model.slots = append(m.model.slots, slotM{reader, who, card, waits, until})
	if who == "rescue" {
		p := personOf(who, readers[reader])
		m.state.Join(reader, Member{Person: p, Waits: waits}, m.window, m.now())
		m.model.guests = append(slices.DeleteFunc(m.model.guests, func(g guest) bool { return g.reader == reader && g.ID == who }), guest{reader, p, waits, false, m.mono})
	}
}

func (m *machine) type_(act, subject string) {
	if act == "right" {
		m.state.Right(subject)
		m.model.right(subject)
		return
	}
	if slices.ContainsFunc(m.model.tries, func(w wrongs) bool { return w.subject == subject && w.n == 5 && m.mono < w.until }) {
		return // none is taken
	}
	if want, got := m.model.wrong(subject, m.mono), m.state.Wrong(subject, m.now()); got != want {
		m.t.Fatalf("stopped %t, the model says %t", got, want)
	}
}

// pass lets time pass, and ends what it ends.
func (m *machine) pass(by time.Duration) {
	m.mono += by
	if !m.wall.IsZero() {
		m.wall = m.wall.Add(by)
	}
	for _, reader := range m.state.Readers() {
		due := m.state.Deadline(reader, m.window, m.mono+time.Hour)
		left, slot := m.state.Expired(reader, m.window, m.now())
		if (len(left) > 0 || slot != nil) && due > m.mono {
			m.t.Fatalf("%v and %v ended at %v, the deadline was %v", left, slot, m.mono, due)
		}
		m.ended(reader, left, slot)
	}
	for reader := range readers {
		for _, g := range m.model.guests {
			if g.reader == reader && m.model.over(g, m.window, m.mono) {
				m.t.Fatalf("%v still at %s", g, reader)
			}
		}
	}
}

func (m *machine) ended(reader string, left []Member, slot *Slot) {
	mo := m.model
	held := mo.held(reader)
	if want := held != nil && m.mono >= held.until; (slot != nil) != want || want && slot.Card != held.card {
		m.t.Fatalf("ended %+v, the model says %t %+v", slot, want, held)
	} else if want {
		mo.unhold(reader)
	}
	var want, got []string
	for _, g := range mo.guests {
		if g.reader == reader && g.waits != "" && mo.over(g, m.window, m.mono) {
			want = append(want, g.ID)
		}
	}
	mo.guests = slices.DeleteFunc(mo.guests, func(g guest) bool { return g.reader == reader && mo.over(g, m.window, m.mono) })
	for _, l := range left {
		got = append(got, l.ID)
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("left %v, the model says %v", got, want)
	}
}

func (m *machine) jump(how string) {
	switch how {
	case "+1 h":
		m.step(time.Hour)
	case "-1 h":
		m.step(-time.Hour)
	case "lost":
		m.wall = time.Time{}
	case "found":
		m.wall = time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC).Add(m.mono)
	}
}

func (m *machine) step(by time.Duration) {
	if !m.wall.IsZero() {
		m.wall = m.wall.Add(by)
	}
}

func (m *machine) keep(written bool) {
	k := m.state.Keep()
	switch {
	case k == nil:
		return
	case !written:
		m.state.Lost()
	default:
		m.write(*k)
		m.written = m.model.clone()
	}
	if m.state.Changed() == written {
		m.t.Fatal("what was written is owed, or what was lost is not")
	}
}

func (m *machine) write(k Kept) {
	if k.Whole {
		clear(m.disk)
		clear(m.triesOn)
	}
	for _, p := range k.Places {
		if delete(m.disk, spot{p.Area, p.Person}); !p.Gone {
			m.disk[spot{p.Area, p.Person}] = p.Place
		}
	}
	for _, t := range k.Tries {
		if delete(m.triesOn, t.Subject); t.N > 0 {
			m.triesOn[t.Subject] = t.N
		}
	}
}

// restart begins anew from the disk, with another count of time.
func (m *machine) restart() {
	m.mono = rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(m.t, "since the start")
	if !m.wall.IsZero() {
		m.wall = m.wall.Add(time.Duration(rapid.IntRange(0, 7200).Draw(m.t, "off")) * time.Second)
	}
	var k Kept
	for _, p := range m.disk {
		p.mono = 0 // is not kept
		k.Places = append(k.Places, KeptPlace{Place: p})
	}
	for subject, n := range m.triesOn {
		k.Tries = append(k.Tries, Tries{subject, n})
	}
	m.state = New()
	m.state.Load(k, m.now())
	m.model = m.written.restarted(m.now())
	m.written = m.model.clone()
}

func (m *machine) check() {
	for reader, area := range readers {
		for _, card := range append([]string{"twin"}, people...) {
			who := card
			if card == "twin" {
				who = "abe"
			}
			as := Asked{Window: m.window, Counted: area == "a", Recovery: card == "baba"}
			got := m.state.Facts(m.identity(reader, card), access.Facts{}, as, m.now())
			if want := m.model.facts(reader, who, card, as, m.mono); got != want {
				m.t.Fatalf("%s with card %s:\n%+v, the model says\n%+v", reader, card, got, want)
			}
		}
	}
	for _, area := range []string{"a", "b"} {
		var want, got []string
		for _, who := range people {
			if state, _, _ := m.model.where(area, who); state == "in" || state == "doubt" {
				want = append(want, who+" "+state)
			}
		}
		for _, p := range m.state.Inside(area) {
			got = append(got, p.Person+" "+map[Standing]string{In: "in", Doubtful: "doubt"}[p.State])
		}
		if !slices.Equal(got, want) {
			m.t.Fatalf("inside %s: %v, the model says %v", area, got, want)
		}
	}
}

// R44-1, R44-6: what decisions are told of people agrees with a model that walks all that was said, over restarts, lost writes and jumps of
// the clock.
func TestTheStateAgreesWithANaiveModel(t *testing.T) {
	policy := building(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			t: t, policy: policy, state: New(), model: &model{}, written: &model{},
			disk: map[spot]Place{}, triesOn: map[string]int{}, window: time.Duration(rapid.SampledFrom([]int{5, 1, 20}).Draw(t, "window")) * time.Second,
		}
		m.jump("found")
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			m.act()
			m.check()
		}
	})
}
