package world

import (
	"context"
	"errors"
	"fmt"

	"kanmon/firmware-sim/pd"
	"kanmon/firmware-sim/serialreader"
	"kanmon/reader/credential"
)

// sight is what a person sees and hears at a reader.
type sight struct {
	led          string
	shows, beeps int // since the start
}

// cardReader is a reader as a person uses it.
type cardReader interface {
	// present holds a card to it; broken says how what it sends is broken on the way, empty: not at all.
	present(c credential.Credential, broken string) error
	look() sight
	await(ctx context.Context, ok func(sight) bool) (sight, error)
}

// osdpReader is a reader on the OSDP line.
type osdpReader struct{ *pd.Device }

func (r osdpReader) present(c credential.Credential, broken string) error {
	if broken != "" {
		return errors.New("what is on an OSDP line is broken by noise")
	}
	if f := c.Shape().Format; f != string(credential.Bits) {
		return fmt.Errorf("an OSDP reader sends bits, and this card is %s", f)
	}
	bits, data := c.Reveal()
	return r.Present(bits, data)
}

func (r osdpReader) look() sight { return osdpSight(r.Snapshot()) }

func osdpSight(s pd.Snapshot) sight { return sight{s.LED, s.Shows, s.Beeps} }

func (r osdpReader) await(ctx context.Context, ok func(sight) bool) (sight, error) {
	s, err := r.Await(ctx, func(s pd.Snapshot) bool { return ok(osdpSight(s)) })
	return osdpSight(s), err
}

// serialReader is a reader with a maker's own protocol: one command lights and sounds it.
type serialReader struct{ *serialreader.Device }

func (r serialReader) present(c credential.Credential, broken string) error {
	return r.Present(c, serialreader.Broken(broken))
}

func (r serialReader) look() sight { return serialSight(r.Snapshot()) }

func serialSight(s serialreader.Snapshot) sight { return sight{s.LED, s.Shows, s.Shows} }

func (r serialReader) await(ctx context.Context, ok func(sight) bool) (sight, error) {
	s, err := r.Await(ctx, func(s serialreader.Snapshot) bool { return ok(serialSight(s)) })
	return serialSight(s), err
}

// reader by name, or nil.
func (w *World) reader(name string) cardReader {
	if d := w.devices[name]; d != nil {
		return osdpReader{d}
	}
	if d := w.serial[name]; d != nil {
		return serialReader{d}
	}
	return nil
}
