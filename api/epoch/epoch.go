// Package epoch keeps the centre from giving out a version twice. Versions of policies and revocations begin with the centre's epoch, which
// the database knows; a database that was put back from a copy does not know how far it had been. A file beside it does, and so do the doors.
//
// A new epoch is opened, with a row in the ledger that says why, when
//
//   - at the start the database is behind the file: an older epoch, or fewer leaves in the ledger;
//   - a controller's signed status names a version that the centre never gave out (Seen), within bounds, for a controller may lie;
//   - an operator says so (kanmon-api new-epoch), who put back database and file together.
//
// Doors accept the higher epoch, keep what was revoked, and send again what the centre lost.
package epoch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// File is the name of the file in the data folder.
const File = "centre-state"

// Keeper keeps file and database together. It is safe for concurrent use.
type Keeper struct {
	path    string
	store   *store.Store
	devices *device.Register
	log     *slog.Logger

	mu     sync.Mutex
	kept   State // what the file says
	claims claims
}

// New prepares a keeper of a file. Start comes first.
func New(path string, s *store.Store, devices *device.Register, log *slog.Logger) *Keeper {
	return &Keeper{path: path, store: s, devices: devices, log: log, claims: claims{of: map[string]*claimant{}}}
}

// Start compares the database with the file and opens a new epoch when the database is behind. It returns the present epoch. Nothing that
// carries a version may be sent before.
func (k *Keeper) Start(ctx context.Context) (uint64, error) {
	file, there, err := read(k.path)
	if err != nil {
		return 0, err
	}
	now, err := k.present(ctx)
	if err != nil {
		return 0, err
	}
	if there && now.behind(file) {
		why := fmt.Sprintf("the database was put back: epoch %d and %d leaves, after epoch %d and %d leaves", now.Epoch, now.LedgerSize, file.Epoch, file.LedgerSize)
		k.log.ErrorContext(ctx, "the database is older than the centre was: a new epoch is opened, doors send again what it lacks",
			slog.Uint64("epoch", now.Epoch), slog.Int64("leaves", now.LedgerSize), slog.Uint64("had_epoch", file.Epoch), slog.Int64("had_leaves", file.LedgerSize))
		return k.open(ctx, max(file.Epoch, now.Epoch)+1, why)
	}
	return now.Epoch, k.keep(now)
}

// New opens a new epoch because an operator says that the database is an older one. Start need not come before.
func (k *Keeper) New(ctx context.Context, reason string) (uint64, error) {
	file, _, err := read(k.path)
	if err != nil {
		return 0, err
	}
	now, err := k.present(ctx)
	if err != nil {
		return 0, err
	}
	return k.open(ctx, max(file.Epoch, now.Epoch)+1, reason)
}

// present is how far the database is.
func (k *Keeper) present(ctx context.Context) (State, error) {
	size, err := k.store.Size(ctx)
	if err != nil {
		return State{}, err
	}
	s := State{LedgerSize: size}
	err = k.store.Read(ctx, func(q store.Queryer) error {
		s.Epoch, err = device.Epoch(ctx, q)
		return err
	})
	return s, err
}

// open opens an epoch and has the file follow. The ledger may be shorter than the file said: it is another one now.
func (k *Keeper) open(ctx context.Context, atLeast uint64, why string) (uint64, error) {
	epoch, err := k.devices.OpenEpoch(ctx, atLeast, why)
	if err != nil {
		return 0, err
	}
	now, err := k.present(ctx)
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = now
	return epoch, write(k.path, now)
}

// keep has the file say at least this.
func (k *Keeper) keep(s State) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s = s.max(k.kept)
	if s == k.kept {
		return nil
	}
	if err := write(k.path, s); err != nil {
		return err
	}
	k.kept = s
	return nil
}

// keepEvery is how often the file follows the database. What was committed since is known to the doors alone if the database is put back.
const keepEvery = time.Minute

// lastKeep bounds the writing of the file while the program ends.
const lastKeep = 5 * time.Second

// Run has the file follow the database until ctx ends, and once more then: the last checkpoint is signed by then. It returns nil.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastKeep)
			defer cancel()
			k.follow(last)
			return nil
		case <-tick.C:
			k.follow(ctx)
		}
	}
}

func (k *Keeper) follow(ctx context.Context) {
	now, err := k.present(ctx)
	if err == nil {
		err = k.keep(now)
	}
	if err != nil && ctx.Err() == nil {
		k.log.ErrorContext(ctx, "the centre's state file does not follow", slog.Any("error", err))
	}
}
