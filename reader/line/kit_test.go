package line

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/reader"
	"kanmon/reader/line/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told is a sink that keeps what it is told, each as one line.
type told struct {
	mu    sync.Mutex
	lines []string
	cards []reader.Presentation
	more  chan struct{}
}

func newTold() *told { return &told{more: make(chan struct{}, 1000)} }

func (s *told) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
	s.more <- struct{}{}
}

func (s *told) Present(p reader.Presentation) {
	s.mu.Lock()
	s.cards = append(s.cards, p)
	s.mu.Unlock()
	s.add("card at %s", p.Reader)
}
func (s *told) Fail(name string, err error)       { s.add("fail at %s: %v", name, err) }
func (s *told) Removed(name string)               { s.add("removed at %s", name) }
func (s *told) Left(name string, _ time.Duration) { s.add("left at %s", name) }
func (s *told) Up(name string)                    { s.add("up %s", name) }
func (s *told) Down(name, detail string)          { s.add("down %s: %s", name, detail) }

// all is what was told so far, and forgets it.
func (s *told) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	return lines
}

// wire is a port in memory.
type wire struct {
	received chan []byte
	mu       sync.Mutex
	sent     [][]byte
	echoes   bool
}

func newWire() *wire { return &wire{received: make(chan []byte, 100)} }

func (w *wire) Received() <-chan []byte { return w.received }
func (w *wire) Close() error            { return nil }

func (w *wire) Write(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, append([]byte(nil), b...))
	if w.echoes {
		w.received <- append([]byte(nil), b...)
	}
	return nil
}

// wrote is what was written so far, and forgets it.
func (w *wire) wrote() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func codec(tb testing.TB, name string, change func(*frame.Profile)) *frame.Codec {
	tb.Helper()
	p, err := frame.Example(name)
	if err != nil {
		tb.Fatal(err)
	}
	if change != nil {
		change(&p)
	}
	c, err := frame.Compile(p, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// running runs a reader on wires that are opened one after the other, until stop.
func running(tb testing.TB, c *frame.Codec, wires ...*wire) (*Reader, *told, func()) {
	tb.Helper()
	sink := newTold()
	next := make(chan *wire, len(wires))
	for _, w := range wires {
		next <- w
	}
	r := New(Config{Name: "IN-9", Codec: c, Sink: sink, Log: quiet(), Open: func(ctx context.Context) (Port, error) {
		select {
		case w := <-next:
			return w, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return r, sink, func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("run: %v", err)
		}
	}
}
