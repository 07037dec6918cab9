package store

import (
	"context"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// Checkpoint signs the ledger as it stands, unless the newest checkpoint covers it already, and returns the
// newest checkpoint and its signed note. It first proves that the last checkpoint is the beginning of what it
// signs; if it is not, nothing is signed and the error is fault.Conflict, code "ledger.forked".
func (s *Store) Checkpoint(ctx context.Context) (ledger.Checkpoint, []byte, error) {
	return ledger.Checkpoint{}, nil, fault.New(fault.Unavailable, "", "checkpoint")
}

// Checkpointer signs a checkpoint soon after the ledger grew.
type Checkpointer struct {
	Store *Store
	Every time.Duration // at most one checkpoint in this time; 0 means a second
}

// Run signs until ctx ends, and then once more if the ledger grew.
func (c *Checkpointer) Run(ctx context.Context) error { <-ctx.Done(); return nil }
