// Package store is how the centre's registers write. It binds every kept row to the ledger in the transaction
// that writes the row, and can later prove or disprove each of them.
//
// # Bound tables
//
// A table is bound when it has the two columns
//
//	salt  BLOB   NOT NULL          -- 16 random bytes
//	leaf  BIGINT NOT NULL UNIQUE   -- or PRIMARY KEY: the number of the row's leaf in the ledger
//
// Its rows are written only by Tx.Append, AppendAll or Version, which add the two columns, and are never
// changed: the migration gives the table triggers that refuse UPDATE and DELETE. The leaf holds the table, the
// values of the primary key and the salted hash of all other columns. Keys are therefore never personal data.
// Leaf numbers rise in the order of commits without a gap in the ledger, so leaf is what a reader of a growing
// list resumes from: who has seen n will never find a new row at or below n.
//
// # Registers
//
// A register x is up to three tables, written by Tx.Version:
//
//	x_version(id TEXT, n BIGINT, at TEXT, actor TEXT, reason TEXT, <fields>, [approved_by TEXT,] [personal_hash BLOB,] salt, leaf, PRIMARY KEY (id, n))
//	x(id TEXT PRIMARY KEY, n BIGINT NOT NULL, [<copies of fields>])
//	x_personal(id TEXT, n BIGINT, salt BLOB NOT NULL, <fields>, PRIMARY KEY (id, n))
//
// x_version is bound and keeps every version; x points at the newest, and a column of x that bears the name of
// a field gets its newest value (for UNIQUE and for foreign keys); x_personal holds what may one day be erased.
// Its hash is the version's personal_hash. approved_by is NULL where one person was enough (Tx.As).
//
// A column added to a bound table later is NULL in the rows that were there, and NULL is no part of a row's hash.
//
// # One writer
//
// Write transactions run one at a time on both databases (package db): a register may read, decide and write.
package store

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	ledgerstore "kanmon/internal/ledger/store"
)

// Config of a Store.
type Config struct {
	// Origin names the ledger, like "kanmon.example/demo": printable ASCII without space and plus sign.
	Origin string
	// Signer signs checkpoints; nil: none are made.
	Signer *ledger.Signer
	// Before are the checkpoint keys before the signer's, oldest first.
	Before []ledger.Past
	Clock  func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: discarded
}

// Store is the centre's database with its ledger. It is safe for concurrent use.
type Store struct {
	db     *db.DB
	ledger *ledgerstore.Log
	signer *ledger.Signer
	keys   *ledger.Origins // nil without a signer
	clock  func() time.Time
	random io.Reader
	log    *slog.Logger

	grown chan struct{} // holds one token when leaves were committed since the last checkpoint

	mu     sync.RWMutex
	tables map[string]db.Table
	last   ledger.Checkpoint // the newest this process signed
}

// New returns the store of a migrated database.
func New(d *db.DB, cfg Config) (*Store, error) {
	if cfg.Origin == "" {
		return nil, fault.New(fault.Invalid, "ledger.bad_origin", "open store: no origin")
	}
	keys, err := cfg.keys()
	if err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{
		db: d, ledger: ledgerstore.New(cfg.Origin), signer: cfg.Signer, keys: keys, clock: cfg.Clock, random: rand.Reader, log: cfg.Log,
		grown: make(chan struct{}, 1), tables: map[string]db.Table{},
	}, nil
}

// Write runs fn in a transaction and commits it with its ledger leaves. The actor and the reason are kept in
// the rows that Tx.Version writes. A transaction that recorded nothing in the ledger fails (fault.Internal):
// what need not be provable is written by WriteDerived. The database may make fn run again, so fn has no
// effects but through tx.
func (s *Store) Write(ctx context.Context, actor Actor, reason string, fn func(*Tx) error) error {
	if actor.Kind == "" || actor.ID == "" {
		return fault.New(fault.Internal, "store.no_actor", "write: no actor")
	}
	return s.run(ctx, func() *Tx { return &Tx{actor: actor, reason: reason} }, fn)
}

// WriteDerived runs fn in a transaction that leaves no trace in the ledger: for tables that can be rebuilt from
// others or serve only the running program, such as sessions and presence. why says so in words.
func (s *Store) WriteDerived(ctx context.Context, why string, fn func(*Tx) error) error {
	if why == "" {
		return fault.New(fault.Internal, "store.no_reason", "write derived: no reason given")
	}
	return s.run(ctx, func() *Tx { return &Tx{derived: true, actor: System(why), reason: why} }, fn)
}

// Read runs fn over one consistent snapshot.
func (s *Store) Read(ctx context.Context, fn func(Queryer) error) error { return s.db.Read(ctx, fn) }

// Now is the moment that a transaction begun now is of.
func (s *Store) Now() time.Time { return s.clock() }

// Origin names the ledger.
func (s *Store) Origin() string { return s.ledger.Origin() }

// run is one transaction from begin to the hooks after commit.
func (s *Store) run(ctx context.Context, fresh func() *Tx, fn func(*Tx) error) error {
	var last *Tx
	err := s.db.Write(ctx, func(dtx *db.Tx) error {
		tx := fresh()
		tx.tx, tx.store, tx.now = dtx, s, s.clock().UTC().Truncate(time.Microsecond)
		last = tx
		if err := fn(tx); err != nil {
			return err
		}
		return tx.finish(ctx)
	})
	if err != nil {
		return err
	}
	last.committed()
	return nil
}
