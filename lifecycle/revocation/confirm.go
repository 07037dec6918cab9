package revocation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// errNothingNew ends a transaction that would record nothing.
var errNothingNew = errors.New("no entry is newly confirmed")

// Confirm keeps what controllers confirm, all of it in one transaction: one bound row for each entry and controller that is new, if the
// controller could know the card when the entry was made. It returns how many confirmations it ignored: of another epoch, beyond the newest
// entry, by a controller that is not enrolled, or by another key than its present one.
//
// The first confirmation of a new epoch also counts for what is missing of earlier ones, when its hash is that of the whole set here.
func (r *Register) Confirm(ctx context.Context, list []Confirmation) (ignored int, err error) {
	if len(list) == 0 {
		return 0, nil
	}
	err = r.store.Write(ctx, store.System("receipts"), "", func(tx *store.Tx) error {
		p, err := prepare(ctx, tx, list)
		if err != nil {
			return err
		}
		ignored = p.ignored
		if len(p.rows) == 0 {
			return errNothingNew
		}
		if _, err := tx.AppendAll(ctx, "revocation_receipt", p.rows); err != nil {
			return err
		}
		return p.raise(ctx, tx)
	})
	if errors.Is(err, errNothingNew) {
		err = r.raiseOnly(ctx, list)
	}
	if err != nil {
		return 0, fmt.Errorf("confirm revocations: %w", err)
	}
	return ignored, nil
}

// raiseOnly keeps how far controllers are that no entry was waiting for.
func (r *Register) raiseOnly(ctx context.Context, list []Confirmation) error {
	return r.store.WriteDerived(ctx, "progress of revocations", func(tx *store.Tx) error {
		p, err := prepare(ctx, tx, list)
		if err != nil || len(p.rows) > 0 { // an entry came in between: they will be asked again
			return err
		}
		return p.raise(ctx, tx)
	})
}

// row is the confirmation of one entry.
func (c Confirmation) row(v access.Version) store.Row {
	return store.Row{
		{Name: "applied_at", Value: period.Text(c.AppliedAt)},
		{Name: "controller", Value: c.Controller},
		{Name: "epoch", Value: int64(v.Epoch)}, // of a stored entry
		{Name: "hash", Value: c.Hash},
		{Name: "key_id", Value: c.Key},
		{Name: "n", Value: int64(v.N)}, // of a stored entry
		{Name: "payload", Value: append([]byte{}, c.Payload...)},
		{Name: "published_at", Value: period.Text(c.PublishedAt)},
		{Name: "received_at", Value: period.Text(c.ReceivedAt)},
	}
}

// reached is how far a controller has confirmed.
type reached struct {
	Controller string
	KeyID      string `db:"key_id"` // its present key
	Epoch, N   uint64
	Whole      bool

	moved bool
}

// preparation is what a group of confirmations comes to.
type preparation struct {
	latest  access.Version
	valid   []Confirmation
	ignored int
	at      map[string]*reached
	have    map[pair]bool
	rows    []store.Row
}

// pair is one entry at one controller.
type pair struct {
	version    access.Version
	controller string
}

// waiting is an entry with the controllers that it is for.
type waiting struct {
	version access.Version
	targets map[string]bool
}

func prepare(ctx context.Context, q store.Queryer, list []Confirmation) (*preparation, error) {
	p := &preparation{at: map[string]*reached{}, have: map[pair]bool{}}
	var err error
	if p.latest, err = Latest(ctx, q); err != nil {
		return nil, err
	}
	if err := p.sort(ctx, q, list); err != nil || len(p.valid) == 0 {
		return p, err
	}
	if err := p.present(ctx, q); err != nil {
		return nil, err
	}
	return p, p.earlier(ctx, q)
}

// sort reads how far the controllers are and sets the confirmations aside that do not count.
func (p *preparation) sort(ctx context.Context, q store.Queryer, list []Confirmation) error {
	var rows []reached
	err := q.Select(ctx, &rows, `SELECT controller, key_id, epoch, n, whole FROM v_revocation_progress WHERE controller IN (?)`, controllers(list))
	if err != nil {
		return err
	}
	for i := range rows {
		at := &rows[i]
		if at.Epoch != p.latest.Epoch {
			at.Epoch, at.N, at.Whole = p.latest.Epoch, 0, false
			at.moved = true
		}
		p.at[at.Controller] = at
	}
	for _, c := range list {
		at := p.at[c.Controller]
		if at == nil || at.KeyID != c.Key || c.Upto.Epoch != p.latest.Epoch || c.Upto.N > p.latest.N {
			p.ignored++
			continue
		}
		p.valid = append(p.valid, c)
	}
	return nil
}

func controllers(list []Confirmation) []string {
	all := make([]string, len(list))
	for i, c := range list {
		all[i] = c.Controller
	}
	return all
}

// present covers the entries of the present epoch.
func (p *preparation) present(ctx context.Context, q store.Queryer) error {
	from, upto := p.latest.N, uint64(0)
	for _, c := range p.valid {
		from, upto = min(from, p.at[c.Controller].N), max(upto, c.Upto.N)
	}
	open, err := p.waiting(ctx, q, `epoch = ? AND n > ? AND n <= ?`, int64(p.latest.Epoch), int64(from), int64(upto)) // as stored
	if err != nil {
		return err
	}
	for _, c := range p.valid {
		at := p.at[c.Controller]
		for _, w := range open {
			if at.N < w.version.N && w.version.N <= c.Upto.N {
				p.cover(c, w)
			}
		}
		if c.Upto.N > at.N {
			at.N, at.moved = c.Upto.N, true
		}
	}
	return nil
}

