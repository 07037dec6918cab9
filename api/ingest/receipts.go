package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
	"kanmon/lifecycle/revocation"
)

// receipts are those whose signatures hold and that wait to be committed.
type receipts struct {
	wake chan struct{} // one place

	mu      sync.Mutex
	waiting []revocation.Confirmation
}

func newReceipts() receipts { return receipts{wake: make(chan struct{}, 1)} }

// Bounds of receipts. One that is dropped comes again: who has not confirmed is asked again.
const (
	maxReceipt   = 8 << 10
	mostReceipts = 16 << 10
)

// HandleReceipt takes one payload that came on the receipt topic of a controller. It is committed by RunReceipts, together with all
// that wait then. Errors are as in HandleEvents.
func (in *Ingest) HandleReceipt(ctx context.Context, controller string, payload []byte, received time.Time) error {
	c, err := in.openReceipt(ctx, controller, payload)
	if err != nil {
		return in.refuse(ctx, controller, payload, err)
	}
	c.ReceivedAt = received
	if in.cfg.PublishedAt != nil {
		c.PublishedAt = in.cfg.PublishedAt(controller, c.Upto)
	}
	if !in.receipts.put(c) {
		return fault.New(fault.TooMany, "ingest.receipts", "too many receipts wait")
	}
	return nil
}

func (in *Ingest) openReceipt(ctx context.Context, controller string, payload []byte) (revocation.Confirmation, error) {
	var c revocation.Confirmation
	public, err := in.cfg.Devices.PublicKey(ctx, controller)
	if err != nil {
		return c, err
	}
	if len(payload) > maxReceipt {
		return c, fault.New(fault.TooLarge, "wire.too_large", "a receipt of more than 8 KiB")
	}
	r, err := wire.OpenReceipt(in.at(controller, wire.Receipt), payload, wire.OneKey(public))
	return revocation.Confirmation{
		Controller: controller, Key: wire.KeyID(public), Upto: r.Upto, Hash: r.Hash, AppliedAt: r.AppliedAt, Payload: payload,
	}, signed(err)
}

func (r *receipts) put(c revocation.Confirmation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= mostReceipts {
		return false
	}
	r.waiting = append(r.waiting, c)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return true
}

func (r *receipts) take() []revocation.Confirmation {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.waiting
	r.waiting = nil
	return all
}

// RunReceipts commits receipts in groups until ctx ends: what comes while one group is on its way to the disk is the next one. It returns nil.
func (in *Ingest) RunReceipts(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-in.receipts.wake:
		}
		group := in.receipts.take()
		if err := in.confirm(ctx, group); err != nil && ctx.Err() == nil {
			in.cfg.Log.ErrorContext(ctx, "receipts not committed; they will be asked for again", slog.Int("receipts", len(group)), slog.Any("error", err))
		}
	}
}

func (in *Ingest) confirm(ctx context.Context, group []revocation.Confirmation) error {
	ignored, err := in.cfg.Revocations.Confirm(ctx, group)
	if err != nil {
		return err
	}
	if ignored > 0 {
		in.cfg.Log.InfoContext(ctx, "receipts that confirm nothing here", slog.Int("receipts", ignored))
	}
	if in.cfg.Confirmed != nil {
		for _, c := range group {
			in.cfg.Confirmed(c.Controller, c.Upto)
		}
	}
	in.newReceipts.Tell(0)
	return nil
}

// HandleAnswer reads one payload that came on the answer topic of a controller. Errors are as in HandleEvents.
func (in *Ingest) HandleAnswer(ctx context.Context, controller string, payload []byte) (wire.CommandAnswer, error) {
	keys, err := in.keys(ctx, controller)
	var a wire.CommandAnswer
	if err == nil {
		a, err = wire.OpenAnswer(in.at(controller, wire.Answer), payload, keys)
	}
	if err != nil {
		return wire.CommandAnswer{}, in.refuse(ctx, controller, payload, signed(err))
	}
	return a, nil
}
