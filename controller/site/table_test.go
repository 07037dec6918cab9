package site

import (
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

var nine = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC) // 09:00 in Japan

func at(d time.Duration) Moment { return Moment{Mono: d, Wall: nine.Add(d)} }

// asks is the party of somebody who comes to IN-a.
func asks(t *testing.T, s *State, who string, d time.Duration) access.Party {
	t.Helper()
	m := machine{policy: building(t)}
	return s.Facts(m.identity("IN-a", who), access.Facts{}, Asked{Window: 5 * time.Second, Counted: true}, at(d)).Party
}

const ms = time.Millisecond

// Case 43: the window is over at 5.000 s, and begins anew with everybody who comes.
func TestTheWindowIsOverAtFiveSeconds(t *testing.T) {
	wait := func(s *State, who string, d time.Duration) {
		s.Join("IN-a", Member{Person: personOf(who, "a"), Waits: access.PersonRequired}, 5*time.Second, at(d))
	}
	hold := func(s *State, d time.Duration) {
		s.Hold("IN-a", Slot{Person: "baba", Card: "baba", Waits: access.PINRequired}, 5*time.Second, at(d))
	}
	for name, test := range map[string]struct {
		did  func(*State)
		at   time.Duration
		want int // of two who wait
	}{
		"just before":               {func(*State) {}, 4999 * ms, 1},
		"at the end":                {func(*State) {}, 5000 * ms, 0},
		"another came, just before": {func(s *State) { wait(s, "escort", 4999*ms) }, 9998 * ms, 2},
		"another came, at the end":  {func(s *State) { wait(s, "escort", 4999*ms) }, 9999 * ms, 0},
		"a PIN is waited for":       {func(s *State) { hold(s, 4*time.Second) }, 18_999 * ms, 1},
		"a PIN was waited for":      {func(s *State) { hold(s, 4*time.Second) }, 19_000 * ms, 0},
		"a PIN came": {func(s *State) {
			hold(s, 4*time.Second)
			wait(s, "escort", 10*time.Second)
			s.Release("IN-a")
		}, 14_999 * ms, 2},
	} {
		s := New()
		wait(s, "guest", 0)
		test.did(s)
		if got := asks(t, s, "abe", test.at).Waiting; got != test.want {
			t.Errorf("%s: %d wait, want %d", name, got, test.want)
		}
	}
}

// R44-1: five wrong PINs stop further ones for 60 s exactly; a right one ends the count, and so does the pause. A restart ends neither.
func TestFiveWrongPINsStopFurtherOnes(t *testing.T) {
	const card = "card/abe"
	wrong := func(t *testing.T, s *State, n int, d time.Duration) {
		t.Helper()
		for i := range n {
			if stopped := s.Wrong(card, at(d)); stopped != (i == 4) {
				t.Fatalf("wrong PIN %d: stopped %t", i+1, stopped)
			}
		}
	}
	restart := func(s *State) *State {
		next := New()
		next.Load(*s.Keep(), at(0))
		return next
	}
	blocked := func(s *State, d time.Duration) bool { return s.blocked(card, at(d)) }
	t.Run("four", func(t *testing.T) {
		s := New()
		if wrong(t, s, 4, 0); blocked(s, 0) {
			t.Fatal("stopped")
		}
	})
	t.Run("five", func(t *testing.T) {
		s := New()
		wrong(t, s, 5, time.Second)
		if !blocked(s, 61*time.Second-1) || blocked(s, 61*time.Second) || s.blocked("card/baba", at(time.Second)) {
			t.Fatal("not stopped for 60 s, or with another card too")
		}
		if s.Wrong(card, at(61*time.Second)) || blocked(s, 61*time.Second) {
			t.Fatal("stopped by the first one after the pause")
		}
		wrong(t, s, 3, 61*time.Second)
		if !s.Wrong(card, at(62*time.Second)) || !blocked(s, 122*time.Second-1) {
			t.Fatal("not stopped by the fifth one after the pause")
		}
	})
	t.Run("a right one between", func(t *testing.T) {
		s := New()
		wrong(t, s, 4, 0)
		s.Right(card)
		if wrong(t, s, 4, 0); blocked(s, 0) {
			t.Fatal("stopped")
		}
	})
	t.Run("four before a restart", func(t *testing.T) {
		s := New()
		wrong(t, s, 4, 0)
		if s = restart(s); blocked(s, 0) || !s.Wrong(card, at(0)) || !blocked(s, 0) {
			t.Fatal("not stopped by the fifth")
		}
	})
	t.Run("five before a restart", func(t *testing.T) {
		s := New()
		wrong(t, s, 5, 0)
		if s = restart(s); !blocked(s, PINPause-1) || blocked(s, PINPause) {
			t.Fatal("not stopped for 60 s from the start")
		}
	})
	t.Run("ended before a restart", func(t *testing.T) {
		s := New()
		wrong(t, s, 4, 0)
		k := *s.Keep()
		s.Right(card)
		for _, t := range s.Keep().Tries {
			k.Tries = []Tries{t}
		}
		if k.Tries[0] != (Tries{Subject: card}) {
			t.Fatalf("kept %+v", k.Tries)
		}
	})
}

