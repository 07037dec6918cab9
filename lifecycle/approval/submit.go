package approval

import (
	"context"
	"crypto/rand"
	"strings"

	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// Submit takes a change in the transaction of its register, which has asked whether the actor may make it. It is checked in any case. Where two
// people are needed it is kept as a request, which is returned; else it is applied.
func (r *Register) Submit(ctx context.Context, tx *store.Tx, c Change, two bool) (*Request, error) {
	k, err := r.kind(c.Kind)
	if err != nil {
		return nil, err
	}
	if err := k.Check(ctx, tx, c); err != nil {
		return nil, err
	}
	if !two {
		return nil, k.Apply(ctx, tx, c)
	}
	there, err := r.twoPeople(ctx, tx, k.Needs)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, tx.As(tx.Actor(), c.Reason, SetUp, func() error { return k.Apply(ctx, tx, c) })
	}
	if k.Version != nil {
		if c.Base, err = k.Version(ctx, tx, c); err != nil {
			return nil, err
		}
	}
	return keep(ctx, tx, c)
}

// twoPeople reports whether there is, or ever was, a second person who may do a.
func (r *Register) twoPeople(ctx context.Context, q store.Queryer, a authz.Action) (bool, error) {
	if _, known := r.two.Load(a); known {
		return true, nil
	}
	two, err := account.TwoPeople(ctx, q, a)
	if two && err == nil {
		r.two.Store(a, true)
	}
	return two, err
}

func keep(ctx context.Context, tx *store.Tx, c Change) (*Request, error) {
	req := &Request{ID: "A-" + rand.Text()[:10], Change: c, Applicant: tx.Actor().String(), At: tx.Now(), State: Pending}
	_, err := tx.Append(ctx, "approval_request", store.Row{
		{Name: "about", Value: c.About},
		{Name: "applicant", Value: req.Applicant},
		{Name: "at", Value: store.FormatTime(req.At)},
		{Name: "base", Value: c.Base},
		{Name: "before", Value: c.Before},
		{Name: "body", Value: c.Body},
		{Name: "id", Value: req.ID},
		{Name: "kind", Value: c.Kind},
		{Name: "reason", Value: c.Reason},
		{Name: "register", Value: c.Register},
		{Name: "subject", Value: c.Subject},
	})
	return req, err
}

// applicant is who asked, as the author of the versions that come of it. It needs no roles: the approver's count.
func (q Request) applicant() store.Actor {
	kind, id, _ := strings.Cut(q.Applicant, ":")
	return store.Actor{Kind: kind, ID: id}
}
