package journal

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/fault"
)

// Revoked is what came of the revocation set: entries in force, and up to where all of them are here.
type Revoked struct {
	Entries []access.Revocation // each replaces the one kept for its credential
	Upto    access.Version
	At      time.Time // when the last one came into force, by the controller's clock
}

// Lease is how old the centre's last confirmation of the policy was at a moment.
type Lease struct {
	Age  time.Duration
	Wall time.Time // the moment; zero when the clock was not believed
}

// Clock is what is known of whether anybody sets the machine's clock.
type Clock struct {
	Set  time.Time // when it was last set; zero: never looked
	Said time.Time // when an alarm said that it was not; zero: none stands
}

// trust is the part of the head that says whom to refuse and whom to believe. It is comparable.
type trust struct {
	starts    uint64
	centre    uint64
	revoked   access.Version
	revokedAt string // db.FormatTime, or ""
	leaseAge  int64  // milliseconds; -1 for none
	leaseWall string // db.FormatTime, or ""
	clockSet  string // db.FormatTime, or ""
	clockSaid string // db.FormatTime, or ""
}

// noTrust is that of a new journal.
var noTrust = trust{leaseAge: -1}

func (t *trust) apply(c Change) {
	t.centre = max(t.centre, c.Centre)
	if c.Revoked != nil {
		t.revoked, t.revokedAt = c.Revoked.Upto, formatTime(c.Revoked.At)
	}
	if c.Lease != nil {
		t.leaseAge, t.leaseWall = max(c.Lease.Age.Milliseconds(), 0), formatTime(c.Lease.Wall)
	}
	if c.Clock != nil {
		t.clockSet, t.clockSaid = formatTime(c.Clock.Set), formatTime(c.Clock.Said)
	}
}

// lease returns the lease kept; nil for none.
func (t trust) lease() *Lease {
	if t.leaseAge < 0 {
		return nil
	}
	return &Lease{Age: time.Duration(t.leaseAge) * time.Millisecond, Wall: parseTime(t.leaseWall)}
}

func (t trust) clock() Clock { return Clock{parseTime(t.clockSet), parseTime(t.clockSaid)} }

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return db.FormatTime(t)
}

func parseTime(s string) time.Time {
	t, err := db.ParseTime(s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// saveRevoked keeps entries of the revocation set.
func saveRevoked(ctx context.Context, tx *db.Tx, r *Revoked) error {
	if r == nil {
		return nil
	}
	for _, e := range r.Entries {
		_, err := tx.Exec(ctx, `INSERT INTO journal_revocation (credential_key, card, state, epoch, n) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (credential_key) DO UPDATE SET card = excluded.card, state = excluded.state, epoch = excluded.epoch, n = excluded.n`,
			e.Key[:], e.Card, string(e.State), int64(e.Version.Epoch), int64(e.Version.N))
		if err != nil {
			return err
		}
	}
	return nil
}

type revocationRow struct {
	Key   []byte `db:"credential_key"`
	Card  string `db:"card"`
	State string `db:"state"`
	Epoch int64  `db:"epoch"`
	N     int64  `db:"n"`
}

// entry reads a row; an error says what is wrong with it.
func (r revocationRow) entry() (access.Revocation, error) {
	e := access.Revocation{
		Version: access.Version{Epoch: uint64(r.Epoch), N: uint64(r.N)}, Card: r.Card, State: access.CredentialState(r.State),
	}
	if copy(e.Key[:], r.Key) != len(e.Key) || len(r.Key) != len(e.Key) {
		return e, broken("a credential's key has another length")
	}
	if err := e.Validate(); err != nil {
		return e, broken(err.Error())
	}
	return e, nil
}

// mended is what to make of a damaged row: a card whose state cannot be read is refused.
func (r revocationRow) mended() (access.Revocation, error) {
	r.Epoch, r.N, r.State = max(r.Epoch, 1), max(r.N, 1), string(access.Revoked)
	return r.entry()
}

func revocationRows(ctx context.Context, q db.Queryer) (rows []revocationRow, err error) {
	err = q.Select(ctx, &rows, `SELECT credential_key, card, state, epoch, n FROM journal_revocation ORDER BY epoch, n`)
	return rows, err
}

func revocationsIn(ctx context.Context, q db.Queryer) ([]access.Revocation, error) {
	rows, err := revocationRows(ctx, q)
	if err != nil {
		return nil, err
	}
	entries := make([]access.Revocation, len(rows))
	for i, r := range rows {
		if entries[i], err = r.entry(); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Revocations returns the entries that are kept, in the order of their versions.
func (j *Journal) Revocations(ctx context.Context) ([]access.Revocation, error) {
	d := j.db.Load()
	if d == nil {
		return nil, errNotOpen()
	}
	var entries []access.Revocation
	err := d.Read(ctx, func(q db.Queryer) (err error) {
		entries, err = revocationsIn(ctx, q)
		return err
	})
	return entries, fault.Wrap(fault.KindOf(err), err, "read the revocations")
}

// startNumber is what a start of the program is numbered when the journal knows no better: milliseconds since 1970. It lies
// above all earlier ones also where the journal that counted them is lost.
func (c Config) startNumber() uint64 {
	return uint64(max(c.Now().UnixMilli(), c.Floor.UnixMilli(), 1))
}

// salvaged is what is read from a broken journal for the one that replaces it. How far the set goes is not: the centre is
// asked for all of it again.
type salvaged struct {
	trust   trust
	wall    string // the floor of the clock
	entries []access.Revocation
}

// salvage reads what it can of a journal that does not hold. What cannot be read is gone: the centre sends it again.
func (w *writer) salvage(ctx context.Context, file string) salvaged {
	s := salvaged{trust: noTrust}
	d, err := db.Open(ctx, db.Config{Driver: db.SQLite, Path: file, Readers: 1, Log: w.cfg.Log})
	if err != nil {
		return s
	}
	err = d.Read(ctx, func(q db.Queryer) error {
		h, err := loadIn(ctx, q)
		if err != nil {
			return err
		}
		if h.controller != w.cfg.Controller {
			return broken(fmt.Sprintf("the journal is that of controller %q", h.controller))
		}
		s.trust, s.wall = h.trust, h.wall
		s.trust.revoked, s.trust.revokedAt = access.Version{}, ""
		rows, err := revocationRows(ctx, q)
		for _, r := range rows {
			e, bad := r.entry()
			if bad != nil {
				e, bad = r.mended()
			}
			if bad == nil {
				s.entries = append(s.entries, e)
			}
		}
		return err
	})
	if err != nil {
		w.cfg.Log.WarnContext(ctx, "not all of the broken journal could be read", "error", err)
	}
	if err := d.Close(); err != nil {
		w.cfg.Log.WarnContext(ctx, "broken journal not closed", "error", err)
	}
	return s
}
