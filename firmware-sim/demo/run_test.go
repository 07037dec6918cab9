package demo

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const within = 10 * time.Second

// said collects what a supervisor tells the person at the terminal.
type said struct {
	mu   sync.Mutex
	text strings.Builder
	some chan struct{} // one place: something was said
}

func (s *said) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := demo{out: &s.text}
	d.say(format, args...)
	select {
	case s.some <- struct{}{}:
	default:
	}
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start runs a program under supervision, waits until it is up, and returns how to end it and what it said.
func start(t *testing.T, path string, args ...string) (stop func() error, words *said) {
	t.Helper()
	words = &said{some: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	up, ended := make(chan struct{}), make(chan error, 1)
	p := program{title: "中央", path: path, args: args, log: &bytes.Buffer{}, say: words.say}
	go func() { ended <- p.run(ctx, func() { close(up) }) }()
	expect(t, up, path+" to start")
	return func() error {
		t.Helper()
		cancel()
		return expect(t, ended, path+" to end")
	}, words
}

func expect[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(within):
		t.Fatalf("waited in vain for %s", what)
		panic("not reached")
	}
}

func TestProgramEndsWhenItIsTold(t *testing.T) {
	stop, words := start(t, "/bin/sleep", "600")
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if words.String() != "" {
		t.Errorf("said %q", words)
	}
}

func TestProgramThatEndsByItselfIsReportedAndTheSupervisorCanStillBeTold(t *testing.T) {
	for path, want := range map[string]string{"/bin/true": "中央が止まりました(終了)", "/bin/false": "中央が止まりました(exit status 1)"} {
		stop, words := start(t, path)
		expect(t, words.some, "the report")
		if !strings.Contains(words.String(), want) || !strings.Contains(words.String(), "5 秒後に再起動します") {
			t.Errorf("%s: said %q, want %q", path, words, want)
		}
		if err := stop(); err != nil {
			t.Errorf("%s: ended with %v", path, err)
		}
	}
}

func TestProgramThatIsNotThereIsNamedAndNothingIsLeftRunning(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	err := Run(t.Context(), Options{Bin: filepath.Join(dir, "bin"), Data: filepath.Join(dir, "data"), Console: "127.0.0.1:0", Broker: "127.0.0.1:0"}, &out)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "bin", "kanmon-api")) {
		t.Errorf("%v, want an error about kanmon-api", err)
	}
}

// order is a program of its own that writes when it starts and when it ends.
const order = `echo "+$1" >>"$2"; trap 'echo "-$1" >>"$2"; exit 0' TERM; while :; do sleep 0.05; done`

func TestProgramsEndInTheOppositeOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "order")
	d := &demo{out: &bytes.Buffer{}}
	child := func(name string) program {
		return program{title: name, path: "/bin/sh", args: []string{"-c", order, "sh", name, file}, log: &bytes.Buffer{}, say: d.say}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := d.level(ctx, []program{child("a"), child("b"), child("c")}, 0, func(n int) error {
		awaitLines(t, file, n+1)
		if n == 2 {
			cancel()
		}
		return nil
	})
	cancel()
	text, _ := os.ReadFile(file)
	if got := strings.Fields(string(text)); err != nil || strings.Join(got, " ") != "+a +b +c -c -b -a" {
		t.Errorf("%q (%v)", got, err)
	}
}

func awaitLines(t *testing.T, file string, n int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); ; <-tick.C {
		if text, err := os.ReadFile(file); err == nil && strings.Count(string(text), "\n") >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not %d lines within %v", file, n, within)
		}
	}
}

func TestWhatAnInterruptedFirstRunLeftIsThrownAway(t *testing.T) {
	dir := t.TempDir()
	first, err := anew(dir, Options{Console: "a:1", Broker: "b:1"})
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(first.Files.centreDir(), "kanmon.db")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := anew(dir, Options{Console: "a:1", Broker: "b:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the half-filled database is still there (%v)", err)
	}
	if second.Users[0].Password == first.Users[0].Password {
		t.Error("the new city has the old passwords")
	}
}

func TestBannerSaysWhereToLookHowToLogInAndWhatToTry(t *testing.T) {
	var out bytes.Buffer
	c := made(t)
	d := &demo{City: c, bin: "bin", dir: "data", out: &out}
	d.banner()
	want := []string{c.URL(), "bin/kanmon-sim tap --reader IN-1 --card 佐藤 ", "bin/kanmon-sim open --door D-1 ", "data を削除"}
	for _, u := range c.Users {
		want = append(want, u.Name, u.Password, u.Title)
	}
	for _, part := range want {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the banner does not have %q:\n%s", part, out.String())
		}
	}
	if strings.Contains(out.String(), "--socket") {
		t.Error("with the folder that is the default the commands need no --socket")
	}
	out.Reset()
	d.dir = "elsewhere"
	d.banner()
	if !strings.Contains(out.String(), "--socket elsewhere/sim/control.sock") {
		t.Errorf("with another folder the commands need its socket:\n%s", out.String())
	}
}

func TestClientCarriesItsSessionAndTellsWhyItWasRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/session":
			_ = json.NewEncoder(w).Encode(map[string]string{"token": "T"})
		case r.Header.Get("Authorization") != "Bearer T":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/api/v1/broken":
			_, _ = w.Write([]byte("{"))
		case r.URL.Path == "/api/v1/taken":
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"code":"staff.no_taken"}`))
		default:
			_, _ = w.Write([]byte(`{"answer":42}`))
		}
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	c := NewClient(server.URL, roots)
	defer c.Close()
	call := func(path string, out any) error { return c.Call(t.Context(), http.MethodGet, path, nil, out) }
	if err := call("ok", nil); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("before the log-in: %v", err)
	}
	if err := c.Login(t.Context(), "kanri", "p"); err != nil {
		t.Fatal(err)
	}
	var out struct{ Answer int }
	if err := call("ok", &out); err != nil || out.Answer != 42 {
		t.Errorf("%+v, %v", out, err)
	}
	for path, want := range map[string]string{"taken": "staff.no_taken", "broken": "decode answer of broken"} {
		if err := call(path, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	server.Close()
	if err := call("ok", nil); err == nil {
		t.Error("a centre that is gone answers")
	}
}
