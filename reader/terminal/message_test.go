package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kanmon/internal/fault"
)

const counting = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func secret(tb testing.TB) Secret {
	tb.Helper()
	s, err := ParseSecret(counting + "\n")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

const verdict = `{"id":"m-1","at":"2026-11-27T13:00:00Z","verdict":"accepted","subject":"E-1001"}`

// R44-1. The signature is another program's: printf '%s' "$MESSAGE" | openssl dgst -sha256 -mac HMAC -macopt hexkey:0001…1f
func TestAMessageIsReadWithTheSignatureThatAnotherProgramMade(t *testing.T) {
	m, err := secret(t).Open([]byte(verdict), "sha256=7eef8bcdb8c698f95b9aac415b4161dae0ae0b94a8d1f104cdad2666808f43ea")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Message{ID: "m-1", At: time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC), Verdict: Accepted, Subject: "E-1001"}); m != want {
		t.Errorf("%+v", m)
	}
}

func TestAMessageThatWasChangedOrNotSignedIsRefused(t *testing.T) {
	good := secret(t).Sign([]byte(verdict))
	for name, bad := range map[string]struct{ body, signature string }{
		"another subject": {strings.Replace(verdict, "1001", "1002", 1), good},
		"no signature":    {verdict, ""},
		"no prefix":       {verdict, strings.TrimPrefix(good, "sha256=")},
		"cut short":       {verdict, good[:len(good)-2]},
		"nothing":         {"", "sha256="},
		"not hex":         {verdict, "sha256=" + strings.Repeat("zz", 32)},
	} {
		if _, err := secret(t).Open([]byte(bad.body), bad.signature); fault.CodeOf(err) != "terminal.signature" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (Secret{}).Open([]byte(verdict), good); fault.CodeOf(err) != "terminal.signature" {
		t.Errorf("without a secret: %v", err)
	}
}

// R44-1, Art. 44: nothing of a body is ever taken, not even when a terminal sends it along.
func TestASignedMessageThatMakesNoSenseIsRefusedAndNotRepeated(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"id":"1"} {"id":"2"}`,
		strings.Replace(verdict, `"id":"m-1"`, `"id":""`, 1),
		strings.Replace(verdict, `"id":"m-1"`, `"id":"a b"`, 1),
		strings.Replace(verdict, `"id":"m-1"`, `"id":"`+strings.Repeat("x", 65)+`"`, 1),
		strings.Replace(verdict, `2026-11-27T13:00:00Z`, `yesterday`, 1),
		strings.Replace(verdict, `"at":"2026-11-27T13:00:00Z",`, ``, 1),
		strings.Replace(verdict, `accepted`, `open`, 1),
		strings.Replace(verdict, `accepted`, `rejected`, 1),
		strings.Replace(verdict, `,"subject":"E-1001"`, ``, 1),
		strings.Replace(verdict, `}`, `,"template":"AAECAwQ="}`, 1),
		strings.Replace(verdict, `E-1001`, strings.Repeat("E", MaxMessage), 1),
	} {
		_, err := secret(t).Open([]byte(body), secret(t).Sign([]byte(body)))
		if fault.CodeOf(err) != "terminal.message" || strings.Contains(err.Error(), "E-1001") {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestATerminalsSecretIsRandomAndNeverPrinted(t *testing.T) {
	for _, bad := range []string{"", counting[:62], counting + "00", strings.Repeat("00", 32), strings.Repeat("zz", 32)} {
		if _, err := ParseSecret(bad); fault.CodeOf(err) != "terminal.secret" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "secret", secret(t))
	text := log.String() + fmt.Sprintf("%v %+v %#v %s %x %v", secret(t), secret(t), secret(t), secret(t), secret(t), Config{Secret: secret(t)}) //nolint:gocritic // every verb
	if strings.Contains(text, counting[:16]) || strings.Contains(text, "0 1 2 3") {
		t.Errorf("printed: %s", text)
	}
}

func TestAMessageIsTakenOnceAndOnlyWhileItIsFresh(t *testing.T) {
	start := time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC)
	o := newOnce(start)
	for _, step := range []struct {
		id   string
		at   time.Duration // of the message, after start
		now  time.Duration
		want string
	}{
		{"before the start", -time.Second, 0, "terminal.stale"},
		{"a", time.Second, 2 * time.Second, ""},
		{"a", time.Second, 2 * time.Second, "terminal.repeated"},
		{"a", 2 * time.Second, 2 * time.Second, "terminal.repeated"},
		{"late", 0, 10*time.Second + 1, "terminal.stale"},
		{"just in time", time.Second, 11 * time.Second, ""},
		{"from the future", time.Minute, 20 * time.Second, "terminal.stale"},
		{"a little ahead", 30 * time.Second, 20 * time.Second, ""},
		{"a little ahead", 30 * time.Second, 40 * time.Second, "terminal.repeated"},
	} {
		if err := o.take(Message{ID: step.id, At: start.Add(step.at)}, start.Add(step.now)); fault.CodeOf(err) != step.want {
			t.Errorf("%s at %v, %v: %v", step.id, step.at, step.now, err)
		}
	}
	_ = o.take(Message{ID: "much later", At: start.Add(time.Hour)}, start.Add(time.Hour))
	if len(o.seen) != 1 {
		t.Errorf("%d names are remembered", len(o.seen))
	}
}

func TestAMessageIsNotTakenAgainWhenTheClockIsSetBack(t *testing.T) {
	start := time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	o := newOnce(start)
	for _, step := range []struct {
		id         string
		made, come int
		want       string
	}{
		{"a", 100, 100, ""},
		{"b", 300, 300, ""},
		{"a", 100, 100, "terminal.stale"}, // the clock was set back by 200 s
		{"c", 70, 75, "terminal.stale"},
		{"b", 300, 295, "terminal.repeated"},
		{"d", 296, 296, ""},
	} {
		if err := o.take(Message{ID: step.id, At: at(step.made)}, at(step.come)); fault.CodeOf(err) != step.want {
			t.Errorf("%s of %d s at %d s: %v, want %q", step.id, step.made, step.come, err, step.want)
		}
	}
}

func FuzzASignedMessageIsWholeOrRefused(f *testing.F) {
	f.Add([]byte(verdict))
	f.Add([]byte(`{"id":"h","at":"2026-11-27T13:00:00+09:00","verdict":"alive"}`))
	f.Add([]byte(`{"ID":"x","at":"0001-01-01T00:00:00Z","verdict":"rejected","subject":null}`))
	s := secret(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := s.Open(body, s.Sign(body))
		if err != nil {
			return
		}
		if !json.Valid(body) || m.ID == "" || m.At.IsZero() || (m.Subject == "") != (m.Verdict != Accepted) {
			t.Errorf("%q is %+v", body, m)
		}
	})
}
