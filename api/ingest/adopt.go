package ingest

import (
	"context"
	"fmt"
	"log/slog"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/revocation"
)

// adopt looks through events for revocations that this database does not know, because it was put back to an older state. A controller's
// word for that would not do: one in foreign hands can say anything. The centre's own seal, made before it forgot, does.
func (in *Ingest) adopt(ctx context.Context, controller string, b wire.EventBatch, events []event.Event) error {
	for i, e := range events {
		if e.Kind != event.RevocationApplied || e.Entry == nil {
			continue
		}
		a := revocation.Adoption{Entry: *e.Entry, Controller: controller, Key: b.Key, AppliedAt: e.At, Payload: b.Events[i]}
		wanted, err := in.wanted(ctx, a)
		if err == nil && wanted {
			err = in.adoptOne(ctx, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wanted reports whether an entry may be taken over: of an epoch that has ended, and known or sealed. One that is sealed, and that the
// present epoch never gave out or gave to another card, shows that the database was put back: a new epoch is opened first.
func (in *Ingest) wanted(ctx context.Context, a revocation.Adoption) (bool, error) {
	var present uint64
	var known bool
	err := in.cfg.Store.Read(ctx, func(q store.Queryer) (err error) {
		if present, err = device.Epoch(ctx, q); err != nil {
			return err
		}
		known, err = revocation.Has(ctx, q, a.Entry)
		return err
	})
	v := a.Entry.Version
	switch {
	case err != nil:
		return false, err
	case known:
		return v.Epoch < present, nil // a controller's word that it applied it
	}
	if err := wire.CheckSeal(in.cfg.Site, a.Entry, in.cfg.Known); err != nil {
		return false, in.unsealed(ctx, a, err)
	}
	if v.Epoch < present {
		return true, nil
	}
	return in.cfg.Epochs.Proved(ctx, v, fmt.Sprintf("controller %s shows the sealed revocation %d.%d, which this database does not have",
		a.Controller, v.Epoch, v.N))
}

// unsealed takes note of a controller that shows what the centre never made.
func (in *Ingest) unsealed(ctx context.Context, a revocation.Adoption, why error) error {
	v := a.Entry.Version
	return in.quarantine(ctx, entrylog.Suspect{
		Controller: a.Controller, Reason: entrylog.BadSeal, Payload: a.Payload, Mark: fmt.Sprintf("revocation %d.%d", v.Epoch, v.N),
		Detail: fmt.Sprintf("revocation %d.%d of card %s: %v", v.Epoch, v.N, a.Entry.Card, why),
	})
}

// adoptOne brings one entry back. What contradicts the register changes nothing and is said in the log: the event itself is kept.
func (in *Ingest) adoptOne(ctx context.Context, a revocation.Adoption) error {
	fresh, err := in.cfg.Cards.Adopt(ctx, a)
	attrs := []any{slog.String("controller", a.Controller), slog.String("card", a.Entry.Card), slog.Any("version", a.Entry.Version)}
	switch kind := fault.KindOf(err); {
	case err == nil && fresh:
		in.cfg.Log.WarnContext(ctx, "a revocation lost with the database was found at a door", attrs...)
	case err != nil && (kind == fault.Conflict || kind == fault.NotFound || kind == fault.Invalid):
		in.cfg.Log.ErrorContext(ctx, "a door applied a revocation that cannot be taken over", append(attrs, slog.Any("error", err))...)
		return nil
	}
	return err
}
