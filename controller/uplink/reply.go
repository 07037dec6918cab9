package uplink

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/wire"
)

// Receipt has a receipt sent, again and again until the broker has it or a newer one takes its place. It never waits.
func (u *Uplink) Receipt(r wire.RevokedReceipt) { u.receipts.put(r) }

// Answer has an answer to a command sent, once. It never waits; what finds too many waiting is dropped, and the command ends by
// itself.
func (u *Uplink) Answer(a wire.CommandAnswer) {
	select {
	case u.answers <- a:
	default:
	}
}

func (u *Uplink) sendReceipts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.receipts.wake:
		}
		r := u.receipts.take()
		if r == nil {
			continue
		}
		if err := u.tell(ctx, wire.Receipt, r); err != nil {
			u.cfg.Log.WarnContext(ctx, "receipt not sent, trying again", slog.Any("error", err))
			u.receipts.giveBack(r)
			select {
			case <-ctx.Done():
			case <-time.After(retryPause):
				poke(u.receipts.wake)
			}
		}
	}
}

func (u *Uplink) sendAnswers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-u.answers:
			if err := u.tell(ctx, wire.Answer, a); err != nil {
				u.cfg.Log.WarnContext(ctx, "answer to a command not sent", slog.String("command", a.ID), slog.Any("error", err))
			}
		}
	}
}
