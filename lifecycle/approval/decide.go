package approval

import (
	"context"
	"fmt"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/field"
)

// mostAtOnce is how many requests are approved in one transaction.
const mostAtOnce = 500

// Approve applies requests of other people, in the order given and in one transaction: all of them, or none where one cannot be applied. A request
// whose subject has changed since is not applied and ends as Stale, which is also the error (Conflict "approval.stale") once the others are through.
// Errors: Denied without the right to the change itself, "approval.own" for one's own request; Conflict "approval.decided"; those of the change.
func (r *Register) Approve(ctx context.Context, actor store.Actor, note string, ids ...string) ([]Request, error) {
	var done []Request
	err := r.decide(ctx, actor, note, ids, func(tx *store.Tx, req Request, k Kind) (Request, error) {
		if err := another(ctx, tx, actor, req); err != nil {
			return Request{}, err
		}
		state, err := r.apply(ctx, tx, req, k)
		if err != nil {
			return Request{}, fmt.Errorf("request %s: %w", req.ID, err)
		}
		req.State = state
		return req, nil
	}, &done)
	if err != nil {
		return nil, fmt.Errorf("approve: %w", err)
	}
	for _, req := range done {
		if req.State == Stale {
			return done, fault.New(fault.Conflict, "approval.stale", "the subject of request "+req.ID+" has changed since")
		}
	}
	return done, nil
}

// apply makes a requested change, unless its subject has another version by now.
func (r *Register) apply(ctx context.Context, tx *store.Tx, req Request, k Kind) (State, error) {
	if k.Version != nil {
		if n, err := k.Version(ctx, tx, req.Change); err != nil || n != req.Base {
			return Stale, err
		}
	}
	if err := k.Check(ctx, tx, req.Change); err != nil {
		return "", err
	}
	return Approved, tx.As(req.applicant(), req.Reason, tx.Actor().String(), func() error { return k.Apply(ctx, tx, req.Change) })
}

// another refuses the decision of who asked, also under a second account of theirs or one that they made or hold the password of, and of an
// account of which nobody can say whose it is.
func another(ctx context.Context, q store.Queryer, actor store.Actor, req Request) error {
	own, err := account.OnePerson(ctx, q, req.applicant(), actor)
	if err != nil {
		return err
	}
	if own {
		return fault.New(fault.Denied, "approval.own", actor.String()+" asked for "+req.ID)
	}
	member, err := account.Staff(ctx, q, actor.ID)
	if err != nil {
		return err
	}
	if member == "" {
		return fault.New(fault.Denied, "approval.no_staff", actor.String()+" belongs to no member of staff")
	}
	leaf, err := leafOf(ctx, q, req.ID)
	if err != nil {
		return err
	}
	in, err := account.Approver{Account: actor.ID, Asked: req.applicant(), Leaf: leaf}.InHand(ctx, q)
	if err == nil && in {
		err = fault.New(fault.Denied, "approval.in_hand", actor.String()+" may be in the hand of "+req.Applicant)
	}
	return err
}

// Refuse ends a request without the change. Who may approve it may refuse it, with a note; the applicant withdraws it instead.
func (r *Register) Refuse(ctx context.Context, actor store.Actor, id, note string) (Request, error) {
	note, err := field.Text("note", note, 200)
	if err != nil {
		return Request{}, fmt.Errorf("refuse: %w", err)
	}
	return r.end(ctx, actor, id, note, Refused, func(tx *store.Tx, req Request) error { return another(ctx, tx, actor, req) })
}

// Withdraw ends one's own request.
func (r *Register) Withdraw(ctx context.Context, actor store.Actor, id, note string) (Request, error) {
	return r.end(ctx, actor, id, note, Withdrawn, func(_ *store.Tx, req Request) error {
		if req.Applicant != actor.String() {
			return fault.New(fault.Denied, "approval.not_yours", actor.String()+" did not ask for "+id)
		}
		return nil
	})
}

func (r *Register) end(ctx context.Context, actor store.Actor, id, note string, state State, may func(*store.Tx, Request) error) (Request, error) {
	var done []Request
	err := r.decide(ctx, actor, note, []string{id}, func(tx *store.Tx, req Request, _ Kind) (Request, error) {
		req.State = state
		return req, may(tx, req)
	}, &done)
	if err != nil {
		return Request{}, fmt.Errorf("end request: %w", err)
	}
	return done[0], nil
}

// decide runs one transaction over pending requests: who decides must be a person with the right to the change itself. fn says what becomes of each.
func (r *Register) decide(ctx context.Context, actor store.Actor, note string, ids []string,
	fn func(*store.Tx, Request, Kind) (Request, error), done *[]Request,
) error {
	note, err := field.Optional("note", note, 200)
	switch {
	case err != nil:
		return err
	case len(ids) == 0 || len(ids) > mostAtOnce:
		return fault.BadField("ids", "approval.many", fmt.Sprintf("%d requests", len(ids)))
	case actor.Kind != store.ActorAccount:
		return fault.New(fault.Denied, "approval.nobody", actor.String()+" is no person")
	}
	return r.store.Write(ctx, actor, note, func(tx *store.Tx) error {
		*done = nil
		for _, id := range ids {
			req, k, err := r.open(ctx, tx, actor, id)
			if err != nil {
				return err
			}
			if req, err = fn(tx, req, k); err != nil {
				return err
			}
			req.Decider, req.DecidedAt, req.Note = actor.String(), tx.Now(), note
			if err := req.close(ctx, tx); err != nil {
				return err
			}
			*done = append(*done, req)
		}
		return nil
	})
}

// open reads a request that is to be decided.
func (r *Register) open(ctx context.Context, tx *store.Tx, actor store.Actor, id string) (Request, Kind, error) {
	req, err := get(ctx, tx, id)
	if err != nil {
		return Request{}, Kind{}, err
	}
	k, err := r.kind(req.Kind)
	if err == nil {
		err = actor.May(k.Needs)
	}
	if err == nil && req.State != Pending {
		err = fault.New(fault.Conflict, "approval.decided", "request "+id+" is "+string(req.State))
	}
	return req, k, err
}

// close records the decision. The table holds one for each request.
func (q Request) close(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Append(ctx, "approval_decision", store.Row{
		{Name: "at", Value: store.FormatTime(q.DecidedAt)},
		{Name: "decider", Value: q.Decider},
		{Name: "id", Value: q.ID},
		{Name: "note", Value: q.Note},
		{Name: "state", Value: string(q.State)},
	})
	return err
}
