package ingest

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
	"kanmon/lifecycle/revocation"
)

// adopt looks through events for revocations that this database does not know, because it was put back to an older state: a door applied
// them, so they were made. One with a version that was never given out opens a new epoch first, and is then of an epoch that has ended.
func (in *Ingest) adopt(ctx context.Context, controller string, b wire.EventBatch, events []event.Event) error {
	var applied []int
	for i, e := range events {
		if e.Kind == event.RevocationApplied && e.Card != "" && e.Policy != nil {
			applied = append(applied, i)
		}
	}
	if len(applied) == 0 {
		return nil
	}
	given, err := in.given(ctx, controller)
	if err != nil {
		return err
	}
	for _, i := range applied {
		v := *events[i].Policy
		if given.Revocation.Less(v) {
			opened, err := in.cfg.Epochs.Seen(ctx, controller, access.Version{}, v, given, time.Now())
			if err != nil {
				return err
			}
			if !opened {
				continue // it cannot be
			}
			if given, err = in.given(ctx, controller); err != nil {
				return err
			}
		}
		if v.Epoch >= given.Revocation.Epoch {
			continue // of this epoch: the centre made it itself
		}
		if err := in.adoptOne(ctx, controller, b.Key, events[i], b.Events[i]); err != nil {
			return err
		}
	}
	return nil
}

// states is what is taken over of an entry, by the reason in the event. A controller's word is not the centre's: one that was stolen can
// claim anything. So a card only stops, and a manager can let it go again or revoke it for good; a lift that was lost is never taken over.
var states = map[access.Reason]access.CredentialState{
	access.CredentialRevoked: access.Suspended, access.CredentialSuspend: access.Suspended,
}

// adoptOne brings one entry back. What contradicts the register changes nothing and is said in the log: the event itself is kept.
func (in *Ingest) adoptOne(ctx context.Context, controller, key string, e event.Event, raw []byte) error {
	state, known := states[e.Reason]
	if !known {
		return nil
	}
	fresh, err := in.cfg.Cards.Adopt(ctx, revocation.Adoption{
		Entry:      access.Revocation{Version: *e.Policy, Card: e.Card, State: state},
		Controller: controller, Key: key, AppliedAt: e.At, Payload: raw,
	})
	attrs := []any{slog.String("controller", controller), slog.String("card", e.Card), slog.Any("version", *e.Policy)}
	switch kind := fault.KindOf(err); {
	case err == nil && fresh:
		in.cfg.Log.WarnContext(ctx, "a revocation lost with the database was found at a door", attrs...)
	case err != nil && (kind == fault.Conflict || kind == fault.NotFound || kind == fault.Invalid):
		in.cfg.Log.ErrorContext(ctx, "a door applied a revocation that cannot be taken over", append(attrs, slog.Any("error", err))...)
		return nil
	}
	return err
}
