package approval

import (
	"context"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

const columns = `id, at, applicant, reason, register, kind, subject, about, base, before, body, state, decider, decided_at, note`

// row is a row of v_approval_line.
type row struct {
	ID, At, Applicant, Reason, Register, Kind, Subject, About string
	Base                                                      int64
	Before, Body, Decider, Note                               string
	State                                                     State
	DecidedAt                                                 string `db:"decided_at"`
}

func (r row) request() (Request, error) {
	at, err := period.Time(r.At)
	if err != nil {
		return Request{}, err
	}
	decided, err := period.Time(r.DecidedAt)
	return Request{
		ID: r.ID, Applicant: r.Applicant, At: at, State: r.State, Decider: r.Decider, DecidedAt: decided, Note: r.Note,
		Change: Change{
			Register: r.Register, Kind: r.Kind, Subject: r.Subject, About: r.About, Base: r.Base, Before: r.Before, Body: r.Body, Reason: r.Reason,
		},
	}, err
}

func get(ctx context.Context, q store.Queryer, id string) (Request, error) {
	var found row
	err := q.Get(ctx, &found, `SELECT `+columns+` FROM v_approval_line WHERE id = ?`, id)
	if fault.KindOf(err) == fault.NotFound {
		return Request{}, fault.New(fault.NotFound, "approval.unknown", fmt.Sprintf("no request %.40q", id))
	}
	if err != nil {
		return Request{}, err
	}
	return found.request()
}

// leafOf returns the place of a request in the ledger.
func leafOf(ctx context.Context, q store.Queryer, id string) (leaf int64, err error) {
	err = q.Get(ctx, &leaf, `SELECT leaf FROM approval_request WHERE id = ?`, id)
	return leaf, err
}

// Get returns one request. Needs authz.ApprovalRead.
func (r *Register) Get(ctx context.Context, actor store.Actor, id string) (Request, error) {
	var req Request
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		req, err = get(ctx, q, id)
		return err
	})
	return req, err
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.ApprovalRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read requests: %w", err)
		}
		return nil
	})
}

// List returns requests, newest first. Needs authz.ApprovalRead.
func (r *Register) List(ctx context.Context, actor store.Actor, f Filter) ([]Request, error) {
	where, args, err := f.where()
	if err != nil {
		return nil, err
	}
	var rows []row
	err = r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT `+columns+` FROM v_approval_line`+where+` ORDER BY leaf DESC LIMIT ?`, append(args, field.Limit(f.Limit))...)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Request, len(rows))
	for i, found := range rows {
		if list[i], err = found.request(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (f Filter) where() (where string, args []any, err error) {
	where = ` WHERE 1 = 1`
	switch f.State {
	case "":
	case Pending, Approved, Refused, Withdrawn, Stale:
		where, args = where+` AND state = ?`, append(args, string(f.State))
	default:
		return "", nil, fault.BadField("state", "approval.state", fmt.Sprintf("state %.20q", f.State))
	}
	if f.About != "" {
		where, args = where+` AND about = ?`, append(args, f.About)
	}
	if f.After != "" {
		where, args = where+` AND leaf < (SELECT leaf FROM approval_request WHERE id = ?)`, append(args, f.After)
	}
	return where, args, nil
}
