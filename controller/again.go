package controller

import (
	"context"
	"log/slog"

	"kanmon/controller/replay"
	"kanmon/internal/wire"
)

// Replay makes the decisions of a controller's journal again, those of the numbers first to last (0: to the newest), and hands each to a function.
func Replay(ctx context.Context, cfg Config, first, last uint64, log *slog.Logger, each func(replay.Replayed)) error {
	id, _, err := loadIdentity(cfg)
	if err != nil {
		return err
	}
	return replay.Run(ctx, replay.Config{
		Dir: cfg.DataDir, Site: cfg.Site, Controller: cfg.Controller, Keys: wire.ManyKeys(id.CommandKeys...), First: first, Last: last, Log: log,
	}, each)
}
