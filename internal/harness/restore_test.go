package harness

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"kanmon/firmware-sim/demo"
)

// R84-1, R76-2: yesterday's copy of the centre's database is put back. Doors accept what the centre says next, though it knows less than
// they do; the lost day's entries come again, each once; and a card that was revoked on the lost day stays refused.
func TestDoorsAcceptACentreThatWasPutBackAndGiveItTheLostDay(t *testing.T) {
	s := Start(t)
	s.Tap("IN-1", "佐藤")
	s.await("yesterday's entries", func() bool { return s.Backlog() == 0 && count(s.Events(), "access_granted") == 1 })
	yesterday := s.copyDatabase()

	// The day that will be lost.
	lost := s.AwaitConfirmed(s.Turn("revoke", "鈴木"))
	for _, card := range []string{"佐藤", "田中", "鈴木", "佐藤"} {
		s.Tap("IN-1", card)
	}
	s.await("the day's entries", func() bool { return s.Backlog() == 0 && count(s.Events(), "access_denied") == 1 })
	before := s.entriesOf(demo.Controller)
	if a := s.Tap("IN-1", demo.StrayCard); a.Released {
		t.Fatalf("a stray card got %+v", a)
	}

	s.putBack(yesterday)
	if a := s.Tap("IN-1", "鈴木"); a.Released || a.LED != "red" {
		t.Errorf("a card revoked on the lost day got %+v", a)
	}
	s.await("the lost day", func() bool { return s.Backlog() == 0 && count(s.Events(), "access_denied") >= 3 })
	after := s.entriesOf(demo.Controller)
	for key, e := range before {
		if again := after[key]; again.Kind != e.Kind || !again.At.Equal(e.At) || again.Person != e.Person {
			t.Errorf("event %v was %+v and came back as %+v", key, e, again)
		}
	}
	for _, wrong := range Twice(s.Events()) {
		t.Error(wrong)
	}
	if !s.opened(lost.Version.Epoch + 1) {
		t.Errorf("no new epoch after %d", lost.Version.Epoch)
	}

	// What is decided now, with the lower numbers of the old copy, takes effect.
	s.issue(demo.StrayCard, "S-0001")
	s.AwaitDoors()
	s.await("the new card", func() bool { return s.Tap("IN-1", demo.StrayCard).Released })
	if a := s.Tap("IN-1", "鈴木"); a.Released || a.LED != "red" {
		t.Errorf("under the new policy the revoked card got %+v", a)
	}
	s.AwaitConfirmed(s.Turn("suspend", "田中"))
	if a := s.Tap("IN-1", "田中"); a.Released {
		t.Errorf("a card suspended after the restore got %+v", a)
	}
	if r := s.revocationOf("鈴木"); r.State != "revoked" {
		t.Errorf("the centre knows of the lost day's revocation: %+v", r)
	}
}

// copyDatabase copies the centre's database while the centre stands still, and returns the folder.
func (s *System) copyDatabase() string {
	s.t.Helper()
	dir := s.t.TempDir()
	s.StopCentre()
	s.copyFiles(dir, filepath.Dir(s.Database()))
	s.StartCentre()
	s.AwaitDoors()
	return dir
}

// putBack puts a copy in the place of the centre's database.
func (s *System) putBack(dir string) {
	s.t.Helper()
	s.StopCentre()
	s.copyFiles(filepath.Dir(s.Database()), dir)
	s.client = nil // the session of today is not in yesterday's database
	s.StartCentre()
	s.AwaitDoors()
}

// copyFiles makes the database files of one folder those of another.
func (s *System) copyFiles(to, from string) {
	s.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		name := filepath.Base(s.Database()) + suffix
		_ = os.Remove(filepath.Join(to, name)) // it may not be there
		b, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

type number struct{ Epoch, Seq uint64 }

// entriesOf are the numbered entries of a controller.
func (s *System) entriesOf(controller string) map[number]Event {
	s.t.Helper()
	all := map[number]Event{}
	for _, e := range s.Events() {
		if e.Controller == controller && e.Seq > 0 {
			all[number{e.Epoch, e.Seq}] = e
		}
	}
	return all
}

// opened reports whether the doors are under an epoch of the centre, or a later one.
func (s *System) opened(epoch uint64) bool {
	s.t.Helper()
	for _, c := range s.Controllers() {
		if c.Name == demo.Controller {
			return c.Applied.Epoch >= epoch
		}
	}
	return false
}

func (s *System) issue(card, person string) {
	s.t.Helper()
	err := s.Client().Call(s.t.Context(), http.MethodPost, "cards", map[string]string{
		"label": "C-9001", "person": person, "credential": s.City.Cards[card],
	}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
}

// revocationOf is the newest entry of the revocation set for a holder's card.
func (s *System) revocationOf(holder string) (r Receipt) {
	s.t.Helper()
	var out struct{ Items []Receipt }
	s.get("revocations?limit=1&card="+s.Card(holder), &out)
	if len(out.Items) == 1 {
		r = out.Items[0]
	}
	return r
}
