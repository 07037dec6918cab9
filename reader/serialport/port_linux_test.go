package serialport

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/fault"
	"kanmon/reader/readertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second // a test that waits longer has failed

func open(t *testing.T, name string) *Port {
	t.Helper()
	p, err := Open(Config{Name: name, Baud: 9600})
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func collect(t *testing.T, p *Port, n int) []byte {
	t.Helper()
	var got []byte
	timeout := time.After(patience)
	for len(got) < n {
		select {
		case b, ok := <-p.Received():
			if !ok {
				t.Fatalf("line lost after %x: %v", got, p.Err())
			}
			got = append(got, b...)
		case <-timeout:
			t.Fatalf("only %x arrived", got)
		}
	}
	return got
}

func waitLost(t *testing.T, p *Port) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case _, ok := <-p.Received():
			if !ok {
				return
			}
		case <-timeout:
			t.Fatal("the loss of the line was not noticed")
		}
	}
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestEveryByteValuePassesBothWays(t *testing.T) {
	pty := readertest.OpenPTY(t)
	p := open(t, pty.Name)
	if err := p.Write(allBytes()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 256)
	for n := 0; n < len(got); {
		m, err := pty.Master.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if !bytes.Equal(got, allBytes()) {
		t.Errorf("far end read % x", got)
	}
	if _, err := pty.Master.Write(allBytes()); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, p, 256); !bytes.Equal(got, allBytes()) {
		t.Errorf("near end read % x", got)
	}
}

// The library's timeout comes in steps of 100 ms. Bytes must not wait for one.
func TestBytesArriveFarFasterThanTheReadTimeout(t *testing.T) {
	pty := readertest.OpenPTY(t)
	p := open(t, pty.Name)
	best := time.Hour
	for range 50 {
		began := time.Now()
		if _, err := pty.Master.Write([]byte{0x53}); err != nil {
			t.Fatal(err)
		}
		collect(t, p, 1)
		best = min(best, time.Since(began))
	}
	t.Logf("best of 50: %v", best)
	if best > readTimeout/4 {
		t.Errorf("the fastest byte took %v", best)
	}
}

func TestSilenceIsNotTakenForAHangUp(t *testing.T) {
	pty := readertest.OpenPTY(t)
	p := open(t, pty.Name)
	select {
	case b, ok := <-p.Received():
		t.Fatalf("a silent line delivered %x, open %v: %v", b, ok, p.Err())
	case <-time.After(6 * readTimeout):
	}
	if _, err := pty.Master.Write([]byte{7}); err != nil {
		t.Fatal(err)
	}
	collect(t, p, 1)
}

func TestAFarEndThatGoesAwayIsAHangUp(t *testing.T) {
	pty := readertest.OpenPTY(t)
	p := open(t, pty.Name)
	pty.HangUp()
	waitLost(t, p)
	if !errors.Is(p.Err(), ErrHungUp) {
		t.Errorf("lost because of %v", p.Err())
	}
	if err := p.Write([]byte{1}); err == nil {
		t.Error("a lost line took bytes")
	}
}

