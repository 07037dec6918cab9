package journal

import (
	"reflect"
	"testing"
	"time"

	"kanmon/controller/site"
	"kanmon/internal/event"
)

// R44-1: where people are and who typed wrong PINs is one commit with the events that tell of it, and is there after a restart.
func TestARestartFindsWhereEverybodyIs(t *testing.T) {
	place := func(person string, state site.Standing, at time.Time) site.KeptPlace {
		return site.KeptPlace{Place: site.Place{Area: "A-1", Person: person, State: state, At: at, Visitor: person == "guest", Escort: person == "guide"}}
	}
	gone := func(person string) site.KeptPlace {
		return site.KeptPlace{Place: site.Place{Area: "A-1", Person: person}, Gone: true}
	}
	dir := t.TempDir()
	j, stop := open(t, dir, nil)
	found := func(what string, want site.Kept) {
		t.Helper()
		for range 2 { // now, and after a restart
			if got, err := j.Site(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %+v, %v, want %+v", what, got, err, want)
			}
			stop()
			j, stop = open(t, dir, nil)
		}
	}
	found("new", site.Kept{})
	later := noon.Add(time.Minute + time.Microsecond)
	appendChange(t, j, Change{Site: &site.Kept{
		Places: []site.KeptPlace{place("guest", site.In, noon), place("guide", site.In, noon), place("sato", site.Out, time.Time{})},
		Tries:  []site.Tries{{Subject: "card/C-1", N: 2}, {Subject: "reader/IN-1", N: 5}},
	}})
	appendChange(t, j, Change{}) // says nothing of them
	found("kept", site.Kept{
		Places: []site.KeptPlace{place("guest", site.In, noon), place("guide", site.In, noon), place("sato", site.Out, time.Time{})},
		Tries:  []site.Tries{{Subject: "card/C-1", N: 2}, {Subject: "reader/IN-1", N: 5}},
	})
	appendChange(t, j, Change{Site: &site.Kept{
		Places: []site.KeptPlace{place("guest", site.Doubtful, noon), gone("sato"), place("kato", site.In, later)},
		Tries:  []site.Tries{{Subject: "card/C-1"}, {Subject: "reader/IN-1", N: 1}, {Subject: "card/C-9"}},
	}})
	found("changed", site.Kept{
		Places: []site.KeptPlace{place("guest", site.Doubtful, noon), place("guide", site.In, noon), place("kato", site.In, later)},
		Tries:  []site.Tries{{Subject: "reader/IN-1", N: 1}},
	})
	bad := event.Event{At: noon, Kind: "nonsense"}
	if _, err := j.Append(t.Context(), []event.Event{bad}, Change{Site: &site.Kept{Whole: true}}); err == nil {
		t.Fatal("nonsense was written")
	}
	appendChange(t, j, Change{Site: &site.Kept{Whole: true, Places: []site.KeptPlace{place("kato", site.Out, later)}, Tries: []site.Tries{{Subject: "card/C-2", N: 3}}}})
	found("whole", site.Kept{Places: []site.KeptPlace{place("kato", site.Out, later)}, Tries: []site.Tries{{Subject: "card/C-2", N: 3}}})
	appendChange(t, j, Change{Site: &site.Kept{Whole: true}})
	found("nobody", site.Kept{})
}
