package controller

import (
	"context"
	"errors"
	"fmt"
)

// part is one long-running piece of a controller.
type part struct {
	name string
	run  func(context.Context) error
}

// nest runs parts, each inside the ones before it: when ctx ends, or any part returns, the last one is told to
// stop and is waited for, then the one before it, and so on. A part thus never outlives what it stands on. The
// first error that is not the end of ctx is returned.
func nest(ctx context.Context, parts ...part) error {
	work := context.WithoutCancel(ctx)
	ended := make(chan struct{}, len(parts))
	running := make([]*running, 0, len(parts))
	for _, p := range parts {
		running = append(running, start(work, p, ended))
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	var errs []error
	for i := len(running) - 1; i >= 0; i-- {
		errs = append(errs, running[i].stop())
	}
	return errors.Join(errs...)
}

type running struct {
	cancel context.CancelFunc
	result chan error
}

func start(ctx context.Context, p part, ended chan<- struct{}) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel, result: make(chan error, 1)}
	go func() {
		err := p.run(ctx)
		if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // it was told to stop, and did
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", p.name, err)
		}
		r.result <- err
		ended <- struct{}{}
	}()
	return r
}

func (r *running) stop() error {
	r.cancel()
	return <-r.result
}
