package api

import (
	"context"
	"errors"
	"log/slog"
	"os/user"
	"path/filepath"
	"time"

	"kanmon/api/commandkey"
	"kanmon/api/epoch"
	"kanmon/api/sitekey"
	"kanmon/internal/fault"
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

// CommandKey takes a step towards a new command key for a centre that is not running (package commandkey), by whoever runs the program, and
// returns how the keys stand then.
func CommandKey(ctx context.Context, settings Settings, step commandkey.Step, reason string, force bool, log *slog.Logger) (now []commandkey.Standing, err error) {
	act, err := operator(step == commandkey.Show, reason)
	if err != nil {
		return nil, err
	}
	err = offline(ctx, settings, log, func(keys *sitekey.Keys, s *store.Store) error {
		heard, err := heard(ctx, device.New(s))
		if err != nil {
			return err
		}
		if err := commandkey.Ready(keys, heard, step); err != nil && !force {
			return err
		}
		if err := signAnew(ctx, s, keys, step, heard); err != nil {
			return err
		}
		if err := commandkey.Take(keys, step, act); err != nil {
			return err
		}
		now = commandkey.Standings(keys, heard.Believed)
		return keys.Record(ctx, key.New(s), settings.TLS.Mode == tlsOwn)
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
	err = offline(ctx, settings, log, func(keys *sitekey.Keys, s *store.Store) error {
		if !show {
			if err := replaceCheckpointKey(ctx, settings, keys, s, act); err != nil {
				return err
			}
		}
		now, err = keys.CheckpointKeys()
		return err
	})
	return now, err
}

// replaceCheckpointKey first has the key that leaves sign what there is: so it is the right key, and the ledger continues its last checkpoint.
func replaceCheckpointKey(ctx context.Context, settings Settings, keys *sitekey.Keys, s *store.Store, act sitekey.Act) error {
	last, _, err := s.Checkpoint(ctx)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err := keys.UseCheckpointKey(last.Size, act); err != nil {
		return err
	}
	return keys.Record(ctx, key.New(s), settings.TLS.Mode == tlsOwn)
}

// heard is what the register of devices knows of the enrolled controllers.
func heard(ctx context.Context, devices *device.Register) (commandkey.Heard, error) {
	actor := store.System("command keys")
	believed, err := devices.Believed(ctx, actor)
	if err != nil {
		return commandkey.Heard{}, err
	}
	all, err := devices.Controllers(ctx, actor)
	h := commandkey.Heard{Believed: believed}
	for _, c := range all {
		if c.State == device.Enrolled && !c.UpToDate() {
			h.Behind = append(h.Behind, c.Name)
		}
	}
	return h, err
}

// signAnew has every enrolled controller want a higher version of its policy when another key is about to sign: the centre signs a policy only
// when it sends one. It comes first: a policy sent once too often costs nothing.
func signAnew(ctx context.Context, s *store.Store, keys *sitekey.Keys, step commandkey.Step, heard commandkey.Heard) error {
	if _, ok := keys.Announced(); step != commandkey.Use || !ok {
		return nil
	}
	names := make([]string, len(heard.Believed))
	for i, b := range heard.Believed {
		names[i] = b.Controller
	}
	return s.WriteDerived(ctx, "policies under another command key", func(tx *store.Tx) error {
		return device.Want(ctx, tx, names...)
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

// offline runs fn on the keys and the database of a centre that is not running, and keeps one from starting meanwhile.
func offline(ctx context.Context, settings Settings, log *slog.Logger, fn func(*sitekey.Keys, *store.Store) error) error {
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
	return errors.Join(fn(keys, s), d.Close())
}
