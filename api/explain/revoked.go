package explain

import (
	"context"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// revocations reads the entries of the revocation set for the card that the policy was made with.
func (r *reading) revocations(ctx context.Context, s *scene, a asked) error {
	all, err := r.entries(ctx, a.card, `leaf < ?`, r.before)
	s.spec.Revocations = access.NewRevocations(s.concerning(all)...).List()
	return err
}

// concerning leaves out what is of credentials that the card has no more.
func (s *scene) concerning(all []access.Revocation) []access.Revocation {
	return slices.DeleteFunc(all, func(e access.Revocation) bool { return s.ended[e.Key] })
}

func (r *reading) entries(ctx context.Context, card, where string, args ...any) ([]access.Revocation, error) {
	if card == "" {
		return nil, nil
	}
	var rows []struct {
		Epoch, N uint64
		State    access.CredentialState
		Key      []byte `db:"credential_key"`
	}
	err := r.q.Select(ctx, &rows, `SELECT epoch, n, state, credential_key FROM v_explain_revocation WHERE card = ? AND `+where, append([]any{card}, args...)...)
	if err != nil {
		return nil, err
	}
	all := make([]access.Revocation, len(rows))
	for i, row := range rows {
		all[i] = access.Revocation{Version: access.Version{Epoch: row.Epoch, N: row.N}, Card: card, State: row.State}
		if all[i].Key, err = key(row.Key); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// heard adds what the controller had been told of the card beside its policy: the entries that it recorded before the event as applied. One event may
// stand for all entries up to a version, and names no card then.
func (r *reading) heard(ctx context.Context, s *scene, controller string, e event.Event) error {
	if e.Card == "" {
		return nil
	}
	var bodies [][]byte
	err := r.q.Select(ctx, &bodies, `SELECT body FROM v_explain_applied WHERE controller = ? AND card IN (?) AND (epoch < ? OR (epoch = ? AND seq < ?)) ORDER BY epoch, seq`,
		controller, []string{"", e.Card}, int64(e.Epoch), int64(e.Epoch), int64(e.Seq)) // as stored
	if err != nil {
		return err
	}
	set := access.NewRevocations(s.spec.Revocations...)
	for _, body := range bodies {
		applied, err := event.Decode(body)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "read an entry")
		}
		more, err := r.applied(ctx, s, e.Card, applied)
		if err != nil {
			return err
		}
		set.Merge(s.concerning(more)...)
	}
	s.spec.Revocations = set.List()
	return nil
}

func (r *reading) applied(ctx context.Context, s *scene, card string, e event.Event) ([]access.Revocation, error) {
	switch {
	case e.Entry != nil:
		return []access.Revocation{*e.Entry}, nil
	case e.Policy == nil:
		return nil, nil
	case e.Card == "":
		v := *e.Policy
		return r.entries(ctx, card, `(epoch < ? OR (epoch = ? AND n <= ?))`, int64(v.Epoch), int64(v.Epoch), int64(v.N)) // as stored
	}
	entry := access.Revocation{Version: *e.Policy, Card: card, State: access.Active}
	switch e.Reason { //nolint:exhaustive // a revocation that was applied has one of two, or none when it was lifted
	case access.CredentialRevoked:
		entry.State = access.Revoked
	case access.CredentialSuspend:
		entry.State = access.Suspended
	}
	entry.Key = r.meant(s, e.Credential)
	return []access.Revocation{entry}, nil
}

// meant is the credential of the card that an entry was applied for, by its fingerprint; else the one that stands for the card.
func (r *reading) meant(s *scene, fingerprint string) (key access.Key) {
	for _, c := range s.spec.Credentials {
		if slices.ContainsFunc(r.forms(c.Key), func(form access.Key) bool { return form.Fingerprint() == fingerprint }) {
			return c.Key
		}
	}
	if s.card != nil {
		key = s.card.Key
	}
	return key
}
