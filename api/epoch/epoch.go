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

	"kanmon/internal/access"
	"kanmon/internal/fault"
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
	kept   State                // what the file says
	opened time.Time            // when the last epoch was opened for what a controller said
	heard  map[string]time.Time // when one was opened for this controller's word
}

// New prepares a keeper of a file. Start comes first.
func New(path string, s *store.Store, devices *device.Register, log *slog.Logger) *Keeper {
	return &Keeper{path: path, store: s, devices: devices, log: log, heard: map[string]time.Time{}}
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

// Given is the newest version of each kind that the centre gave out.
type Given struct {
	Policy     access.Version // wanted of the controller
	Revocation access.Version
}

// Bounds of what a controller's word can do.
const (
	farthest     = 1000             // epochs passed over in one step
	betweenAny   = 10 * time.Second // openings for what controllers say
	betweenSame  = 10 * time.Minute // openings for what the same controller says
	forgetHeards = 4096
)

// needed returns the epoch that has to be opened when a controller has the versions; false when the centre knows of them all.
func (g Given) needed(policy, revoked access.Version) (uint64, bool) {
	var least uint64
	for _, v := range []struct{ has, given access.Version }{{policy, g.Policy}, {revoked, g.Revocation}} {
		if v.given.Less(v.has) {
			least = max(least, v.has.Epoch+1, v.given.Epoch+1)
		}
	}
	return least, least > 0
}

// Seen takes the versions that a controller names in a message whose signature holds, beside those the centre gave out, read after the
// message came. It opens a new epoch, and reports so, when the controller has one that the centre never gave out. What cannot be is
// passed over. fault.TooMany: one was opened for a controller's word a moment ago; look again later.
func (k *Keeper) Seen(ctx context.Context, controller string, policy, revoked access.Version, given Given, now time.Time) (opened bool, err error) {
	least, needed := given.needed(policy, revoked)
	if !needed {
		return false, nil
	}
	attrs := []any{
		slog.String("controller", controller), slog.Any("policy", policy), slog.Any("policy_given", given.Policy),
		slog.Any("revoked", revoked), slog.Any("revoked_given", given.Revocation),
	}
	if least > given.Policy.Epoch+farthest {
		k.log.ErrorContext(ctx, "a controller names an epoch that cannot be", attrs...)
		return false, nil
	}
	if !k.allowed(controller, now) {
		k.log.WarnContext(ctx, "a controller names versions never given out, again; no new epoch is opened so soon", attrs...)
		return false, fault.New(fault.TooMany, "centre.epoch", "no new epoch is opened so soon after another")
	}
	k.log.ErrorContext(ctx, "a controller has versions never given out by this database: a new epoch is opened", attrs...)
	_, err = k.open(ctx, least, fmt.Sprintf("controller %s has policy %d.%d and revocations %d.%d, and the newest are %d.%d and %d.%d", controller,
		policy.Epoch, policy.N, revoked.Epoch, revoked.N, given.Policy.Epoch, given.Policy.N, given.Revocation.Epoch, given.Revocation.N))
	return err == nil, err
}

// allowed counts an opening, if there may be one.
func (k *Keeper) allowed(controller string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, before := k.heard[controller]
	if (before && now.Sub(last) < betweenSame) || (!k.opened.IsZero() && now.Sub(k.opened) < betweenAny) {
		return false
	}
	if len(k.heard) >= forgetHeards {
		clear(k.heard)
	}
	k.heard[controller], k.opened = now, now
	return true
}
