package passage_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/lifecycle/entrylog/passage"
)

var nine = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC) // in Japan

// at reads a short notation: seconds, kind, door, and for a grant or a named opening the person. Doors A… belong to area "a", and so on; a
// person in capitals goes out.
func at(text string) event.Event {
	var seconds float64
	var kind, door, person string
	_, _ = fmt.Sscan(text, &seconds, &kind, &door, &person)
	e := event.Event{Epoch: 1, At: nine.Add(time.Duration(seconds * float64(time.Second))), Door: door, Person: strings.ToLower(person)}
	e.Kind = map[string]event.Kind{
		"grant": event.AccessGranted, "opened": event.DoorOpened, "closed": event.DoorClosed, "none": event.NotEntered, "stepped": event.ClockStepped,
		"pending": event.AccessPending, "denied": event.AccessDenied, "button": event.RequestToExit, "afar": event.RemoteRelease, "held": event.HeldWarning,
	}[kind]
	if door != "" {
		e.Area = strings.ToLower(door[:1])
	}
	if person != "" && person == strings.ToUpper(person) {
		e.Direction = access.Out
	}
	return e
}

func events(lines ...string) []event.Event {
	list := make([]event.Event, len(lines))
	for i, line := range lines {
		list[i] = at(line)
	}
	return list
}

func passed(out passage.Outcome) string {
	var list []string
	for _, p := range out.Passed {
		way := "out of"
		if p.In {
			way = "into"
		}
		list = append(list, fmt.Sprintf("%s %s %s at %v (%s)", p.Person, way, p.Area, p.At.Sub(nine).Seconds(), p.Proof))
	}
	return strings.Join(list, "; ")
}

// R43-2: who is inside is known by what the door did, not by the grant alone.
func TestAGrantIsAPassageWhenItsDoorSaysSo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []event.Event
		want   string
		waits  int
	}{
		{"not yet", events("0 grant A1 p"), "", 1},
		{"opened", events("0 grant A1 p", "2 opened A1 p"), "p into a at 0 (opened)", 0},
		{"out", events("0 grant A1 P", "2 opened A1 P"), "p out of a at 0 (opened)", 0},
		{"never opened", events("0 grant A1 p", "6 none A1 p"), "", 0},
		{"the way out, never opened", events("0 grant A1 P", "6 none A1 P"), "", 0},
		{"another door opens", events("0 grant A1 p", "2 opened A2 q"), "", 1},
		{"another door is not opened", events("0 grant A1 p", "2 none A2 q", "3 opened A1 p"), "p into a at 0 (opened)", 0},
		{"a door without a contact, just before", events("0 grant A1 p", "59.999999 denied A2 q"), "", 1},
		{"a door without a contact", events("0 grant A1 p", "60 denied A2 q"), "p into a at 0 (granted)", 0},
		{"too late to be taken back", events("0 grant A1 p", "60 none A1 p"), "p into a at 0 (granted)", 0},
		{"a visitor and the escort", events("0 grant A1 p", "3 grant A1 q", "5 opened A1 q"), "p into a at 0 (opened); q into a at 3 (opened)", 0},
		{"both change their minds", events("0 grant A1 p", "3 grant A1 q", "9 none A1 q"), "", 0},
		{"a button as well", events("0 grant A1 p", "1 button A1", "2 opened A1"), "p into a at 0 (granted)", 0},
		{"only a button", events("1 button A1", "2 opened A1"), "", 0},
		{"only from afar", events("1 afar A1", "2 opened A1"), "", 0},
		{"while the door stands open", events("0 opened A1", "1 grant A1 p", "3 closed A1"), "p into a at 1 (granted)", 0},
		{"held says nothing", events("0 opened A1", "1 grant A1 p", "3 held A1"), "", 1},
		{"waiting for a PIN", events("0 pending A1 p", "90 denied A1 p"), "", 0},
		{"nobody known goes out", events("0 grant A1"), "", 0},
		{"no area known", events("0 grant"), "", 0},
		{"the clock is stepped on", events("0 grant A1 p", "3600 stepped", "3602 none A1 p"), "", 0},
		{"the clock is stepped back", events("3600 grant A1 p", "0 stepped", "59 denied B1 q", "60 denied B1 q"), "p into a at 3600 (granted)", 0},
		{"back unnoticed", events("3600 grant A1 p", "0 denied B1 q", "59 none A1 p"), "", 0},
	} {
		s, out := passage.Fold("ctl-1", passage.State{}, tt.events)
		if got := passed(out); got != tt.want || len(s.Grants) != tt.waits {
			t.Errorf("%s: %q with %d waiting, want %q with %d", tt.name, got, len(s.Grants), tt.want, tt.waits)
		}
	}
}

