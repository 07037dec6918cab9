package bus

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/osdp"
	"kanmon/reader/readertest"
)

// The bus as a source of presentations, held to what every reader promises.
func TestTheBusKeepsThePromisesOfAReader(t *testing.T) {
	readertest.Run(t, func(t *testing.T) readertest.Adapter {
		t.Helper()
		d := newPD(t, 1)
		w := newWire(t, d)
		w.delay = 100 * time.Microsecond
		cards := make(chan reader.Presentation, 1000)
		others := make(chan Event, 10_000)
		b, err := New(Config{
			Open: w.Open, Baud: 115200, Rand: rand.NewChaCha8([32]byte{2}), Log: discard(),
			Devices: []Device{{Name: "IN-1", Address: 1, Key: d.key}},
			Timing:  Timing{Offline: 800 * time.Millisecond, Probe: 50 * time.Millisecond, HandshakeWait: 20 * time.Millisecond},
			Emit: func(e Event) {
				if c, ok := e.(Card); ok {
					cards <- presentation(t, c)
					return
				}
				others <- e
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		runInBackground(t, b)
		awaitEvent[Online](t, others)
		return readertest.Adapter{
			Reader: "IN-1", Presentations: cards,
			Tap: func(c credential.Credential) { d.push(osdp.ReplyRaw, raw(t, c)) },
			Cut: func() {
				began := time.Now()
				w.setAbsent(true)
				for awaitEvent[Offline](t, others).At.Before(began) { // an old one, of a busy machine
				}
			},
			Restore: func() {
				began := time.Now()
				w.setAbsent(false)
				for awaitEvent[Online](t, others).At.Before(began) {
				}
			},
			Impostor: func(c credential.Credential) {
				d.do(func() { d.key, d.session, d.seq = testKey(t, 99), nil, osdp.DeviceSequence{} })
				d.push(osdp.ReplyRaw, raw(t, c))
				for awaitEvent[Alarm](t, others).Kind != HandshakeFailed {
				}
				awaitEvent[Offline](t, others)
			},
			Return: func() {
				d.do(func() { d.key, d.events, d.onLine = testKey(t, 1), nil, false })
				awaitEvent[Online](t, others)
			},
		}
	})
}

func runInBackground(t *testing.T, b *Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run ended with %v", err)
		}
	})
}

// presentation is what a controller makes of a Card.
func presentation(t *testing.T, c Card) reader.Presentation {
	t.Helper()
	n, bits := c.Card.Reveal()
	cr, err := credential.FromBits(n, bits)
	if err != nil {
		t.Error(err)
	}
	return reader.Presentation{Reader: c.Device, Credential: cr, At: c.At}
}

func raw(t *testing.T, c credential.Credential) []byte {
	t.Helper()
	n, bits := c.Reveal()
	r, err := osdp.NewRawCard(0, osdp.CardBits, n, bits)
	if err != nil {
		t.Fatal(err)
	}
	return r.Append(nil)
}

func awaitEvent[E Event](t *testing.T, events <-chan Event) E {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-events:
			if want, ok := e.(E); ok {
				return want
			}
		case <-timeout:
			var none E
			t.Fatalf("no %T came", none)
		}
	}
}
