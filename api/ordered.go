package api

import (
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"
)

// part is a long-running part of the centre. run works until its context ends.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// runOrdered runs all parts at once until ctx ends or a part does, and then stops them one after the other in
// the order given: a part is told to stop when the one before it has. The first error is returned.
func runOrdered(ctx context.Context, log *slog.Logger, parts ...part) error {
	running, stopAll := context.WithCancel(ctx)
	defer stopAll()
	var group errgroup.Group
	previous := running.Done()
	for _, p := range parts {
		stop := previous
		stopped := make(chan struct{})
		group.Go(func() error {
			err := p.runUntil(ctx, stop)
			stopAll() // one part less is no centre
			<-stop    // a part that ended out of turn does not let the next one go before its turn
			close(stopped)
			log.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "part stopped", slog.String("part", p.name))
			return err
		})
		previous = stopped
	}
	return group.Wait()
}

// runUntil runs a part under a context that ends when stop closes, whatever becomes of ctx.
func (p part) runUntil(ctx context.Context, stop <-chan struct{}) error {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-stop:
			cancel()
		case <-own.Done():
		}
	}()
	err := p.run(own)
	cancel()
	<-watched
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}