func TestCloseDoesNotWaitForAByte(t *testing.T) {
	pty := readertest.OpenPTY(t)
	p := open(t, pty.Name)
	began := time.Now()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > closeWait {
		t.Errorf("close took %v", took)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := p.Write([]byte{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	waitLost(t, p)
}

func TestAWriteNobodyReadsEndsAndLeavesNothingBehind(t *testing.T) {
	pty := readertest.OpenPTY(t)
	p, err := Open(Config{Name: pty.Name, Baud: 9600, WriteTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // until the driver's buffer is full
		err = p.Write(make([]byte, 4096))
	}
	if !errors.Is(err, ErrWriteStalled) {
		t.Fatalf("write: %v", err)
	}
	if err := p.Close(); err != nil { // the goroutine in write(2) is gone too, as goleak checks
		t.Error(err)
	}
}

func TestASecondOpenerIsRefused(t *testing.T) {
	pty := readertest.OpenPTY(t)
	p := open(t, pty.Name)
	if _, err := Open(Config{Name: pty.Name, Baud: 9600}); !errors.Is(err, ErrInUse) {
		t.Fatalf("second open: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, pty.Name)
}

func TestADeviceThatVanishesAndReturnsIsOpenedAgain(t *testing.T) {
	link := filepath.Join(t.TempDir(), "line0")
	first := readertest.OpenPTY(t)
	if err := os.Symlink(first.Name, link); err != nil {
		t.Fatal(err)
	}
	c := Config{Name: link, Baud: 9600}
	p, err := Await(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	first.HangUp()
	waitLost(t, p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	opened := make(chan *Port)
	go func() {
		again, err := Await(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Error(err)
		}
		opened <- again
	}()
	second := readertest.OpenPTY(t)
	if err := os.Symlink(second.Name, link); err != nil {
		t.Fatal(err)
	}
	p = <-opened
	defer func() { _ = p.Close() }()
	if _, err := second.Master.Write([]byte("back")); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, p, 4); string(got) != "back" {
		t.Errorf("read %q", got)
	}
}

func TestAwaitBacksOffAndGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		var at []time.Duration
		_, err := await(ctx, Config{Name: "/dev/none", Baud: 9600}, slog.New(slog.DiscardHandler), func(Config) (*Port, error) {
			at = append(at, time.Since(began))
			return nil, os.ErrNotExist
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("await: %v", err)
		}
		want := []time.Duration{0, 100, 300, 700, 1500, 3100, 5100, 7100, 9100}
		if len(at) != len(want) {
			t.Fatalf("tried at %v", at)
		}
		for i := range want {
			if at[i] != want[i]*time.Millisecond {
				t.Errorf("try %d at %v, want %v ms", i, at[i], want[i])
			}
		}
	})
}

func TestAConfigurationThatCannotOpenIsNotAwaited(t *testing.T) {
	for name, c := range map[string]Config{
		"no path":      {Baud: 9600},
		"unknown rate": {Name: "/dev/ttyS0", Baud: 9601},
		"no rate":      {Name: "/dev/ttyS0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Await(t.Context(), c, slog.New(slog.DiscardHandler))
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestWhatIsNotATerminalDoesNotOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + "-missing", "/dev/null"} {
		if p, err := Open(Config{Name: name, Baud: 9600}); err == nil {
			_ = p.Close()
			t.Errorf("%s opened", name)
		}
	}
}

// stuck is a driver that never returns from Read, whatever its timeout.
type stuck struct{ free chan struct{} }

func (d stuck) Read([]byte) (int, error)    { <-d.free; return 0, errors.New("freed") }
func (d stuck) Write(b []byte) (int, error) { return len(b), nil }
func (d stuck) Flush() error                { return nil }
func (d stuck) Close() error                { return nil }

func TestCloseGivesUpOnADriverThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := stuck{free: make(chan struct{})}
		p := start(d, hold{}, 0)
		began := time.Now()
		if err := p.Close(); err == nil {
			t.Error("close says that all is released")
		}
		if took := time.Since(began); took != closeWait {
			t.Errorf("close took %v", took)
		}
		close(d.free)
		if err := p.Close(); err != nil {
			t.Errorf("close after the driver let go: %v", err)
		}
	})
}

// hiccup returns one early end of file, then bytes, and then honest timeouts.
type hiccup struct {
	stuck
	reads chan int
}

func (d hiccup) Read(b []byte) (int, error) {
	select {
	case n := <-d.reads:
		return copy(b, make([]byte, n)), nil
	case <-time.After(readTimeout):
		return 0, nil
	}
}

func TestOneEarlyEndOfFileIsForgiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := hiccup{reads: make(chan int, 4)}
		d.reads <- 0
		d.reads <- 0
		d.reads <- 3
		p := start(d, hold{}, 0)
		if b := <-p.Received(); len(b) != 3 {
			t.Errorf("received %x", b)
		}
		<-time.After(time.Second)
		if err := p.Err(); err != nil {
			t.Errorf("line counted as lost: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}
