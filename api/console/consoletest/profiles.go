package consoletest

import (
	"cmp"
	"context"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/profile"
)

// Profiles is a register of readers' profiles in memory: one that was changed, one never commissioned, one on a plain line.
type Profiles struct {
	Hostile string
	Last    profile.Profile // what was set last
	Reason  string
	Fail    error // answered by Set, where set
}

// List implements readers.Profiles.
func (*Profiles) List(context.Context, store.Actor, string) ([]profile.Profile, error) {
	return []profile.Profile{
		{
			Controller: "ctl-1", Reader: "IN-1", Kind: device.OSDPReader, Trust: access.TrustMemory, Version: 2,
			Frames: []access.Frame{{Format: "bits", Bits: 26, Parity: true}, {Format: "felica"}},
		},
		{Controller: "ctl-1", Reader: "IN-2", Kind: device.PCSCReader, Trust: access.TrustNumber},
		{Controller: "ctl-2", Reader: "LINE-1", Kind: device.SerialReader, Trust: access.TrustNumber, PlainRoute: true, Version: 1},
		{Controller: "ctl-2", Reader: "FACE-1", Kind: device.Terminal, Trust: access.TrustNumber},
	}, nil
}

// Get implements readers.Profiles.
func (p *Profiles) Get(ctx context.Context, actor store.Actor, controller, reader string) (profile.Profile, error) {
	all, err := p.List(ctx, actor, controller)
	for _, one := range all {
		if one.Controller == controller && one.Reader == reader {
			return one, err
		}
	}
	return profile.Profile{}, fault.New(fault.NotFound, "device.unknown_reader", "no such reader")
}

// Set implements readers.Profiles.
func (p *Profiles) Set(_ context.Context, _ store.Actor, reason string, n profile.Profile) error {
	p.Last, p.Reason = n, reason
	return p.Fail
}

// History implements readers.Profiles.
func (p *Profiles) History(_ context.Context, _ store.Actor, _, reader string) ([]history.Change, error) {
	if reader != "IN-1" {
		return nil, nil
	}
	fields := func(trust, was, frames, before string) []history.Field {
		return []history.Field{
			{Name: "trust", Value: trust, Before: was, Changed: trust != was},
			{Name: "frames", Value: frames, Before: before, Changed: frames != before},
			{Name: "plain_route", Value: "0", Before: "0"},
		}
	}
	const frames = `[{"format":"bits","bits":26,"parity":true},{"format":"felica"}]`
	return []history.Change{
		{Version: 1, At: Now.Add(-90 * 24 * time.Hour), Actor: "account:kanri", Reason: cmp.Or(p.Hostile, "新設時の検収"), Fields: fields("number", "", "[]", "")},
		{Version: 2, At: Now.Add(-3 * time.Hour), Actor: "account:kanri", ApprovedBy: "account:security", Reason: "職員証の更新", Fields: fields("memory", "number", frames, "[]")},
	}, nil
}
