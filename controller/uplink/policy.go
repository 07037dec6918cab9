package uplink

import (
	"context"
	"log/slog"

	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

// hearPolicy only queues: joining and hashing a large policy takes long, and acknowledgements come through the
// same client. The centre sends parts again until the policy is in force.
func (u *Uplink) hearPolicy(_ context.Context, m mqtt.Message) {
	select {
	case u.parts <- m.Payload:
	default:
		u.lateParts.Add(1)
	}
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
	part, err := wire.DecodePolicyPart(b)
	if err != nil {
		u.badParts.Add(1)
		u.cfg.Log.WarnContext(ctx, "policy part not understood", slog.Any("error", err))
		return
	}
	spec, whole, err := joining.Add(part)
	switch {
	case err != nil:
		u.badParts.Add(1)
		u.cfg.Refuse(err.Error())
	case whole:
		u.cfg.Offer(spec, part.Hash)
	}
}
