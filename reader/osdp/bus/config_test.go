package bus

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/iotest"
	"time"

	"kanmon/internal/fault"
)

// zeros is a random source that stands still.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Section 13 row 10.
func TestRunRefusesARandomSourceThatDoesNotWork(t *testing.T) {
	for what, source := range map[string]io.Reader{
		"an error":      iotest.ErrReader(errors.New("no entropy")),
		"too few bytes": bytes.NewReader(make([]byte, 11)),
		"a standstill":  zeros{},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWire(t, newPD(t, 1))
			b, err := New(Config{
				Open: w.Open, Rand: source, Log: discard(), Emit: func(e Event) { t.Errorf("event %+v", e) },
				Devices: []Device{{Name: "A", Address: 1, Key: testKey(t, 1)}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Run(t.Context()); fault.KindOf(err) != fault.Internal {
				t.Errorf("run ended with %v", err)
			}
			if n := len(w.transmissions()); n != 0 {
				t.Errorf("%d frames were sent", n)
			}
		})
	}
}

func TestWhatIsRequiredIsRequired(t *testing.T) {
	good := Config{
		Open: newWire(t).Open, Rand: rand.Reader, Log: discard(), Emit: func(Event) {},
		Devices: []Device{{Name: "A", Address: 1, Key: testKey(t, 1)}},
	}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*Config){
		"open": func(c *Config) { c.Open = nil }, "rand": func(c *Config) { c.Rand = nil },
		"log": func(c *Config) { c.Log = nil }, "emit": func(c *Config) { c.Emit = nil },
		"baud": func(c *Config) { c.Baud = -1 }, "gap": func(c *Config) { c.PollGap = -time.Second },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: error %v", what, err)
		}
	}
}
