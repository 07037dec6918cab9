package uplink

import (
	"context"
	"log/slog"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// hearPolicy only queues: joining, hashing and storing a large policy takes long, and acknowledgements and revocations come
// through the same client. The centre sends parts again until the policy is in force.
func (u *Uplink) hearPolicy(_ wire.Address, payload []byte) error {
	select {
	case u.parts <- payload:
	default:
		u.count.lateParts.Add(1)
	}
	return nil
}

func (u *Uplink) readPolicy(ctx context.Context) {
	var joining wire.Assembler
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-u.parts:
			u.readPart(ctx, &joining, b)
		}
	}
}

func (u *Uplink) readPart(ctx context.Context, joining *wire.Assembler, b []byte) {
	m, err := wire.DecodePolicy(u.at(wire.Policy), b, u.cfg.Centre)
	if err != nil {
		u.count.refused.Add(1)
		u.distrust(ctx, u.at(wire.Policy), err.Error())
		if fault.KindOf(err) == fault.Denied {
			u.cfg.Policies.Refuse(err.Error())
		}
		return
	}
	u.centreIs(m.Manifest.Version.Epoch)
	if m.Manifest.Hash == u.cfg.Policies.InForce() {
		return // it is sent until the centre hears that it is in force
	}
	if m.Delta != nil {
		u.readDelta(ctx, m)
		return
	}
	spec, whole, err := joining.Add(m)
	switch {
	case err != nil:
		u.badPolicy(ctx, err)
	case whole:
		u.cfg.Policies.Offer(ctx, spec, m.Signed)
	}
}

// readDelta makes the new policy out of the one in force. A delta to another one is dropped: the next status says what is in
// force here, and the centre sends what fits, or all of it.
func (u *Uplink) readDelta(ctx context.Context, m wire.PolicyMessage) {
	hash := u.cfg.Policies.InForce()
	if m.Delta.Base != hash {
		u.count.badParts.Add(1)
		return
	}
	base, err := u.cfg.Policies.Spec()
	if err == nil {
		base, err = m.Delta.Apply(base, hash, m.Manifest)
	}
	if err != nil {
		u.badPolicy(ctx, err)
		return
	}
	u.cfg.Policies.Offer(ctx, base, m.Signed)
}

func (u *Uplink) badPolicy(ctx context.Context, err error) {
	u.count.badParts.Add(1)
	u.cfg.Log.WarnContext(ctx, "policy does not hold", slog.Any("error", err))
	if fault.KindOf(err) != fault.Unavailable { // the disk's failure is not the policy's
		u.cfg.Policies.Refuse(err.Error())
	}
}