// cover adds the row of one entry and controller, if it belongs there and is not there yet.
func (p *preparation) cover(c Confirmation, w waiting) {
	key := pair{w.version, c.Controller}
	if !w.targets[c.Controller] || p.have[key] {
		return
	}
	p.have[key] = true
	p.rows = append(p.rows, c.row(w.version))
}

// waiting reads the entries that a condition names, in order, and which of the confirmations at hand they have already.
func (p *preparation) waiting(ctx context.Context, q store.Queryer, where string, args ...any) ([]waiting, error) {
	var rows []struct {
		Epoch, N uint64
		Targets  string
	}
	err := q.Select(ctx, &rows, `SELECT epoch, n, targets FROM revocation WHERE `+where+` ORDER BY epoch, n`, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	list := make([]waiting, len(rows))
	for i, row := range rows {
		list[i].version = access.Version{Epoch: row.Epoch, N: row.N}
		if list[i].targets, err = names(row.Targets); err != nil {
			return nil, err
		}
	}
	var have []struct {
		Epoch, N   uint64
		Controller string
	}
	err = q.Select(ctx, &have, `SELECT epoch, n, controller FROM revocation_receipt WHERE `+where+` AND controller IN (?)`,
		append(args, controllers(p.valid))...)
	for _, h := range have {
		p.have[pair{access.Version{Epoch: h.Epoch, N: h.N}, h.Controller}] = true
	}
	return list, err
}

// earlier covers what is missing of earlier epochs, for controllers whose whole set is known to be ours.
func (p *preparation) earlier(ctx context.Context, q store.Queryer) error {
	var there bool
	err := q.Get(ctx, &there, `SELECT EXISTS (SELECT 1 FROM revocation WHERE epoch < ?)`, int64(p.latest.Epoch)) // as stored
	if err != nil {
		return err
	}
	hashes, open := map[access.Version]string{}, []waiting(nil)
	for _, c := range p.valid {
		at := p.at[c.Controller]
		if at.Whole {
			continue
		}
		if there {
			same, err := sameSet(ctx, q, c, hashes)
			if err != nil {
				return err
			}
			if !same {
				continue
			}
			if open == nil {
				if open, err = p.waiting(ctx, q, `epoch < ?`, int64(p.latest.Epoch)); err != nil { // as stored
					return err
				}
			}
		}
		for _, w := range open {
			p.cover(c, w)
		}
		at.Whole, at.moved = true, true
	}
	return nil
}

// sameSet reports whether a controller's set has the hash of ours as it stood there. known remembers ours.
func sameSet(ctx context.Context, q store.Queryer, c Confirmation, known map[access.Version]string) (bool, error) {
	if _, read := known[c.Upto]; !read {
		var err error
		if known[c.Upto], err = hashAt(ctx, q, c.Upto); err != nil {
			return false, err
		}
	}
	return c.Hash == known[c.Upto], nil
}

// hashAt is the hash of the set as it stood at a version.
func hashAt(ctx context.Context, q store.Queryer, v access.Version) (string, error) {
	all, err := entries(ctx, q, `WHERE epoch < ? OR (epoch = ? AND n <= ?)`, int64(v.Epoch), int64(v.Epoch), int64(v.N)) // as stored
	if err != nil {
		return "", err
	}
	return access.NewRevocations(all...).Hash(), nil
}

// mostRaised is how many rows one statement writes.
const mostRaised = 256

// raise keeps how far the controllers are now.
func (p *preparation) raise(ctx context.Context, tx *store.Tx) error {
	var args []any
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, `INSERT INTO revocation_progress (controller, key_id, epoch, n, whole) VALUES (?, ?, ?, ?, ?)`+
			strings.Repeat(`, (?, ?, ?, ?, ?)`, len(args)/5-1)+`
			ON CONFLICT (controller) DO UPDATE SET key_id = excluded.key_id, epoch = excluded.epoch, n = excluded.n, whole = excluded.whole`, args...)
		args = args[:0]
		return err
	}
	done := map[string]bool{}
	for _, c := range p.valid {
		at := p.at[c.Controller]
		if !at.moved || done[c.Controller] {
			continue
		}
		done[c.Controller] = true
		args = append(args, at.Controller, at.KeyID, int64(at.Epoch), int64(at.N), store.Bool(at.Whole)) // as stored
		if len(args) == 5*mostRaised {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// Behind lists the enrolled controllers with a door that have not confirmed the newest entry, by name.
func (r *Register) Behind(ctx context.Context) ([]Progress, error) {
	var list []Progress
	err := r.store.Read(ctx, func(q store.Queryer) error {
		latest, err := Latest(ctx, q)
		if err != nil {
			return err
		}
		return q.Select(ctx, &list, `SELECT controller, epoch, n FROM v_revocation_behind
			WHERE (epoch <> ? OR n < ?) AND EXISTS (SELECT 1 FROM revocation) ORDER BY controller`, int64(latest.Epoch), int64(latest.N)) // as stored
	})
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "list who is behind with revocations")
	}
	return list, nil
}
