package api

import (
	"context"
	"errors"
	"log/slog"
	"os/user"
	"path/filepath"
	"time"

	"kanmon/api/epoch"
	"kanmon/api/keychange"
	"kanmon/api/keyrecord"
	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/key"
)

// NewEpoch opens a new epoch of a centre that is not running: its database and the file beside it were both put back from a copy, which
// nothing in them tells. It returns the epoch.
func NewEpoch(ctx context.Context, settings Settings, reason string, log *slog.Logger) (opened uint64, err error) {
	if reason == "" || len(reason) > 200 {
		return 0, wrong("reason", "say why, in at most 200 bytes; it goes into the ledger")
	}
	err = offline(ctx, settings, log, func(_ *sitekey.Keys, s *store.Store) error {
		opened, err = epoch.New(filepath.Join(settings.DataDir, epoch.File), s, device.New(s), log).New(ctx, reason)
		return err
	})
	return opened, err
}

// ChangeKey takes a step towards a new key for a centre that is not running, by whoever runs the program, and returns how the keys of that kind
// stand then.
func ChangeKey(ctx context.Context, settings Settings, c keychange.Change, log *slog.Logger) (now []keychange.Standing, err error) {
	if c.Act, err = operator(c.Step == keychange.Show, c.Act.Reason); err != nil {
		return nil, err
	}
	err = settings.withKeys(ctx, log, func(keys *sitekey.Keys, s *store.Store) error {
		now, err = c.Take(ctx, keys, s)
		return err
	})
	return now, err
}

// operator is the act of whoever runs the program; a step wants a reason, a look does not.
func operator(show bool, reason string) (sitekey.Act, error) {
	if !show && (reason == "" || len(reason) > 200) {
		return sitekey.Act{}, wrong("reason", "say why, in at most 200 bytes; it goes into the ledger")
	}
	act := sitekey.Act{At: time.Now().UTC(), By: "operator", Reason: reason}
	if u, err := user.Current(); err == nil {
		act.By = u.Username
	}
	return act, nil
}

// CheckpointKey has a new key sign the checkpoints of a centre that is not running from its next start on, by whoever runs the program, and
// returns the checkpoint keys as they stand then; with show it only does that.
func CheckpointKey(ctx context.Context, settings Settings, show bool, reason string, log *slog.Logger) (now []sitekey.CheckpointKey, err error) {
	act, err := operator(show, reason)
	if err != nil {
		return nil, err
	}
	err = settings.withKeys(ctx, log, func(keys *sitekey.Keys, s *store.Store) error {
		if !show {
			if err := keys.ReplaceCheckpointKey(ctx, s, act); err != nil {
				return err
			}
		}
		now, err = keys.CheckpointKeys()
		return err
	})
	return now, err
}

// AcceptKeys has keys of a centre that is not running, by the names of their purposes, serve in the place of those that were lost, by whoever runs the program.
func AcceptKeys(ctx context.Context, settings Settings, names []string, reason string, log *slog.Logger) error {
	act, err := operator(false, reason)
	if err != nil {
		return err
	}
	return opened(ctx, settings, log, func(keys *sitekey.Keys, s *store.Store) error {
		return keyrecord.Accept(ctx, key.New(s), keys, settings.TLS.Mode == tlsOwn, names, act)
	})
}

// withKeys changes keys, of which the register is told. A database that was put back is noticed first, as at a start: what is entered now makes it
// longer, and would hide it.
func (s Settings) withKeys(ctx context.Context, log *slog.Logger, change func(*sitekey.Keys, *store.Store) error) error {
	return offline(ctx, s, log, func(keys *sitekey.Keys, in *store.Store) error {
		if err := change(keys, in); err != nil {
			return err
		}
		return keyrecord.Record(ctx, key.New(in), keys, s.TLS.Mode == tlsOwn)
	})
}

// BrokerFiles writes the files of another broker once, for a centre that is not running: a running one keeps them itself. It reports whether
// any was not as it should be.
func BrokerFiles(ctx context.Context, settings Settings, log *slog.Logger) (changed bool, err error) {
	if settings.Broker.FilesDir == "" {
		return false, fault.New(fault.Invalid, "", "broker.files_dir is not given")
	}
	err = offline(ctx, settings, log, func(keys *sitekey.Keys, s *store.Store) error {
		changed, err = newBrokerFiles(settings, keys, device.New(s), log).Write(ctx, time.Now())
		return err
	})
	return changed, err
}

// offline runs fn on the keys and the database of a centre that is not running: the keys are those of the register.
func offline(ctx context.Context, settings Settings, log *slog.Logger, fn func(*sitekey.Keys, *store.Store) error) error {
	return opened(ctx, settings, log, func(keys *sitekey.Keys, s *store.Store) error {
		if _, err := epoch.New(filepath.Join(settings.DataDir, epoch.File), s, device.New(s), log).Start(ctx); err != nil {
			return err
		}
		if err := keyrecord.Record(ctx, key.New(s), keys, settings.TLS.Mode == tlsOwn); err != nil {
			return err
		}
		return fn(keys, s)
	})
}

// opened runs fn on the keys and the database, whatever keys they are, and keeps a centre from starting meanwhile.
func opened(ctx context.Context, settings Settings, log *slog.Logger, fn func(*sitekey.Keys, *store.Store) error) error {
	if err := openDataDir(settings.DataDir); err != nil {
		return err
	}
	lock, err := folder.TakeOwn(settings.DataDir, program)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // it ends with the program at the latest
	keys, err := sitekey.Open(settings.keyConfig())
	if err != nil {
		return err
	}
	d, s, err := openStore(ctx, settings, keys, log)
	if err != nil {
		return err
	}
	return errors.Join(fn(keys, s), d.Close())
}