func TestTriesCountForTheCardOrElseForTheReader(t *testing.T) {
	p := building(t)
	for want, r := range map[string]decide.Request{
		"card/abe":    {Reader: "IN-a", Key: access.Key{1}},
		"card/twin":   {Reader: "IN-b", Key: access.Key{99}},
		"reader/IN-a": {Reader: "IN-a", NoCard: true, Number: "1"},
		"reader/IN-b": {Reader: "IN-b", Key: access.Key{77}},
	} {
		if got := strings.Join(Subjects(decide.Identify(p, r)), " "); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}

// Case 24: nothing of how long somebody is inside depends on the wall clock while the program runs. Over a restart it does, where both times are known.
func TestHowLongSomebodyIsInside(t *testing.T) {
	since := func(s *State, m Moment) int64 {
		ma := machine{policy: building(t)}
		return s.Facts(ma.identity("IN-a", "abe"), access.Facts{}, Asked{}, m).SinceS
	}
	enter := func(m Moment) *State {
		s := New()
		s.Let("D-a", access.In, personOf("abe", "a"))
		s.Released("D-a", "abe")
		s.Opened("D-a", m)
		return s
	}
	restart := func(s *State, m Moment) *State {
		k := *s.Keep()
		for i := range k.Places {
			k.Places[i].mono = 0
		}
		next := New()
		next.Load(k, m)
		return next
	}
	s := enter(at(10 * time.Second))
	for _, wall := range []time.Time{nine.Add(70 * time.Second), nine.Add(time.Hour), nine.Add(-time.Hour), {}} {
		if got := since(s, Moment{Mono: 70*time.Second - 1, Wall: wall}); got != 59 {
			t.Errorf("%d s at %v, want 59", got, wall)
		}
	}
	for name, test := range map[string]struct {
		entered, started Moment
		want             int64
	}{
		"both known":        {at(10 * time.Second), Moment{Mono: 3 * time.Second, Wall: nine.Add(70 * time.Second)}, 60},
		"entry not known":   {Moment{Mono: 10 * time.Second}, Moment{Mono: 3 * time.Second, Wall: nine.Add(70 * time.Second)}, 0},
		"start not known":   {at(10 * time.Second), Moment{Mono: 3 * time.Second}, 0},
		"start before that": {at(10 * time.Second), Moment{Mono: 3 * time.Second, Wall: nine}, 0},
	} {
		s := restart(enter(test.entered), test.started)
		if got := since(s, test.started); got != test.want {
			t.Errorf("%s: %d s, want %d", name, got, test.want)
		}
		later := Moment{Mono: test.started.Mono + 5*time.Second, Wall: nine.Add(time.Hour)}
		if got := since(s, later); got != test.want+5 {
			t.Errorf("%s, five seconds later: %d s, want %d", name, got, test.want+5)
		}
	}
}

// Case 41: the daily reset is due when somebody's position is from before the last time that its minute came, by the clock of Japan.
func TestTheDailyResetIsDueOncePerDay(t *testing.T) {
	jst := func(day, hour, minute, second int) time.Time {
		return time.Date(2026, 7, day, hour, minute, second, 0, time.FixedZone("", 9*3600))
	}
	for _, test := range []struct {
		minute    int
		now, want time.Time
	}{
		{4 * 60, jst(2, 4, 0, 0), jst(2, 4, 0, 0)},
		{4 * 60, jst(2, 3, 59, 59), jst(1, 4, 0, 0)},
		{4 * 60, jst(2, 23, 59, 59).UTC(), jst(2, 4, 0, 0)},
		{1440, jst(2, 0, 0, 0), jst(2, 0, 0, 0)},
		{1440, jst(2, 23, 59, 59), jst(2, 0, 0, 0)},
		{1, jst(1, 0, 0, 59), time.Date(2026, 6, 30, 0, 1, 0, 0, time.FixedZone("", 9*3600))},
		{1439, jst(2, 0, 0, 0).UTC(), jst(1, 23, 59, 0)},
	} {
		if got := LastReset(test.minute, test.now); !got.Equal(test.want) {
			t.Errorf("minute %d at %v: %v, want %v", test.minute, test.now, got, test.want)
		}
	}
	s := New()
	s.Let("D-a", access.In, personOf("abe", "a"))
	s.Released("D-a", "abe")
	s.Opened("D-a", Moment{Wall: jst(2, 4, 0, 0)})
	for area, want := range map[string]bool{"a": true, "b": false} {
		if s.Stale(area, jst(2, 4, 0, 0)) || s.Stale(area, jst(3, 4, 0, 0)) != want {
			t.Errorf("area %s", area)
		}
	}
	if s.Reset("a", ""); s.Stale("a", jst(4, 4, 0, 0)) {
		t.Error("due again after it was done")
	}
}
