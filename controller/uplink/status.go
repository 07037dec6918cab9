package uplink

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/wire"
)

// sendStatus sends the status when it is time, when it changed and when a connection was made.
func (u *Uplink) sendStatus(ctx context.Context) {
	ticker := time.NewTicker(StatusEvery)
	defer ticker.Stop()
	for n := uint64(1); ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-u.cfg.Changed:
		case <-u.greet:
		}
		if !u.cfg.Client.Connected() {
			continue // the connection brings the next one
		}
		u.sendOneStatus(ctx, n)
		select { // changes that come meanwhile are in the next one
		case <-ctx.Done():
		case <-time.After(statusPause):
		}
	}
}

// sendOneStatus makes the nonce before it looks: a lease that answers it is for what was in force then or later.
func (u *Uplink) sendOneStatus(ctx context.Context, n uint64) {
	nonce := u.nonces.add(u.cfg.Mono())
	s := u.cfg.Status()
	now := time.Now().UTC().Truncate(time.Microsecond)
	s.N, s.Nonce, s.At = n, nonce, &now
	if err := u.tell(ctx, wire.Status, s); err != nil && ctx.Err() == nil {
		u.cfg.Log.WarnContext(ctx, "status not sent", slog.Any("error", err))
	}
}
