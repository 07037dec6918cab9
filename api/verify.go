package api

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"kanmon/api/sitekey"
	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Verify checks the ledger and every row bound to it, beside a running centre or without one. It makes nothing:
// a data folder without a database or keys is an error.
func Verify(ctx context.Context, settings Settings, log *slog.Logger) (store.Report, error) {
	needed := []string{sitekey.CheckpointFile(filepath.Join(settings.DataDir, keysFolder))}
	if settings.Database.Driver == "sqlite" {
		needed = append(needed, filepath.Join(settings.DataDir, databaseFile))
	}
	for _, file := range needed {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return store.Report{}, fault.New(fault.NotFound, "", "nothing to verify: there is no "+file)
		}
	}
	signer, before, err := sitekey.Checkpoint(settings.keyConfig())
	if err != nil {
		return store.Report{}, err
	}
	d, err := db.Open(ctx, settings.dbConfig(log))
	if err != nil {
		return store.Report{}, err
	}
	s, err := store.New(d, store.Config{Origin: origin(settings.Site), Signer: signer, Before: before, Log: log})
	if err != nil {
		return store.Report{}, errors.Join(err, d.Close())
	}
	report, err := s.Verify(ctx)
	return report, errors.Join(err, d.Close())
}
