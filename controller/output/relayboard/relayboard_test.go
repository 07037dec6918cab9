package relayboard

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/fault"
	"kanmon/reader/readertest"
	"kanmon/reader/serialport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// board is a relay board written from its manual, at the other end of a pseudo terminal. It shares no code with ours.
type board struct {
	mu    sync.Mutex
	on    [8]bool
	until [8]time.Time // then the relay goes to the other state
	mute  int          // so many requests are not answered
	spoil int          // so many replies have a wrong bit
	old   bool         // it has no timers: exception 2
}

// crc by the maker's table-free listing.
func crc(b []byte) uint16 {
	c := uint16(0xFFFF)
	for _, x := range b {
		c ^= uint16(x)
		for range 8 {
			if c&0x0001 != 0 {
				c = (c >> 1) ^ 0xA001
			} else {
				c >>= 1
			}
		}
	}
	return c
}

func withCRC(b []byte) []byte { c := crc(b); return append(b, byte(c), byte(c>>8)) }

func (s *board) serve(f *os.File) {
	var got []byte
	buf := make([]byte, 64)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return
		}
		got = append(got, buf[:n]...)
		for len(got) >= 8 {
			if reply := s.answer(got[:8]); reply != nil {
				for _, half := range [][]byte{reply[:3], reply[3:]} { // as it comes over a slow line
					_, _ = f.Write(half)
				}
			}
			got = got[8:]
		}
	}
}

func (s *board) answer(q []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if crc(q[:6]) != uint16(q[6])|uint16(q[7])<<8 || q[0] != 1 {
		return nil
	}
	if s.mute > 0 {
		s.mute--
		return nil
	}
	reply := s.do(q)
	if s.spoil > 0 {
		s.spoil--
		reply[2] ^= 0x10
	}
	return reply
}

func (s *board) do(q []byte) []byte {
	at, value := binary.BigEndian.Uint16(q[2:]), binary.BigEndian.Uint16(q[4:])
	if q[1] == 1 {
		var bits byte
		for i := range s.on {
			if s.state(i) {
				bits |= 1 << i
			}
		}
		return withCRC([]byte{1, 1, 1, bits})
	}
	relay, what := int(at&0xFF), at&0xFF00
	if relay > 7 || (s.old && what != 0) {
		return withCRC([]byte{1, 0x85, 2})
	}
	switch what {
	case 0x0000:
		s.on[relay], s.until[relay] = value == 0xFF00, time.Time{}
	case 0x0200, 0x0400:
		s.on[relay], s.until[relay] = what == 0x0200, time.Now().Add(time.Duration(value)*100*time.Millisecond)
	}
	return slices.Clone(q)
}

func (s *board) state(relay int) bool {
	if t := s.until[relay]; !t.IsZero() && time.Now().After(t) {
		return !s.on[relay]
	}
	return s.on[relay]
}

func (s *board) set(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

func (s *board) energised(relay int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state(relay)
}

type words chan string

// start runs a Board against a simulated one.
func start(t *testing.T, sim *board) (*Board, words, *readertest.PTY) {
	t.Helper()
	pty := readertest.OpenPTY(t)
	var serving sync.WaitGroup
	serving.Go(func() { sim.serve(pty.Master) })
	said := make(words, 100)
	b, err := New(Config{
		Unit: 1, Relays: 8, Log: slog.New(slog.DiscardHandler),
		Open: func(ctx context.Context) (Port, error) {
			return serialport.Await(ctx, serialport.Config{Name: pty.Name, Baud: 9600}, slog.New(slog.DiscardHandler))
		},
		Up:   func() { said <- "up" },
		Down: func(string) { said <- "down" },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait(); pty.HangUp(); serving.Wait() })
	return b, said, pty
}

func (w words) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-w:
		if got != want {
			t.Fatalf("the board is %s, want %s", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("nothing said, want %s", want)
	}
}

func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

// The board counts: nobody comes back to end the release. R43-2.
func TestAReleaseEndsByTheBoardsOwnTimer(t *testing.T) {
	sim := &board{}
	b, said, _ := start(t, sim)
	said.expect(t, "up")
	toUnlock, toLock := Coil{b, 2}, Coil{b, 5}
	if err := toLock.Set(t.Context(), true); err != nil || !sim.energised(5) {
		t.Fatalf("at rest: %v, energised %v", err, sim.energised(5))
	}
	for _, c := range []struct {
		coil Coil
		on   bool
	}{{toUnlock, true}, {toLock, false}} {
		if err := c.coil.Flash(t.Context(), c.on, 250*time.Millisecond); err != nil || sim.energised(c.coil.Number) != c.on {
			t.Fatalf("release: %v, energised %v", err, sim.energised(c.coil.Number))
		}
		took := until(t, "rest", func() bool { return sim.energised(c.coil.Number) != c.on })
		if took < 250*time.Millisecond { // 300 ms, less what passed before we looked
			t.Errorf("at rest after %v", took)
		}
	}
}

func TestALostOrSpoiledReplyIsAskedForAgain(t *testing.T) {
	sim := &board{}
	b, said, _ := start(t, sim)
	said.expect(t, "up")
	for name, spoil := range map[string]func(){
		"no reply":      func() { sim.mute = 1 },
		"spoiled reply": func() { sim.spoil = 2 },
	} {
		sim.set(spoil)
		if err := (Coil{b, 0}).Flash(t.Context(), true, time.Second); err != nil || !sim.energised(0) {
			t.Errorf("%s: %v, energised %v", name, err, sim.energised(0))
		}
	}
}

func TestABoardThatDoesNotConfirmIsAnErrorAndALostDevice(t *testing.T) {
	sim := &board{}
	b, said, _ := start(t, sim)
	said.expect(t, "up")
	sim.set(func() { sim.mute = 1000 })
	if err := (Coil{b, 0}).Flash(t.Context(), true, time.Second); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("release: %v", err)
	}
	said.expect(t, "down")
	sim.set(func() { sim.mute = 0 })
	said.expect(t, "up")
}

func TestABoardWithoutTimersRefuses(t *testing.T) {
	sim := &board{old: true}
	b, said, _ := start(t, sim)
	said.expect(t, "up")
	if err := (Coil{b, 0}).Flash(t.Context(), true, time.Second); fault.KindOf(err) != fault.Invalid || sim.energised(0) {
		t.Fatalf("release: %v", err)
	}
}

func TestAnOrderWhoseTimeIsOverIsNotSent(t *testing.T) {
	sim := &board{}
	b, said, _ := start(t, sim)
	said.expect(t, "up")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Coil{b, 0}).Flash(ctx, true, time.Second); err == nil || sim.energised(0) {
		t.Fatalf("%v, energised %v", err, sim.energised(0))
	}
}

func TestAPulledCableIsALostDevice(t *testing.T) {
	sim := &board{}
	_, said, pty := start(t, sim)
	said.expect(t, "up")
	pty.HangUp()
	said.expect(t, "down")
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for _, c := range []Config{{Unit: 0, Relays: 8}, {Unit: 248, Relays: 8}, {Unit: 1, Relays: 0}, {Unit: 1, Relays: 33}} {
		if _, err := New(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	b, err := New(Config{Unit: 255, Relays: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{(Coil{b, 2}).Set(t.Context(), true), (Coil{b, 0}).Flash(t.Context(), true, 0), (Coil{b, 0}).Flash(t.Context(), true, time.Hour)} {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v", err)
		}
	}
}
