package store

import (
	"context"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	ledgerstore "kanmon/internal/ledger/store"
)

// CodeForked is the code of the fault of a ledger that does not continue its last signed checkpoint.
const CodeForked = ledgerstore.CodeForked

// Checkpoint signs the ledger as it stands, unless the newest checkpoint covers it already, and returns the
// newest checkpoint and its signed note. It first proves that the last checkpoint is the beginning of what it
// signs; if it is not, nothing is signed and the error is fault.Conflict with CodeForked. An empty ledger is
// fault.NotFound.
func (s *Store) Checkpoint(ctx context.Context) (c ledger.Checkpoint, note []byte, err error) {
	if s.signer == nil {
		return c, nil, fault.New(fault.Unavailable, "ledger.no_key", "sign checkpoint: there is no key")
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		var err error
		if c, note, err = s.ledger.Sign(ctx, tx, s.signer, s.keys, FormatTime(s.clock())); err != nil {
			return err
		}
		return s.neverBack(c)
	})
	if err == nil {
		s.signed(c)
	}
	return c, note, err
}

// neverBack refuses a checkpoint smaller than one this process has signed: the database was put back.
func (s *Store) neverBack(c ledger.Checkpoint) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c.Size < s.last.Size || c.Size == s.last.Size && c.Size > 0 && c.Root != s.last.Root {
		return fault.New(fault.Conflict, CodeForked, "the ledger is older than a checkpoint this program signed: run verify")
	}
	return nil
}

func (s *Store) signed(c ledger.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = c
}

// Signed returns how many leaves the newest checkpoint made by this process covers; 0 before the first. It reads
// nothing from the database.
func (s *Store) Signed() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.last.Size
}

// CheckpointEvery is how often a Checkpointer signs at most, when not told otherwise.
const CheckpointEvery = 10 * time.Second

// Checkpointer signs checkpoints while the ledger grows.
type Checkpointer struct {
	Store *Store
	Every time.Duration // at most one checkpoint in this time; 0 means CheckpointEvery
}

// lastSigning bounds the checkpoint that is made while the program ends.
const lastSigning = 5 * time.Second

// Run signs what is there at the start, then soon after the ledger grew, and once more when ctx ends; then it
// returns nil. It returns the fault with CodeForked as soon as the ledger does not continue its last checkpoint.
// Other failures are logged and tried again.
func (c *Checkpointer) Run(ctx context.Context) error {
	every := c.Every
	if every <= 0 {
		every = CheckpointEvery
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return c.finish(ctx)
		case <-pause.C:
		}
		if err := c.sign(ctx); err != nil {
			return err
		}
		pause.Reset(every)
		select {
		case <-ctx.Done():
			return c.finish(ctx)
		case <-c.Store.grown:
		}
	}
}

// finish signs what was committed since the last checkpoint. The writers have ended before.
func (c *Checkpointer) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSigning)
	defer cancel()
	return c.sign(ctx)
}

// sign makes a checkpoint and returns only the error that ends the Checkpointer.
func (c *Checkpointer) sign(ctx context.Context) error {
	_, _, err := c.Store.Checkpoint(ctx)
	switch {
	case err == nil, fault.KindOf(err) == fault.NotFound:
		return nil
	case fault.CodeOf(err) == CodeForked:
		return err
	}
	c.Store.log.WarnContext(ctx, "checkpoint not signed", "error", err)
	select {
	case c.Store.grown <- struct{}{}: // try again after the pause
	default:
	}
	return nil
}
