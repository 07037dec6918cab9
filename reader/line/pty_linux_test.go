package line

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/readertest"
	"kanmon/reader/serialport"
)

// cable is a reader on a real terminal line, which can be cut.
type cable struct {
	t    *testing.T
	link string
	pty  *readertest.PTY
	sink *wired
}

// wired is a sink that hands on what comes.
type wired struct {
	cards chan reader.Presentation
	up    chan struct{}
	down  chan string
	fails chan error
}

func (w *wired) Present(p reader.Presentation)  { w.cards <- p }
func (w *wired) Fail(_ string, err error)       { w.fails <- err }
func (w *wired) Removed(string)                 {}
func (w *wired) Left(_ string, _ time.Duration) {}
func (w *wired) Up(string)                      { w.up <- struct{}{} }
func (w *wired) Down(_, detail string)          { w.down <- detail }

func plugged(t *testing.T) *cable {
	t.Helper()
	c := &cable{t: t, link: filepath.Join(t.TempDir(), "tty"), sink: &wired{
		cards: make(chan reader.Presentation, 1000), up: make(chan struct{}, 10), down: make(chan string, 10), fails: make(chan error, 10),
	}}
	port := serialport.Config{Name: c.link, Baud: 9600}
	r := New(Config{Name: "IN-9", Codec: codec(t, "wiegand-converter", nil), Sink: c.sink, Log: quiet(), Open: func(ctx context.Context) (Port, error) {
		return serialport.Await(ctx, port, quiet())
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	c.restore()
	return c
}

func (c *cable) restore() {
	c.pty = readertest.OpenPTY(c.t)
	_ = os.Remove(c.link)
	if err := os.Symlink(c.pty.Name, c.link); err != nil {
		c.t.Fatal(err)
	}
	within(c.t, "the reader in service", c.sink.up)
}

func (c *cable) cut() {
	c.pty.HangUp()
	within(c.t, "the loss of the line", c.sink.down)
}

func (c *cable) send(format string, args ...any) {
	if _, err := fmt.Fprintf(c.pty.Master, format, args...); err != nil {
		c.t.Errorf("send: %v", err)
	}
}

func within[T any](t *testing.T, what string, from <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
	}
	return got
}

// R47-1.
func TestASerialReaderKeepsThePromisesOfAReader(t *testing.T) {
	readertest.Run(t, func(t *testing.T) readertest.Adapter {
		c := plugged(t)
		return readertest.Adapter{
			Reader: "IN-9", Presentations: c.sink.cards, Cut: c.cut, Restore: c.restore,
			Tap: func(card credential.Credential) {
				count, bits := card.Reveal()
				c.send("W%03d%X\r\n", count, bits)
			},
		}
	})
}

// Case 32 on a real line: what is broken is reported, and the card after it is read.
func TestWhatIsBrokenOnARealLineIsReported(t *testing.T) {
	c := plugged(t)
	for _, broken := range []string{"W026bdd9", "W026bdd9374\r\n", "W0260000000000\r\n"} {
		c.send("%s", broken)
		if err := within(t, "the report of a broken frame", c.sink.fails); err == nil {
			t.Error("nil")
		}
	}
	c.send("W026bdd93740\r\n")
	within(t, "the card after it", c.sink.cards)
}
