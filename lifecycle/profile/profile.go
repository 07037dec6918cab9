// Package profile is the register of what readers were commissioned with (Art. 47, 103): how much a read there proves because of what the reader itself verifies, the
// kinds of read that are expected, and, of a reader whose wire encrypts nothing, who said that the wire is out of reach, and why. Doors get it with their policy. Where
// the reader stands at a door of a graded area, a change needs two people.
package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
)

// change is the one kind of change, as it stands in requests.
const change = "reader.profile"

// Profile is what a reader was commissioned with. One that nobody has commissioned proves the number and takes every read.
type Profile struct {
	Controller string         `json:"controller"`
	Reader     string         `json:"reader"`
	Trust      access.Trust   `json:"trust"`            // of a read there at most
	Frames     []access.Frame `json:"frames,omitempty"` // none: every read is taken
	// PlainRoute says of a reader whose wire is not encrypted that it runs where nobody unauthorised gets at it (restricted route).
	PlainRoute bool `json:"plain_route,omitempty"`

	// In answers:
	Kind    device.Kind `json:"-"`
	Version int64       `json:"-"` // 0: never commissioned
}

// Register is the register of profiles.
type Register struct {
	store     *store.Store
	approvals *approval.Register
}

// New opens the register, and tells the register of approvals how a profile is changed.
func New(s *store.Store, approvals *approval.Register) *Register {
	approvals.Handle(change, approval.Made(authz.AreaWrite, setProfile))
	return &Register{store: s, approvals: approvals}
}

// Set gives a reader a profile; every field is set. Where the reader stands at a door of a graded area the error is an approval.WaitingError. Needs authz.AreaWrite: what a
// reader proves is part of how an area is kept.
//
// Errors: Invalid "profile.trust", "profile.frames", "profile.trust_plain" (what comes over an unencrypted wire proves the number), "profile.no_plain_route" (of a
// reader whose wire is encrypted); Conflict "profile.route_in_use"; NotFound "device.unknown_reader".
func (r *Register) Set(ctx context.Context, actor store.Actor, reason string, p Profile) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return fmt.Errorf("commission reader: %w", err)
	}
	w := approval.Wish{
		Register: "profile", Kind: change, Subject: p.id(), Reason: reason, Body: p,
		Before: func(ctx context.Context, q store.Queryer) (any, error) { return of(ctx, q, p.Controller, p.Reader) },
	}
	w.Two = func(ctx context.Context, q store.Queryer) (bool, error) {
		places, err := placesOf(ctx, q, p.Controller, p.Reader)
		// More than the number is asked for in graded areas alone, and the reader may be put there tomorrow.
		return p.Trust.Rank() > 0 || slices.ContainsFunc(places, func(d place) bool { return d.Grade > 1 }), err
	}
	if err := r.approvals.Make(ctx, actor, w, nil); err != nil {
		return fmt.Errorf("commission reader: %w", err)
	}
	return nil
}

func (p *Profile) id() string { return p.Controller + "/" + p.Reader }

// check refuses what is out of form by itself. Frames come in one order.
func (p *Profile) check() error {
	if !slices.Contains([]access.Trust{access.TrustNumber, access.TrustMemory, access.TrustMutual}, p.Trust) {
		return fault.BadField("trust", "profile.trust", fmt.Sprintf("trust %.20q", p.Trust))
	}
	p.Frames = slices.Clone(p.Frames)
	slices.SortFunc(p.Frames, access.CompareFrames)
	if err := (access.Reader{Name: p.Reader, Trust: p.Trust, Frames: p.Frames}).Validate(); err != nil {
		return fault.BadField("frames", "profile.frames", err.Error())
	}
	return nil
}

var setProfile = approval.Maker[Profile]{
	Check: func(ctx context.Context, tx *store.Tx, p Profile) error {
		if err := device.KnownReader(ctx, tx, p.Controller, p.Reader); err != nil {
			return err
		}
		was, err := of(ctx, tx, p.Controller, p.Reader)
		if err != nil {
			return err
		}
		places, err := placesOf(ctx, tx, p.Controller, p.Reader)
		if err != nil {
			return err
		}
		return p.suits(was.Kind, len(places) > 0)
	},
	Apply: func(ctx context.Context, tx *store.Tx, p Profile) error {
		frames, _ := json.Marshal(append([]access.Frame{}, p.Frames...)) //nolint:errchkjson // strings, numbers and flags
		_, err := tx.Version(ctx, "reader_profile", p.id(), store.Row{
			{Name: "controller", Value: p.Controller},
			{Name: "frames", Value: string(frames)},
			{Name: "name", Value: p.Reader},
			{Name: "plain_route", Value: flag(p.PlainRoute)},
			{Name: "trust", Value: string(p.Trust)},
		}, nil)
		if err != nil {
			return err
		}
		return device.Want(ctx, tx, p.Controller)
	},
	Version: approval.VersionOf("reader_profile"),
}

// suits checks a profile against the kind of its reader, and whether a door has it.
func (p *Profile) suits(k device.Kind, atDoor bool) error {
	switch {
	case p.PlainRoute && !k.Plain():
		return fault.BadField("plain_route", "profile.no_plain_route", fmt.Sprintf("a device of kind %s has no plain route", k))
	case k == device.SerialReader && p.Trust != access.TrustNumber:
		return fault.BadField("trust", "profile.trust_plain", fmt.Sprintf("trust %s over an unencrypted wire", p.Trust))
	case k == device.OSDPReader && p.Trust.Rank() > 0 && len(p.Frames) == 0: // it may take a second technology that proves nothing
		return fault.BadField("frames", "profile.frames_missing", fmt.Sprintf("trust %s of any read whatever", p.Trust))
	case k.Plain() && atDoor && !p.PlainRoute:
		return fault.New(fault.Conflict, "profile.route_in_use", p.id()+" stands at a door")
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
