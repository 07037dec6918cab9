package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const within = 10 * time.Second // longer than anything here takes, shorter than patience

// serve serves until the test ends or stop is called, which also waits.
func serve(t *testing.T, handle func(context.Context, Request) Answer) (socket string, stop func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "control") //nolint:usetesting // a Unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "sim", "s")
	return socket, serveAt(t, socket, handle)
}

func serveAt(t *testing.T, socket string, handle func(context.Context, Request) Answer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, socket, handle) }()
	stopped := false
	stop = func() {
		t.Helper()
		cancel()
		if stopped {
			return
		}
		stopped = true
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(within):
			t.Error("Serve does not end")
			<-ended
		}
	}
	t.Cleanup(stop)
	await(t, "the socket", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return stop
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}

func TestRequestAndAnswerArriveWhole(t *testing.T) {
	want := Request{Op: Tap, Reader: "IN-1", Card: "髙橋", Door: "D-1", Device: "IO-1", Stay: true}
	answer := Answer{LED: "green", Beeps: 1, Released: true, AfterMS: 12, Lines: []string{"一", "二"}}
	socket, _ := serve(t, func(_ context.Context, got Request) Answer {
		if got != want {
			t.Errorf("the handler got %+v, want %+v", got, want)
		}
		return answer
	})
	got, err := Ask(t.Context(), socket, want)
	if err != nil || !reflect.DeepEqual(got, answer) {
		t.Errorf("answered %+v (%v), want %+v", got, err, answer)
	}
}

func TestHandlersErrorIsTheAskers(t *testing.T) {
	socket, _ := serve(t, func(context.Context, Request) Answer { return Answer{Error: `no card "x"`, Beeps: 3} })
	got, err := Ask(t.Context(), socket, Request{Op: Tap})
	if err == nil || err.Error() != `no card "x"` || got.Beeps != 3 {
		t.Errorf("answered %+v (%v)", got, err)
	}
}

// ask sends bytes as they are and returns the answer; closed means that there was none.
func ask(t *testing.T, socket string, request []byte) (a Answer, closed bool) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	if len(request) > 0 {
		_, _ = c.Write(request) // a request that is too long is cut off
	}
	if err := c.(*net.UnixConn).CloseWrite(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Logf("close: %v", err)
	}
	return a, json.NewDecoder(c).Decode(&a) != nil
}

func TestRequestThatIsNoneIsAnsweredSoAndNotHandled(t *testing.T) {
	socket, _ := serve(t, func(_ context.Context, r Request) Answer {
		t.Errorf("handled %+v", r)
		return Answer{}
	})
	for _, bad := range []string{"tap", "{", `{"op":"tap"`, `[]`, `{"op":1}`, `{"op":"tap"} more`, "\x00\xff", strings.Repeat("{", 4000)} {
		if a, closed := ask(t, socket, []byte(bad)); closed || a.Error != "request is not JSON" {
			t.Errorf("%.20q: answered %+v, closed %v", bad, a, closed)
		}
	}
	if a, closed := ask(t, socket, nil); !closed {
		t.Errorf("silence was answered with %+v", a)
	}
	if a, closed := ask(t, socket, bytes.Repeat([]byte(" "), 100_000)); !closed && a.Error == "" {
		t.Errorf("a request of 100,000 bytes was answered with %+v", a)
	}
}

func TestTwoAtOnceAreServedTogether(t *testing.T) {
	both := make(chan struct{}, 2)
	met := make(chan struct{})
	socket, _ := serve(t, func(ctx context.Context, r Request) Answer {
		both <- struct{}{}
		select {
		case <-met:
			return Answer{LED: r.Card}
		case <-ctx.Done():
			return Answer{Error: "the other never came"}
		}
	})
	go func() { <-both; <-both; close(met) }()
	answers := make(chan Answer, 2)
	for _, card := range []string{"a", "b"} {
		go func() {
			a, err := Ask(t.Context(), socket, Request{Card: card})
			if err != nil || a.LED != card {
				t.Errorf("%s: answered %+v (%v)", card, a, err)
			}
			answers <- a
		}()
	}
	<-answers
	<-answers
}

func TestDeadSocketSaysThatTheSimulatorDoesNotRun(t *testing.T) {
	dir, err := os.MkdirTemp("", "control") //nolint:usetesting // a Unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	left := filepath.Join(dir, "left")
	l, err := net.Listen("unix", left)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	for _, socket := range []string{filepath.Join(dir, "nothing"), left} {
		_, err := Ask(t.Context(), socket, Request{Op: State})
		if err == nil || !strings.Contains(err.Error(), "is it running?") || !strings.Contains(err.Error(), socket) {
			t.Errorf("%s: %v", socket, err)
		}
	}
	serveAt(t, left, func(context.Context, Request) Answer { return Answer{LED: "new"} }) // what was left is no obstacle
	if a, err := Ask(t.Context(), left, Request{Op: State}); err != nil || a.LED != "new" {
		t.Errorf("where a dead socket was: %+v (%v)", a, err)
	}
}

func TestSocketIsItsOwnersAlone(t *testing.T) {
	socket, stop := serve(t, func(context.Context, Request) Answer { return Answer{} })
	for path, want := range map[string]os.FileMode{socket: 0o600 | os.ModeSocket, filepath.Dir(socket): 0o750 | os.ModeDir} {
		// The folder's mode is also what the umask leaves of it.
		if info, err := os.Stat(path); err != nil || info.Mode()&^want != 0 {
			t.Errorf("%s: mode %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
	stop()
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("after the end the socket is still there (%v)", err)
	}
}

func TestServeEndsAtOnceAlthoughSomebodyHoldsOn(t *testing.T) {
	socket, stop := serve(t, func(context.Context, Request) Answer { return Answer{} })
	for range 3 {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	stop() // fails when it takes as long as the server's patience with those who say nothing
}

func TestServeThatCannotListenSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for socket, want := range map[string]string{
		filepath.Join(file, "s"):                    "make control folder",
		filepath.Join(filepath.Dir(file), "a", "b"): "",
		"/tmp/" + strings.Repeat("x", 200):          "listen on control socket",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Serve(ctx, socket, nil); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: %v, want %q", socket, err, want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"op":"tap","reader":"IN-1","card":"佐藤","stay":true}`))
	f.Add([]byte(`{"op":`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, request []byte) {
		if len(request) == 0 {
			return
		}
		ours, theirs := net.Pipe()
		defer ours.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			answer(t.Context(), theirs, func(context.Context, Request) Answer { return Answer{LED: "handled"} })
		}()
		go func() { _, _ = ours.Write(request) }() // a longer request than is read ends with the pipe
		var a Answer
		if err := json.NewDecoder(ours).Decode(&a); err != nil {
			t.Fatalf("no answer to %q: %v", request, err)
		}
		if (a.LED == "handled") != (a.Error == "") {
			t.Errorf("%q: answered %+v", request, a)
		}
		ours.Close()
		<-done
	})
}
