package harness

import (
	"encoding/json"
	"log/slog"
	"testing"

	"kanmon/api"
	"kanmon/api/keychange"
	"kanmon/firmware-sim/control"
	"kanmon/internal/db"
)

// R47-1, R103-1: an operator replaces the centre's command key. At every step doors obey, and after the last one a controller that starts anew with
// the centre away still knows its policy: it is signed by the new key.
func TestDoorsObeyTheCentreThroughAChangeOfItsCommandKey(t *testing.T) {
	s := Start(t)
	for i, next := range []keychange.Step{keychange.Announce, keychange.Use, keychange.Retire} {
		s.changeKey(keychange.Command, next)
		s.AwaitConfirmed(s.Turn([]string{"suspend", "lift", "revoke"}[i], "鈴木")) // it is connected again
		if next == keychange.Announce {                                          // it asks for the keys when it starts
			s.restartController()
			s.await("its word for the new key", func() bool { return s.believes("command_keys") == 2 })
		}
		if r, err := s.Release("D-1"); err != nil || !r.Done {
			t.Errorf("after %s a release: %+v, %v", next, r, err)
		}
	}
	s.StopController()
	s.StopCentre()
	s.StartController()
	s.await("a good card's answer", func() bool {
		a, err := control.Ask(t.Context(), s.City.Files.Socket(), control.Request{Op: control.Tap, Reader: "IN-1", Card: "佐藤", Stay: true})
		return err == nil && a.Released
	})
	if a := s.Tap("IN-1", "鈴木"); a.Released || a.LED != "red" {
		t.Errorf("the revoked card got %+v", a)
	}
}

// changeKey takes a step towards a new key of the centre, as its operator does.
func (s *System) changeKey(kind keychange.Kind, step keychange.Step) {
	s.t.Helper()
	s.StopCentre()
	settings, err := api.ReadSettings(s.City.Files.CentreConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	change := api.KeyChange{Kind: kind, Step: step, Reason: "年次の交換"}
	if _, err := api.ChangeKey(s.t.Context(), settings, change, slog.New(slog.DiscardHandler)); err != nil {
		s.t.Fatalf("%s: %v", step, err)
	}
	s.StartCentre()
	s.AwaitDoors()
}

// restartController stops and starts the city's controller, which asks for the centre's keys then.
func (s *System) restartController() {
	s.t.Helper()
	s.StopController()
	s.await("the centre to hear that it stopped", func() bool { return !s.online() })
	s.StartController()
	s.AwaitDoors()
}

// believes is how many keys of a kind (a column) the city's controller says it has.
func (s *System) believes(kind string) int {
	s.t.Helper()
	centre, err := db.Open(s.t.Context(), db.Config{Driver: db.SQLite, Path: s.Database()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer centre.Close() // only read
	var lists []string
	err = centre.Read(s.t.Context(), func(q db.Queryer) error {
		return q.Select(s.t.Context(), &lists, `SELECT `+kind+` FROM controller_believes`)
	})
	if err != nil || len(lists) == 0 {
		return 0
	}
	var keys []string
	if err := json.Unmarshal([]byte(lists[0]), &keys); err != nil {
		s.t.Fatal(err)
	}
	return len(keys)
}
