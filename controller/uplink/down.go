package uplink

import (
	"context"
	"log/slog"

	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

// listen registers a handler for everything the centre sends to this controller and to all.
func (u *Uplink) listen() {
	u.hear(u.at(wire.Ack), u.hearAck)
	u.hear(u.at(wire.Policy), u.hearPolicy)
	u.hear(u.at(wire.Lease), u.hearLease)
	u.hear(u.at(wire.Command), u.hearCommand)
	u.hear(u.at(wire.Revoked), u.hearRevoked)
	u.hear(wire.Address{Site: u.cfg.Site, Controller: wire.All, Kind: wire.Revoked}, u.hearRevoked)
}

// hear has fn called for what comes on one topic. What the broker had retained is dropped (security reference M-4), but for
// revocations. An error is of a message that does not hold.
func (u *Uplink) hear(at wire.Address, fn func(at wire.Address, payload []byte) error) {
	u.cfg.Client.Handle(at.Topic(), func(ctx context.Context, m mqtt.Message) {
		if m.Retained && at.Kind != wire.Revoked {
			u.count.retained.Add(1)
			u.distrust(ctx, at, "retained by the broker")
			return
		}
		if err := fn(at, m.Payload); err != nil {
			u.count.refused.Add(1)
			u.distrust(ctx, at, err.Error())
		}
	})
}

func (u *Uplink) distrust(ctx context.Context, at wire.Address, why string) {
	u.cfg.Log.WarnContext(ctx, "message dropped", slog.String("topic", at.Topic()), slog.String("why", why))
	if at.Kind == wire.Command {
		u.cfg.Doors.CommandRefused(why)
	}
}

// centreIs notes an epoch of the centre and reports whether it is no older than the newest one heard of.
func (u *Uplink) centreIs(epoch uint64) bool {
	for {
		newest := u.newest.Load()
		if epoch <= newest {
			return epoch == newest
		}
		if u.newest.CompareAndSwap(newest, epoch) {
			u.cfg.Doors.CentreEpoch(epoch)
			return true
		}
	}
}

func (u *Uplink) hearAck(at wire.Address, payload []byte) error {
	ack, err := wire.OpenAck(at, payload, u.cfg.Centre)
	if err != nil {
		return err
	}
	if !u.centreIs(ack.Centre) {
		u.count.badAcks.Add(1)
		return nil
	}
	u.acks.putUnless(ack, func(held wire.AckUpTo) bool { // two that came in the wrong order
		return held.Centre == ack.Centre && held.Epoch == ack.Epoch && held.UpTo > ack.UpTo
	})
	return nil
}

func (u *Uplink) hearLease(at wire.Address, payload []byte) error {
	grant, err := wire.OpenLease(at, payload, u.cfg.Centre)
	if err != nil {
		return err
	}
	made, known := u.nonces.made(grant.Nonce)
	if !known || !u.centreIs(grant.Centre) {
		u.count.noNonce.Add(1)
		return nil
	}
	u.cfg.Doors.Lease(grant, made)
	return nil
}

func (u *Uplink) hearRevoked(at wire.Address, payload []byte) error {
	set, err := wire.OpenRevoked(at, payload, u.cfg.Centre)
	if err != nil {
		return err
	}
	u.cfg.Doors.Revoke(set) // before anything else
	u.centreIs(set.Upto.Epoch)
	return nil
}

func (u *Uplink) hearCommand(at wire.Address, payload []byte) error {
	c, err := wire.OpenCommand(at, payload, u.cfg.Centre)
	if err != nil {
		return err
	}
	u.cfg.Doors.Command(c, newNonce())
	return nil
}
