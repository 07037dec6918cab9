package store

import (
	"context"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	ledgerstore "kanmon/internal/ledger/store"
)

// Tx is a transaction of a Store. It is used by one goroutine and not after its function returned.
type Tx struct {
	tx      *db.Tx
	store   *Store
	actor   Actor
	reason  string
	second  string // who approved; empty: nobody had to
	now     time.Time
	derived bool
	batch   *ledgerstore.Batch // opened by the first Append
	salts   []byte             // random bytes drawn ahead
	after   []func()
}

// Get implements Queryer.
func (t *Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	return t.tx.Get(ctx, dest, query, args...)
}

// Select implements Queryer.
func (t *Tx) Select(ctx context.Context, dest any, query string, args ...any) error {
	return t.tx.Select(ctx, dest, query, args...)
}

// Query implements Queryer.
func (t *Tx) Query(ctx context.Context, each func(Cursor) error, query string, args ...any) error {
	return t.tx.Query(ctx, each, query, args...)
}

// Exec runs a statement on tables that are not bound and returns the number of rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return t.tx.Exec(ctx, query, args...)
}

// Now is the time of the transaction, UTC with microseconds; it stands still.
func (t *Tx) Now() time.Time { return t.now }

// Actor is who writes.
func (t *Tx) Actor() Actor { return t.actor }

// Reason is why, in the words of the actor.
func (t *Tx) Reason() string { return t.reason }

// As runs fn in the name of who asked for a change, with the reason that was given then: the versions that fn writes bear both, and in the column
// approved_by, of tables that have it, the second person or why there was none.
func (t *Tx) As(actor Actor, reason, approvedBy string, fn func() error) error {
	writer, why, second := t.actor, t.reason, t.second
	t.actor, t.reason, t.second = actor, reason, approvedBy
	defer func() { t.actor, t.reason, t.second = writer, why, second }()
	return fn()
}

// AfterCommit has fn called once the transaction is committed, in the order of the calls. A transaction that
// fails calls none.
func (t *Tx) AfterCommit(fn func()) { t.after = append(t.after, fn) }

// finish writes the buffered leaves and moves the head, last of all.
func (t *Tx) finish(ctx context.Context) error {
	if t.derived {
		return nil
	}
	if t.batch == nil || t.batch.Added() == 0 {
		return fault.New(fault.Internal, "store.no_leaf", "write: nothing was recorded in the ledger")
	}
	return t.batch.Finish(ctx)
}

func (t *Tx) committed() {
	if t.batch != nil {
		select {
		case t.store.grown <- struct{}{}:
		default: // a token waits already
		}
	}
	for _, fn := range t.after {
		fn()
	}
}
