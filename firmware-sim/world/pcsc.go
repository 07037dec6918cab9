package world

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pd"
	"kanmon/firmware-sim/vcard"
	"kanmon/firmware-sim/vreader"
)

// PCSC says where a virtual PC/SC reader's daemon keeps its socket, and what the controller calls the reader.
type PCSC struct {
	Dir    string `json:"dir"`
	Reader string `json:"reader"`
}

func (p PCSC) start(ctx context.Context) (*vreader.Daemon, error) {
	d, err := vreader.New(p.Dir, 1, io.Discard)
	if err == nil {
		err = d.Start(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("virtual PC/SC reader: %w", err)
	}
	return d, nil
}

// ServiceFrom is where in its block a simulated FeliCa card has the bytes of its credential.
const ServiceFrom = 2

// simulatedIDm is that of every simulated FeliCa card: they differ in their memory.
var simulatedIDm = [8]byte{0x01, 0x2E, 0x4B, 0x41, 0x4E, 0x4D, 0x4F, 0x4E}

// noticedWithin is how long pcscd may take to see a card.
const noticedWithin = time.Second

// tapPCSC holds a FeliCa card to the PC/SC reader until the strike answers, or the person gives up. The reader itself shows nothing.
func (w *World) tapPCSC(ctx context.Context, r control.Request) (control.Answer, error) {
	c, err := w.card(r.Card)
	if err != nil {
		return control.Answer{}, err
	}
	_, value := c.Reveal()
	if c.Shape().Format != "felica" {
		return control.Answer{}, fmt.Errorf("card %q has no FeliCa service to read", r.Card)
	}
	card, err := vcard.OfService(value, simulatedIDm, ServiceFrom)
	if err != nil {
		return control.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, noticedWithin+answerWithin)
	defer cancel()
	h, err := vcard.Hold(ctx, w.pcscd, vreader.Address(0), card)
	if err != nil {
		return control.Answer{}, err
	}
	defer h.Remove()
	return w.await(ctx, r)
}

// await watches the strike behind the PC/SC reader.
func (w *World) await(ctx context.Context, r control.Request) (control.Answer, error) {
	began := time.Now()
	i := slices.IndexFunc(w.doors, func(d Door) bool { return d.PCSC == r.Reader })
	if i < 0 {
		return control.Answer{}, fmt.Errorf("no door has the reader %q", r.Reader)
	}
	d := w.doors[i]
	io := w.devices[d.Device]
	_, err := io.Await(ctx, func(s pd.Snapshot) bool { return s.Outputs[d.Strike] })
	a := control.Answer{Released: err == nil, AfterMS: time.Since(began).Milliseconds()}
	if a.Released && !r.Stay {
		through := context.WithoutCancel(ctx) // the person is through the door whatever the terminal does
		w.people.Go(func() { walk(through, io, d) })
	}
	return a, nil
}
