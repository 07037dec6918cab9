package api

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"kanmon/api/epoch"
	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// NewEpoch opens a new epoch of a centre that is not running: its database and the file beside it were both put back from a copy, which
// nothing in them tells. It returns the epoch.
func NewEpoch(ctx context.Context, settings Settings, reason string, log *slog.Logger) (opened uint64, err error) {
	if reason == "" || len(reason) > 200 {
		return 0, wrong("reason", "say why, in at most 200 bytes; it goes into the ledger")
	}
	err = offline(ctx, settings, log, func(s *store.Store, devices *device.Register) error {
		opened, err = epoch.New(filepath.Join(settings.DataDir, epoch.File), s, devices, log).New(ctx, reason)
		return err
	})
	return opened, err
}

// offline runs fn on the database of a centre that is not running, and keeps one from starting meanwhile.
func offline(ctx context.Context, settings Settings, log *slog.Logger, fn func(*store.Store, *device.Register) error) error {
	if err := openDataDir(settings.DataDir); err != nil {
		return err
	}
	lock, err := lockDataDir(settings.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.release() }() // it ends with the program at the latest
	keys, err := sitekey.Open(settings.keyConfig())
	if err != nil {
		return err
	}
	d, s, err := openStore(ctx, settings, keys, log)
	if err != nil {
		return err
	}
	return errors.Join(fn(s, device.New(s)), d.Close())
}

// BrokerFiles writes the files of another broker once, beside a running centre or without one: to set the broker up before the centre's
// first start, or for an operator whose centre cannot reach the broker's folder. It reports whether any was not as it should be.
func BrokerFiles(ctx context.Context, settings Settings, log *slog.Logger) (changed bool, err error) {
	if settings.Broker.FilesDir == "" {
		return false, fault.New(fault.Invalid, "", "broker.files_dir is not given")
	}
	keys, err := sitekey.Open(settings.keyConfig())
	if err != nil {
		return false, err
	}
	d, s, err := openStore(ctx, settings, keys, log)
	if err != nil {
		return false, err
	}
	changed, err = newBrokerFiles(settings, keys, device.New(s), log).Write(ctx, time.Now())
	return changed, errors.Join(err, d.Close())
}
