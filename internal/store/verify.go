package store

import (
	"context"
	"slices"
	"strings"

	"kanmon/internal/db"
	"kanmon/internal/ledger"
	ledgerstore "kanmon/internal/ledger/store"
)

// Problem is what Verify may find wrong.
type Problem = ledgerstore.Problem

// Problems: of the ledger, then of rows and registers.
const (
	LeafChanged      = ledgerstore.LeafChanged
	LeafMissing      = ledgerstore.LeafMissing
	HashChanged      = ledgerstore.HashChanged
	HeadChanged      = ledgerstore.HeadChanged
	CheckpointForged = ledgerstore.CheckpointForged
	CheckpointForked = ledgerstore.CheckpointForked

	RowChanged      Problem = "row_changed"      // a row is not what its leaf was made from
	RowMissing      Problem = "row_missing"      // a leaf's row is gone
	RowUnbound      Problem = "row_unbound"      // a row in a bound table that no leaf names
	PersonalChanged Problem = "personal_changed" // a personal row is not what its version was made with
	PersonalUnbound Problem = "personal_unbound" // a personal row without a version that names it
	PointerChanged  Problem = "pointer_changed"  // a register does not show its newest version
)

// NoLeaf stands for "none" in Finding.Leaf.
const NoLeaf = ledgerstore.NoLeaf

// Finding is one thing that Verify found wrong: the problem, and the table, key and leaf it concerns.
type Finding = ledgerstore.Finding

// Report is the result of Verify.
type Report struct {
	Origin      string
	Leaves      int64
	Root        ledger.Hash // made again from the leaves
	Rows        int64       // bound rows hashed again
	Personal    int64       // personal rows hashed again
	Erased      int64       // versions whose personal row is gone
	Checkpoints int64
	Findings    []Finding // the first MaxFindings
	Found       int64     // all of them
}

// MaxFindings bounds how many findings a report names.
const MaxFindings = 1000

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return r.Found == 0 }

// Verify makes the tree again from the leaves, checks the head and every checkpoint against it, hashes every
// bound row again, compares registers with their versions, and names whatever differs. It reads one snapshot
// and holds little of it at a time. An error means that it could not look everywhere; what it saw is in the
// report.
func (s *Store) Verify(ctx context.Context) (Report, error) {
	v := verification{report: Report{Origin: s.Origin()}, dialect: s.db.Dialect()}
	err := s.db.Read(ctx, func(q Queryer) error {
		tables, err := s.db.Schema(ctx, q)
		if err != nil {
			return err
		}
		v.q, v.tables = q, tables
		return v.run(ctx, s)
	})
	return v.report, err
}

// verification is one run of Verify.
type verification struct {
	q       Queryer
	dialect db.Dialect
	tables  map[string]db.Table
	report  Report
}

func (v *verification) run(ctx context.Context, s *Store) error {
	audit := s.ledger.NewAudit(v.q, s.keys, v.found)
	err := audit.Run(ctx, func(first, end int64, leaves []ledgerstore.StoredLeaf) error { return v.rows(ctx, first, end, leaves) })
	v.report.Leaves, v.report.Root, v.report.Checkpoints = audit.Size(), audit.Root(), audit.Checkpoints
	if err != nil {
		return err
	}
	if err := v.strangers(ctx, audit.Size()); err != nil {
		return err
	}
	return v.registers(ctx)
}

func (v *verification) found(f Finding) {
	v.report.Found++
	if len(v.report.Findings) < MaxFindings {
		v.report.Findings = append(v.report.Findings, f)
	}
}

// boundTables returns the tables whose rows have leaves, by name.
func (v *verification) boundTables() []db.Table {
	var bound []db.Table
	for _, t := range v.tables {
		if isBound(t) {
			bound = append(bound, t)
		}
	}
	slices.SortFunc(bound, func(a, b db.Table) int { return strings.Compare(a.Name, b.Name) })
	return bound
}