func TestANewJournalEndsTheWaiting(t *testing.T) {
	s, _ := passage.Fold("ctl-1", passage.State{}, events("0 grant A1 p"))
	next := at("1 none A1 p")
	next.Epoch = 2
	if _, out := passage.Fold("ctl-1", s, []event.Event{next}); passed(out) != "p into a at 0 (granted)" {
		t.Errorf("passed %q", passed(out))
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	var all []event.Event
	for i := range passage.Most + 3 {
		e := at("0 grant A1 p")
		e.Person = strconv.Itoa(i)
		all = append(all, e)
	}
	s, out := passage.Fold("ctl-1", passage.State{}, all)
	if len(s.Grants) != passage.Most || passed(out) != "0 into a at 0 (granted); 1 into a at 0 (granted); 2 into a at 0 (granted)" {
		t.Errorf("%d wait, passed %q", len(s.Grants), passed(out))
	}
}

func TestAMarkSaysOfWhomAndWhere(t *testing.T) {
	_, out := passage.Fold("ctl-1", passage.State{}, []event.Event{
		{Epoch: 1, At: nine, Kind: event.PlacesReset, Person: "p"}, {Epoch: 1, At: nine, Kind: event.PlacesDoubtful, Area: "a"},
	})
	want := []passage.Mark{{Controller: "ctl-1", Person: "p", At: nine}, {Controller: "ctl-1", Area: "a", Doubt: true, At: nine}}
	if !slices.Equal(out.Marks, want) {
		t.Errorf("marks %+v, want %+v", out.Marks, want)
	}
}

// fate is the model: it follows one grant to its end and knows nothing of the others.
func fate(grant event.Event, later []event.Event) (passage.Proof, bool) {
	from := grant.At
	for _, e := range later {
		if e.Epoch != grant.Epoch {
			return passage.Granted, true
		}
		if e.Kind == event.ClockStepped || e.At.Before(from) {
			from = e.At
		}
		switch {
		case !e.At.Before(from.Add(60 * time.Second)):
			return passage.Granted, true
		case e.Door != grant.Door:
		case e.Kind == event.DoorOpened && e.Person != "":
			return passage.Opened, true
		case e.Kind == event.DoorOpened, e.Kind == event.DoorClosed:
			return passage.Granted, true
		case e.Kind == event.NotEntered:
			return "", true
		}
	}
	return "", false
}

func expected(all []event.Event) (went []passage.Position, waiting int) {
	for i, e := range all {
		if e.Kind != event.AccessGranted || e.Person == "" || e.Area == "" {
			continue
		}
		proof, over := fate(e, all[i+1:])
		switch {
		case !over:
			waiting++
		case proof != "":
			went = append(went, passage.Position{Person: e.Person, Area: e.Area, Door: e.Door, In: e.Direction == access.In, At: e.At, Proof: proof})
		}
	}
	return went, waiting
}

func anyEvents(t *rapid.T) []event.Event {
	kinds := []event.Kind{
		event.AccessGranted, event.AccessGranted, event.AccessGranted, event.DoorOpened, event.DoorOpened, event.DoorClosed, event.NotEntered, event.AccessPending,
		event.RequestToExit, event.ClockStepped, event.AccessDenied,
	}
	var all []event.Event
	now, epoch := nine, uint64(1)
	for range rapid.IntRange(0, 40).Draw(t, "length") {
		now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 3, 30, 59, 60, -20, -3000, 4000}).Draw(t, "pause")) * time.Second)
		epoch += uint64(rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 1}).Draw(t, "new journal"))
		door := rapid.SampledFrom([]string{"A1", "A2", "B1"}).Draw(t, "door")
		all = append(all, event.Event{
			Epoch: epoch, At: now, Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Door: door, Area: strings.ToLower(door[:1]),
			Person: rapid.SampledFrom([]string{"p", "q", ""}).Draw(t, "person"), Direction: rapid.SampledFrom([]access.Direction{access.In, access.Out}).Draw(t, "way"),
		})
	}
	return all
}

func sorted(list []passage.Position) []string {
	all := make([]string, len(list))
	for i, p := range list {
		all[i] = fmt.Sprint(p)
	}
	slices.Sort(all)
	return all
}

func TestAnyOrderOfEventsIsWhatTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := anyEvents(t)
		s, out := passage.Fold("ctl-1", passage.State{}, all)
		want, waiting := expected(all)
		if !slices.Equal(sorted(out.Passed), sorted(want)) || len(s.Grants) != waiting {
			t.Fatalf("%v with %d waiting, want %v with %d", sorted(out.Passed), len(s.Grants), sorted(want), waiting)
		}
	})
}

// However the events are cut into batches, and the state kept between them: nothing comes out differently.
func TestBatchesMayBeCutAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := anyEvents(t)
		whole, want := passage.Fold("ctl-1", passage.State{}, all)
		var s passage.State
		var got passage.Outcome
		for len(all) > 0 {
			n := rapid.IntRange(1, len(all)).Draw(t, "batch")
			before := fmt.Sprint(s)
			next, out := passage.Fold("ctl-1", s, all[:n])
			if fmt.Sprint(s) != before {
				t.Fatal("the state before was changed")
			}
			kept, err := json.Marshal(next)
			if err != nil {
				t.Fatal(err)
			}
			s = passage.State{}
			if err := json.Unmarshal(kept, &s); err != nil {
				t.Fatal(err)
			}
			got.Passed, all = append(got.Passed, out.Passed...), all[n:]
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(s.Grants) != fmt.Sprint(whole.Grants) {
			t.Fatalf("in batches %v, %v\n  at once %v, %v", got, s, want, whole)
		}
	})
}
