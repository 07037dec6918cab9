package account

import (
	"context"

	"kanmon/internal/fault"
)

// way is a road on which passwords are tried, with its own count of failures, places and hashes. Anybody can log in, and only who has a
// session can be asked again: what strangers do on their way keeps nobody waiting on the other.
type way struct {
	mark   string        // before the name under which failures are counted; no login name begins so
	places chan struct{} // of attempts looked at together
	hasher *hasher
}

func newWay(mark string, h *hasher) *way {
	return &way{mark: mark, places: make(chan struct{}, maxAttempts), hasher: h}
}

func (w *way) enter(ctx context.Context) error {
	select {
	case w.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, context.Cause(ctx), "wait to prove a password")
	}
}

func (w *way) leave() { <-w.places }
