package bus

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kanmon/reader/osdp"
	"kanmon/reader/readertest"
	"kanmon/reader/serialport"
)

// plug puts devices on a fresh pseudo terminal and points the link at it.
func plug(t *testing.T, link string, devices ...*pd) *readertest.PTY {
	t.Helper()
	pty := readertest.OpenPTY(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		decoder, buf := osdp.NewDecoder(0), make([]byte, 4096)
		for {
			n, err := pty.Master.Read(buf)
			if err != nil {
				return
			}
			_, _ = decoder.Write(buf[:n])
			for f, ok := decoder.Next(); ok; f, ok = decoder.Next() {
				for _, d := range devices {
					if r := d.receive(wireBytes(f)); r != nil {
						_, _ = pty.Master.Write(r)
					}
				}
			}
		}
	}()
	t.Cleanup(func() { pty.HangUp(); <-ended })
	if err := os.Symlink(pty.Name, link); err != nil {
		t.Fatal(err)
	}
	return pty
}

// R47-1: from a card at the device to the order at its output, over a real terminal, all of it secured.
func TestATapOnATerminalReachesTheStrike(t *testing.T) {
	link := filepath.Join(t.TempDir(), "line0")
	reader, strikes := newPD(t, 1), newPD(t, 3)
	pty := plug(t, link, reader, strikes)

	events := make(chan Event, 10_000)
	b, err := New(Config{
		Open: func(ctx context.Context) (Port, error) {
			return serialport.Await(ctx, serialport.Config{Name: link, Baud: 115200}, discard())
		},
		Baud: 115200, Rand: rand.Reader, Log: discard(), Emit: func(e Event) { events <- e },
		Devices: []Device{{Name: "IN-1", Address: 1, Key: reader.key}, {Name: "IO-1", Address: 3, Key: strikes.key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	runInBackground(t, b)

	awaitEvent[Outputs](t, events)
	awaitEvent[Outputs](t, events)
	var card, order []time.Duration
	for i := range byte(200) {
		began := time.Now()
		reader.tap(i)
		c := awaitEvent[Card](t, events)
		card = append(card, time.Since(began))
		if cardByte(c) != i {
			t.Fatalf("card %d came as %d", i, cardByte(c))
		}
		began = time.Now()
		if err := b.Do(t.Context(), "IO-1", strike); err != nil {
			t.Fatal(err)
		}
		order = append(order, time.Since(began))
	}
	slices.Sort(card)
	slices.Sort(order)
	t.Logf("card at the device → event: median %v, p99 %v; order → confirmed: median %v, p99 %v",
		card[100], card[198], order[100], order[198])

	if err := os.Remove(link); err != nil { // the adapter is pulled …
		t.Fatal(err)
	}
	pty.HangUp()
	reader.do(func() { reader.session, reader.seq = nil, osdp.DeviceSequence{} })
	plug(t, link, reader, strikes) // … and put in again as another device
	back := time.Now()
	awaitEvent[Online](t, events)
	awaitEvent[Online](t, events)
	if took := time.Since(back); took > 10*time.Second {
		t.Errorf("the channel took %v", took)
	}
	reader.tap(1)
	awaitEvent[Card](t, events)
}
