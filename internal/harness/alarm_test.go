package harness

import (
	"net/http"
	"slices"
	"testing"
)

// Alarm is what the tests look at in an alarm.
type Alarm struct {
	ID      string  `json:"id"`
	Kind    string  `json:"kind"`
	State   string  `json:"state"`
	About   string  `json:"about"`
	Subject string  `json:"subject"`
	Count   int     `json:"count"`
	OverAt  *string `json:"over_at"`
}

// alarms are those of the centre that are of a kind, newest first.
func (s *System) alarms(kind string) []Alarm {
	s.t.Helper()
	var out struct{ Items []Alarm }
	s.get("alarms?kind="+kind, &out)
	return out.Items
}

// R43-2: a card that is refused three times at a door is an alarm there, and no other one of that kind.
// R121-1: a controller that is cut off is an alarm, which is over when it is back.
func TestRepeatedRefusalsAndASilentControllerAreAlarms(t *testing.T) {
	s := Start(t, Proxied(), Impatient(3))
	s.await("three refusals", func() bool {
		s.Tap("IN-1", "渡邉") // the same card at once is the same wish, so some taps are not counted
		return len(s.alarms("repeated_refusals")) > 0
	})
	refused := slices.DeleteFunc(s.Events(), func(e Event) bool { return e.Kind != "access_denied" })
	a := s.alarms("repeated_refusals")
	if a[0].About != "door" || a[0].Subject != "D-1" || a[0].State != "raised" || a[0].Count < 3 || len(refused) < 3 {
		t.Errorf("after %d refusals: %+v", len(refused), a)
	}

	s.Proxy.Partition()
	s.await("the silence", func() bool { return len(s.alarms("controller_silent")) == 1 })
	if a := s.alarms("controller_silent"); a[0].Subject != "ctl-1" || a[0].OverAt != nil {
		t.Errorf("while it is cut off: %+v", a)
	}
	s.Proxy.Heal()
	s.await("its return", func() bool { return s.alarms("controller_silent")[0].OverAt != nil })
	id := s.alarms("controller_silent")[0].ID
	for _, step := range []struct {
		what string
		body any
	}{{"acknowledge", map[string]any{"last_event": 0}}, {"close", map[string]any{"note": "網の工事", "last_event": 0}}} {
		if err := s.Client().Call(t.Context(), http.MethodPost, "alarms/"+id+"/"+step.what, step.body, nil); err != nil {
			t.Fatal(err)
		}
	}
	if a := s.alarms("controller_silent"); len(a) != 1 || a[0].State != "closed" || a[0].Count != 1 {
		t.Errorf("in the end: %+v", a)
	}
}
