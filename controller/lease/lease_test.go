package lease

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

var day0 = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) Now { return Now{Mono: d, Wall: day0.Add(d)} }

func TestEachAlarmComesOnceAndInTime(t *testing.T) {
	s := From(time.Time{}, at(0))
	var l access.Lease // 72 h, 12 h, 12 h
	seen := map[time.Duration][]Alarm{}
	for now := time.Duration(0); now <= 80*time.Hour; {
		next, alarms, renewed := s.Watch(l, at(now))
		if renewed {
			t.Fatal("renewed by nobody")
		}
		if s = next; len(alarms) > 0 {
			seen[now] = alarms
		}
		now = s.Deadline(l, now+time.Hour*7)
	}
	want := map[time.Duration][]Alarm{
		10 * time.Hour: {{access.Contractor, Ends, 2 * time.Hour}, {access.Visitor, Ends, 2 * time.Hour}},
		12 * time.Hour: {{access.Contractor, Over, 0}, {access.Visitor, Over, 0}},
		60 * time.Hour: {{access.Staff, Ends, 12 * time.Hour}},
		72 * time.Hour: {{access.Staff, Over, 0}},
	}
	if len(seen) != len(want) {
		t.Fatalf("alarms %v", seen)
	}
	for when, alarms := range want {
		got := seen[when]
		for i := range alarms {
			if i >= len(got) || got[i] != alarms[i] {
				t.Fatalf("at %v: %v, want %v", when, got, alarms)
			}
		}
	}
	s = s.Confirm(80*time.Hour, at(80*time.Hour))
	s, alarms, renewed := s.Watch(l, at(80*time.Hour))
	if !renewed || len(alarms) != 0 || s.Warned() {
		t.Fatalf("after the confirmation: %v, renewed %v", alarms, renewed)
	}
	if _, _, renewed = s.Watch(l, at(81*time.Hour)); renewed {
		t.Fatal("renewed twice")
	}
}

// world is the truth beside a State: how much time has passed, and clocks that tell it badly.
type world struct {
	t        *rapid.T
	now      time.Duration // true time, since the world began
	started  time.Duration // of the program
	offset   time.Duration // of the wall clock
	believed bool
	honest   bool // the wall clock was right and believed all the time
	state    State
	kept     Kept
	keptAt   time.Duration
	least    func() time.Duration // what the age may not be below
	truth    time.Duration        // when the confirmation was made
	extra    time.Duration        // taken to have passed at restarts since, beyond what has
}

func (w *world) mono() time.Duration { return w.now - w.started }

func (w *world) clocks() Now {
	n := Now{Mono: w.mono()}
	if w.believed {
		n.Wall = day0.Add(w.now + w.offset)
	}
	return n
}

func (w *world) pass() {
	w.now += time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(w.t, "pass"))
}

// jump sets the wall clock to where a dead battery, a bad server or a bad hand sets it.
func (w *world) jump() {
	to := rapid.SampledFrom([]time.Duration{
		0, 24 * time.Hour, -24 * time.Hour, time.Until(time.Time{}), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).Sub(day0),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC).Sub(day0), time.Second, -time.Hour,
	}).Draw(w.t, "offset")
	w.offset, w.believed, w.honest = to, rapid.Bool().Draw(w.t, "believed"), false
}

func (w *world) confirm() {
	late := time.Duration(rapid.Int64Range(0, int64(max(w.mono(), 0))).Draw(w.t, "late"))
	before := w.state.Age(w.clocks())
	w.state = w.state.Confirm(w.mono()-late, w.clocks())
	after := w.state.Age(w.clocks())
	if after > before || (late < before && after < late) {
		w.t.Fatalf("confirmed %v ago: age %v, was %v", late, after, before)
	}
	if late < before {
		made := w.now - late
		w.truth, w.extra = made, 0
		w.least = func() time.Duration { return w.now - made }
	}
}

func (w *world) keep() {
	w.kept, w.keptAt = w.state.Keep(w.clocks()), w.now
}

// restart loses power for a while.
func (w *world) restart() {
	w.pass()
	w.started = w.now
	w.state = Resume(w.kept, w.clocks())
	w.extra += max(SaveEvery-(w.now-w.keptAt), 0)
	age, began := w.kept.Age, w.now
	w.least = func() time.Duration { return age + w.now - began }
}

func (w *world) check() {
	age := w.state.Age(w.clocks())
	if age < min(w.least(), most) { // ages of ten years are all the same
		w.t.Fatalf("age %v, at least %v have passed", age, w.least())
	}
	if age < 0 || age > 3*most {
		w.t.Fatalf("age %v", age)
	}
	if w.honest && age != w.now-w.truth+w.extra {
		w.t.Fatalf("age %v, but %v have passed and the clocks are right", age, w.now-w.truth+w.extra)
	}
	next, _, _ := w.state.Watch(access.Lease{}, w.clocks())
	w.state = next
	if got, want := w.state.Warned(), age >= 10*time.Hour; got != want {
		w.t.Fatalf("age %v, warned %v", age, got)
	}
}

// R76-2: whatever the wall clock says (1970, a day off, 2038), however often the plug is pulled, the age is never less than the
// monotonic clock has seen pass since the confirmation was asked for; and where the clocks are right it is exact, the time without power included, but for a minute that every restart counts at least.
func TestTheAgeIsNeverYoungerThanTheTruthThatWasSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, believed: true, honest: true}
		w.state = From(time.Time{}, w.clocks())
		w.least = func() time.Duration { return w.now }
		w.keep()
		jumps := rapid.Bool().Draw(t, "clocks jump")
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			acts := []func(){w.pass, w.pass, w.confirm, w.keep, func() { w.keep(); w.restart() }}
			if jumps {
				acts = append(acts, w.jump, w.restart)
			}
			rapid.SampledFrom(acts).Draw(t, "do")()
			if jumps {
				w.honest = false
			}
			w.check()
		}
	})
}

// Nor does it where the machine sets its clock at every start to where it stood when it stopped.
func TestTheAgeGrowsThoughTheClockGoesOnWhereItStopped(t *testing.T) {
	s := From(day0, at(0))
	for range 12 * 60 {
		s = Resume(s.Keep(at(0)), at(0))
	}
	if !(access.Lease{}).Lapsed(s.Age(at(0))).Contains(access.Visitor) {
		t.Fatalf("age %v", s.Age(at(0)))
	}
}

// Pulling the plug every half minute with a clock that stands still does not keep a lease alive.
func TestTheAgeGrowsThoughNothingIsKnownOfTheTimeBetween(t *testing.T) {
	s := From(time.Time{}, Now{})
	for range 12 * 60 {
		s = Resume(s.Keep(Now{Mono: 0}), Now{})
	}
	if !(access.Lease{}).Lapsed(s.Age(Now{})).Contains(access.Visitor) {
		t.Fatalf("age %v", s.Age(Now{}))
	}
}

func TestAPolicyNeverConfirmedCountsFromWhenItWasStored(t *testing.T) {
	s := From(day0.Add(-20*time.Hour), at(0))
	if got := s.Age(at(time.Hour)); got != 21*time.Hour {
		t.Fatalf("age %v", got)
	}
	if got := From(day0.Add(20*time.Hour), at(0)).Age(at(time.Hour)); got != time.Hour {
		t.Fatalf("stored in the future: age %v", got)
	}
	if (State{}).Known() || (State{}).Deadline(access.Lease{}, 7) != 7 {
		t.Fatal("the zero state counts something")
	}
}
