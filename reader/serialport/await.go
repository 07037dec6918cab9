package serialport

import (
	"context"
	"log/slog"
	"time"
)

const (
	firstPause = 100 * time.Millisecond
	longPause  = 2 * time.Second
	logEvery   = time.Minute
)

// Await opens the line and keeps trying until it is there: after 100 ms, then twice as long each time, up to
// 2 s, so that a device that was plugged in again is found at once and a missing one costs nothing. It fails only when ctx is
// done or when the configuration can never open. A line that stays away is logged once a minute.
func Await(ctx context.Context, c Config, log *slog.Logger) (*Port, error) {
	return await(ctx, c, log, Open)
}

func await(ctx context.Context, c Config, log *slog.Logger, open func(Config) (*Port, error)) (*Port, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var complained time.Time
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		p, err := open(c)
		if err == nil {
			log.InfoContext(ctx, "serial port open", "port", c.Name, "baud", c.Baud)
			return p, nil
		}
		if now := time.Now(); complained.IsZero() || now.Sub(complained) >= logEvery {
			complained = now
			log.WarnContext(ctx, "serial port does not open", "port", c.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}
