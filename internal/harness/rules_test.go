package harness

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/pd"
)

// secondManager approves what the administrator asks for, and looks after PINs and who is inside.
const secondManager = "shonin"

// as is a client logged in as one of the city's users.
func (s *System) as(name string) (*demo.Client, demo.Login) {
	s.t.Helper()
	i := slices.IndexFunc(s.City.Users, func(u demo.Login) bool { return u.Name == name })
	c, err := s.City.Client()
	if err != nil || i < 0 {
		s.t.Fatalf("user %s: %v", name, err)
	}
	s.t.Cleanup(c.Close)
	if err := c.Login(s.t.Context(), name, s.City.Users[i].Password); err != nil {
		s.t.Fatal(err)
	}
	return c, s.City.Users[i]
}

// ruled gives the archive a rule, asked for by one and approved by another, and waits until the door has it.
func (s *System) ruled(second *demo.Client, rules map[string]any) {
	s.t.Helper()
	var asked struct{ ID string }
	err := s.Client().Call(s.t.Context(), http.MethodPut, "areas/archive", map[string]any{
		"name": "書庫", "grade": 2, "record": "best_effort", "owner": "S-0002", "rules": rules, "reason": "試験",
	}, &asked)
	if err == nil {
		err = second.Call(s.t.Context(), http.MethodPost, "approvals/"+asked.ID+"/approve", map[string]any{}, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.AwaitDoors()
}

// R43-2, case 41: who is held to be inside is refused at the door; a manager has the doors forget it over REST, and the same card opens.
func TestAManagerForgivesWhoIsHeldToBeInside(t *testing.T) {
	s := Start(t)
	second, login := s.as(secondManager)
	s.ruled(second, map[string]any{"passback": "timed", "passback_s": 3600})
	if a := s.Do(control.Request{Op: control.Tap, Reader: "IN-2", Card: "山本"}); !a.Released {
		t.Fatalf("the first time %+v", a)
	}
	s.AwaitEvent("inside", func(e Event) bool { return e.Kind == "door_closed" && e.Door == "D-2" })
	if a := s.Tap("IN-2", "山本"); a.Released || a.LED != "red" {
		t.Fatalf("the second time %+v", a)
	}
	s.AwaitEvent("refused", func(e Event) bool { return e.Reason == "anti_passback" && e.Person == "S-0007" })

	order := func(u demo.Login) map[string]any {
		return map[string]any{"password": u.Password, "person": "S-0007", "reason": "非常口から出たため"}
	}
	err := s.Client().Call(t.Context(), http.MethodPost, "areas/archive/forget", order(s.City.Users[0]), nil)
	if err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("without the right: %v", err)
	}
	var out struct {
		Done  bool
		Items []struct{ Controller string }
	}
	if err := second.Call(t.Context(), http.MethodPost, "areas/archive/forget", order(login), &out); err != nil || !out.Done || len(out.Items) != 1 {
		t.Fatalf("forget: %+v, %v", out, err)
	}
	if a := s.Tap("IN-2", "山本"); !a.Released {
		t.Errorf("after the reset %+v", a)
	}
	reset := s.AwaitEvent("the reset on record", func(e Event) bool { return e.Kind == "places_reset" && e.Person == "S-0007" })
	if !strings.Contains(reset.Detail, secondManager) || !strings.Contains(reset.Detail, "非常口から出たため") {
		t.Errorf("the event says %q", reset.Detail)
	}
}

// typed shows a card at the archive's reader, types digits after it, and returns the light that answers them.
func (s *System) typed(card, digits string) string {
	s.t.Helper()
	if a := s.Tap("IN-2", card); a.Released || a.LED != "amber" {
		s.t.Fatalf("the card alone: %+v", a)
	}
	pad := s.Device("IN-2")
	before := pad.Snapshot().Shows
	if err := pad.Type(digits + "\r"); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), Patience)
	defer cancel()
	shown, err := pad.Await(ctx, func(now pd.Snapshot) bool { return now.Shows > before })
	if err != nil {
		s.t.Fatal(err)
	}
	return shown.LED
}

// R44-1: a PIN that a manager draws opens, typed at the keypad after the card; another does not, and after five of them not even the right one, which is
// an alarm. No digit of it is in any event.
func TestACardAndItsPINOpenAndFiveWrongOnesAreStopped(t *testing.T) {
	s := Start(t)
	second, _ := s.as(secondManager)
	var drawn struct {
		PIN string `json:"pin"`
	}
	if err := second.Call(t.Context(), http.MethodPost, "staff/S-0007/pins", map[string]any{"digits": 8, "reason": "新任"}, &drawn); err != nil || len(drawn.PIN) != 8 {
		t.Fatalf("%d digits: %v", len(drawn.PIN), err)
	}
	s.ruled(second, map[string]any{"factors": "card_pin", "trust": "number"})
	if got := s.typed("山本", drawn.PIN); got != "green" {
		t.Fatalf("the right PIN: %s", got)
	}
	s.AwaitEvent("entry", func(e Event) bool { return e.Kind == "access_granted" && e.Person == "S-0007" && e.Door == "D-2" })
	s.AwaitEvent("locked again", func(e Event) bool { return e.Kind == "not_entered" && e.Door == "D-2" })

	wrong := "0" + drawn.PIN[1:]
	if wrong == drawn.PIN {
		wrong = "1" + drawn.PIN[1:]
	}
	for i := range 5 {
		if got := s.typed("山本", wrong); got != "red" {
			t.Fatalf("wrong PIN %d: %s", i+1, got)
		}
	}
	if a := s.alarmsAfter("pin_stopped"); a.About != "person" || a.Subject != "S-0007" || a.State != "raised" {
		t.Errorf("the alarm: %+v", a)
	}
	if a := s.Tap("IN-2", "山本"); a.Released || a.LED != "red" {
		t.Errorf("the card while PINs are stopped: %+v", a)
	}
	s.AwaitEvent("stopped", func(e Event) bool { return e.Reason == "pin_blocked" && e.Person == "S-0007" })
	refused := slices.DeleteFunc(s.Events(), func(e Event) bool { return e.Reason != "pin_wrong" })
	if len(refused) != 5 {
		t.Errorf("%d wrong PINs on record", len(refused))
	}
	for _, e := range s.Events() {
		if strings.Contains(e.Detail, drawn.PIN) || strings.Contains(e.Detail, wrong) {
			t.Errorf("digits in an event: %+v", e)
		}
	}
}

// alarmsAfter waits for the one alarm of a kind.
func (s *System) alarmsAfter(kind string) Alarm {
	s.t.Helper()
	s.await("alarm "+kind, func() bool { return len(s.alarms(kind)) == 1 })
	return s.alarms(kind)[0]
}
