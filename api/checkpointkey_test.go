package api

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/api/sitekey"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/store"
)

// signedState is what an auditor asks for and keeps.
type signedState struct {
	Origin, Note, Verifier string
	Earlier                []struct{ Origin, Verifier, Farewell string }
}

func (r *running) signedState(token string) (s signedState) {
	r.t.Helper()
	res, text := r.call(token, "GET", "/api/v1/ledger/checkpoint", "")
	if err := json.Unmarshal([]byte(text), &s); err != nil || res.StatusCode != http.StatusOK {
		r.t.Fatalf("%d %s, %v", res.StatusCode, text, err)
	}
	v, err := ledger.NewVerifier(s.Verifier)
	if err == nil {
		_, err = v.Open([]byte(s.Note))
	}
	if err != nil || v.Origin() != s.Origin || s.Earlier == nil {
		r.t.Fatalf("%+v, %v", s, err)
	}
	return s
}

// signers are the origins of all checkpoints, smallest first, of a centre that runs or not.
func signers(t *testing.T, dir string) (origins []string) {
	t.Helper()
	d, err := db.Open(t.Context(), settings(t, dir).dbConfig(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	var notes [][]byte
	err = d.Read(t.Context(), func(q db.Queryer) error {
		return q.Select(t.Context(), &notes, `SELECT note FROM ledger_checkpoint ORDER BY size`)
	})
	if err = errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		name, _, _ := strings.Cut(string(n), "\n")
		origins = append(origins, name)
	}
	return origins
}

func verified(t *testing.T, dir string) {
	t.Helper()
	if report, err := Verify(t.Context(), settings(t, dir), slog.New(slog.DiscardHandler)); err != nil || !report.OK() {
		t.Fatalf("verify: %+v, %v", report, err)
	}
}

func replaceKey(t *testing.T, dir string) ([]sitekey.CheckpointKey, error) {
	t.Helper()
	return CheckpointKey(t.Context(), settings(t, dir), false, "年次の交換", slog.New(slog.DiscardHandler))
}

// R47-1, R84-1: after two changes the ledger is signed under the third origin from the first checkpoint on, an auditor who kept the first note and
// key follows the farewells, and verify holds all of it, beside the running centre too.
func TestAnAuditorFollowsTheCheckpointKeyThroughTwoChanges(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	token := r.login("boss", authz.SystemManager)
	kept := r.signedState(token)
	for n := 2; n <= 3; n++ {
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		list, err := replaceKey(t, dir)
		if err != nil || len(list) != n || !list[n-1].Signs || list[n-1].Since.Reason != "年次の交換" {
			t.Fatalf("%+v, %v", list, err)
		}
		before := signers(t, dir)
		r = start(t, dir)
		s := r.signedState(token)
		if want := ledger.OriginAt(origin("demo"), n); s.Origin != want || len(s.Earlier) != n-1 || s.Verifier != list[n-1].Verifier {
			t.Fatalf("signed under %s with %d before, want %s", s.Origin, len(s.Earlier), want)
		}
		if all := signers(t, dir); before[len(before)-1] != ledger.OriginAt(origin("demo"), n-1) || all[len(before)] != s.Origin {
			t.Errorf("signed by %v, and by %v before the start", all, before)
		}
		verified(t, dir)
	}
	s := r.signedState(token)
	v, err := ledger.NewVerifier(kept.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open([]byte(kept.Note)); err != nil || s.Earlier[0].Verifier != kept.Verifier {
		t.Errorf("the note kept at first: %v", err)
	}
	for _, e := range s.Earlier {
		f, err := v.Follow([]byte(e.Farewell))
		if err != nil || f.Size == 0 {
			t.Fatalf("%+v, %v", f, err)
		}
		v = f.Next
	}
	if v.Key() != s.Verifier {
		t.Errorf("the farewells lead to %s", v.Key())
	}
}

// A sealed file that was put back has the old key: it signs nothing more, and no new key is made from it.
func TestAnOldCheckpointKeyThatWasPutBackStopsTheCentre(t *testing.T) {
	dir := t.TempDir()
	file := sitekey.CheckpointFile(filepath.Join(dir, keysFolder))
	serveOnce := func() error { return start(t, dir).stop() }
	if err := serveOnce(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replaceKey(t, dir); err != nil {
		t.Fatal(err)
	}
	if err := serveOnce(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), settings(t, dir), "test", slog.New(slog.DiscardHandler)); fault.CodeOf(err) != "sitekey.lost" {
		t.Errorf("the centre started: %v, %v", s != nil, err)
	}
	if _, err := replaceKey(t, dir); fault.CodeOf(err) != "sitekey.lost" {
		t.Errorf("a new key was made from it: %v", err)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != string(old) {
		t.Errorf("the refused step changed the file (%v)", err)
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := serveOnce(); err != nil {
		t.Errorf("with the right file: %v", err)
	}
	verified(t, dir)
}

// The program died between the key file and the register: the next start makes up for it, and the first checkpoint is the new key's.
func TestACrashBeforeTheRegisterHeardOfTheNewCheckpointKeyIsMadeUpFor(t *testing.T) {
	dir := t.TempDir()
	if err := start(t, dir).stop(); err != nil {
		t.Fatal(err)
	}
	before := len(signers(t, dir))
	keys, err := sitekey.Open(settings(t, dir).keyConfig())
	if err != nil {
		t.Fatal(err)
	}
	act, err := operator(false, "年次の交換")
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.UseCheckpointKey(int64(1<<20), act); err != nil {
		t.Fatal(err)
	}
	if err := start(t, dir).stop(); err != nil {
		t.Fatal(err)
	}
	if all := signers(t, dir); len(all) <= before || all[before] != "kanmon/demo/2" {
		t.Errorf("signed by %v, %d of them before", all, before)
	}
	r := start(t, dir)
	var said int
	err = r.store.Read(t.Context(), func(q store.Queryer) error {
		return q.Get(t.Context(), &said, `SELECT COUNT(*) FROM crypto_key_version WHERE reason LIKE '年次の交換 (%' AND id LIKE 'checkpoint%'`)
	})
	if err != nil || said != 2 {
		t.Errorf("%d versions say why, %v", said, err)
	}
	verified(t, dir)
}
