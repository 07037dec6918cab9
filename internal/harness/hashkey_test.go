package harness

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"kanmon/api/keychange"
	"kanmon/firmware-sim/demo"
	"kanmon/internal/db"
)

// R47-1, R75-3, R84-1: an operator puts a further layer on the credential hash key. Good cards open at every step, and who was or is revoked stays
// out, in whichever form that was said; the policy at the door speaks of cards in the new form alone.
func TestDoorsKnowTheirCardsThroughAChangeOfTheHashKey(t *testing.T) {
	s := Start(t)
	forms := s.firstForms()
	sato, spoken := s.Card("佐藤"), map[string]bool{s.Card("鈴木"): true, s.Card("田中"): true}
	policy := func() []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(s.controllerConfig().DataDir, "policy.json"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	doors := func(after string, want map[string]bool) {
		t.Helper()
		for card, opens := range want {
			if a := s.Tap("IN-1", card); a.Released != opens {
				t.Errorf("%s %s got %+v", after, card, a)
			}
		}
		a := s.Tap("IN-1", demo.StrayCard)
		if a.Released {
			t.Errorf("%s a stray card got %+v", after, a)
		}
	}
	s.AwaitConfirmed(s.Turn("revoke", "鈴木"))
	s.changeKey(keychange.HashKey, keychange.Announce)
	s.AwaitConfirmed(s.Turn("suspend", "田中")) // it is connected again
	s.restartController()
	s.await("its word for the new layer", func() bool { return len(s.said().HashKeys) == 2 })
	doors("announced:", map[string]bool{"佐藤": true, "鈴木": false, "田中": false})
	if !bytes.Contains(policy(), forms[sato]) {
		t.Error("the policy speaks of cards in the new form before it is in use")
	}

	s.changeKey(keychange.HashKey, keychange.Use)
	for card, form := range forms {
		if old := bytes.Contains(policy(), form); old != spoken[card] { // an entry of the revocation set keeps its form
			t.Errorf("the policy has card %s in the old form: %v", card, old)
		}
	}
	doors("in use:", map[string]bool{"佐藤": true, "鈴木": false, "田中": false})
	s.AwaitConfirmed(s.Turn("lift", "田中"))
	doors("lifted:", map[string]bool{"佐藤": true, "鈴木": false, "田中": true})
	s.AwaitConfirmed(s.Turn("revoke", "佐藤"))
	doors("revoked:", map[string]bool{"佐藤": false, "鈴木": false, "田中": true})
	s.restartController()
	doors("after a restart:", map[string]bool{"佐藤": false, "鈴木": false, "田中": true})
}

// firstForms are the first forms of the cards in the register, in hex, by id.
func (s *System) firstForms() map[string][]byte {
	s.t.Helper()
	centre, err := db.Open(s.t.Context(), db.Config{Driver: db.SQLite, Path: s.Database()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer centre.Close() // only read
	var rows []struct {
		ID  string
		Key []byte `db:"credential_key"`
	}
	err = centre.Read(s.t.Context(), func(q db.Queryer) error {
		return q.Select(s.t.Context(), &rows, `SELECT id, credential_key FROM card`)
	})
	if err != nil || len(rows) == 0 {
		s.t.Fatalf("%d cards, %v", len(rows), err)
	}
	forms := map[string][]byte{}
	for _, r := range rows {
		forms[r.ID] = hex.AppendEncode(nil, r.Key)
	}
	return forms
}
