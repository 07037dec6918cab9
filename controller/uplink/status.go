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
	for {
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
		u.sendOneStatus(ctx)
		select { // changes that come meanwhile are in the next one
		case <-ctx.Done():
		case <-time.After(statusPause):
		}
	}
}

func (u *Uplink) sendOneStatus(ctx context.Context) {
	payload, err := wire.Encode(u.cfg.Status())
	if err == nil {
		err = u.publish(ctx, wire.Status, payload)
	}
	if err != nil && ctx.Err() == nil {
		u.cfg.Log.WarnContext(ctx, "status not sent", slog.Any("error", err))
	}
}
