package uplink

import (
	"context"
	"encoding/json"
	"log/slog"

	"kanmon/internal/wire"
)

// The live lane: while more than LiveBehind events wait for their turn, new ones also go ahead, so that the console shows what
// happens now. They are provisional and nobody acknowledges them: the same bytes follow in their order. The lane has a goroutine of
// its own and takes nothing from the ordered one but bandwidth.

// maxAhead bounds how many events the lane catches up with; behind that it skips to the newest.
const maxAhead = 8 * wire.MaxLive

type liveLane struct {
	*Uplink
	epoch uint64
	sent  uint64 // the newest event that went ahead, or in order
}

func (l *liveLane) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.ahead:
			if err := l.catchUp(ctx); err != nil && ctx.Err() == nil {
				l.cfg.Log.InfoContext(ctx, "newest events not sent ahead", slog.Any("error", err))
			}
		}
	}
}

// catchUp sends what is new since the last time, and at the first time the newest few.
func (l *liveLane) catchUp(ctx context.Context) error {
	state := l.cfg.Journal.State()
	if state.Epoch != l.epoch {
		l.epoch, l.sent = state.Epoch, 0
	}
	if state.Seq > l.sent+maxAhead {
		l.sent = state.Seq - wire.MaxLive
	}
	for l.sent < state.Seq {
		b, err := l.cfg.Journal.Read(ctx, l.sent, wire.MaxLive, MaxBatchSize)
		if err != nil || len(b.Events) == 0 {
			return err
		}
		live := wire.LiveEvents{V: wire.V, Type: wire.Live}
		for _, e := range b.Events {
			live.Events = append(live.Events, json.RawMessage(e))
		}
		l.sent = b.Last()
		l.count.live.Add(1)
		if err := l.tell(ctx, wire.Live, live); err != nil {
			return err
		}
	}
	return nil
}
