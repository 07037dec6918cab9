package calendar

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/store"
)

// Keeper moves the horizon of the calendar on: at its start, and when a year begins in Japan.
type Keeper struct {
	Register interface {
		Extend(ctx context.Context, actor store.Actor, now time.Time) (moved bool, err error)
	}
	Log *slog.Logger
}

// How long a Keeper waits at most: a clock that was wrong, or a machine that slept, costs no more.
const (
	lookEvery = 6 * time.Hour
	tryAgain  = time.Minute // after a failure
)

// Run works until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		now := time.Now()
		wait := min(nextYear(now).Sub(now), lookEvery)
		moved, err := k.Register.Extend(ctx, store.System("calendar"), now)
		switch {
		case err != nil:
			wait = tryAgain
			if ctx.Err() == nil {
				k.Log.ErrorContext(ctx, "holidays of another year not sent to the doors", slog.Any("error", err))
			}
		case moved:
			k.Log.InfoContext(ctx, "holidays of another year go to the doors")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// nextYear is when the next year begins in Japan.
func nextYear(now time.Time) time.Time {
	jst := time.FixedZone("JST", 9*3600)
	return time.Date(now.In(jst).Year()+1, time.January, 1, 0, 0, 0, 0, jst)
}
