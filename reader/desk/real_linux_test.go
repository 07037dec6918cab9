package desk

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"kanmon/firmware-sim/vcard"
	"kanmon/firmware-sim/vreader"
	"kanmon/reader/pcsc/pcscdtest"
)

// R43-2, R75-2: the agent with pcscd and a virtual reader: a card is a tap, one that is none is told of as such, and one that stays is left.
func TestCardsOnAVirtualReaderAreTapsAndAreLeft(t *testing.T) {
	d := pcscdtest.Start(t, 1)
	l := &line{t: t, watch: time.Second, taken: true}
	log := slog.New(slog.DiscardHandler)
	a := New(Config{Link: l, Software: "test", Log: log})
	config := FileConfig{Desk: "front-1", Readers: []FileReader{{Name: "R1", Reader: vreader.Reader(0)}}}
	if err := config.Attach(a, log); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	await := func(what string, ok func() bool) {
		t.Helper()
		tick, late := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
		defer tick.Stop()
		for {
			l.mu.Lock()
			is := ok()
			l.mu.Unlock()
			if is {
				return
			}
			select {
			case <-tick.C:
			case <-late:
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	await("the first report", func() bool { return len(l.stays) > 0 })
	hold := func(c vcard.Card) *vcard.Held {
		t.Helper()
		h, err := vcard.Hold(t.Context(), d, vreader.Address(0), c)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := hold(vcard.TypeA{UID: []byte{4, 1, 2, 3, 4, 5, 6}})
	await("the tap", func() bool { return len(l.taps) == 1 && string(l.taps[0].Credential) == "uid:56:04010203040506" })
	await("the card that is left", func() bool { return len(l.stays[len(l.stays)-1]) == 1 })
	h.Remove()
	await("the card that is gone", func() bool { return len(l.stays[len(l.stays)-1]) == 0 })
	h = hold(&vcard.TypeB{})
	await("the card that is none", func() bool { return len(l.taps) == 2 && l.taps[1].Refused == "credential.type_b" })
	h.Remove()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
