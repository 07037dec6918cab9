package controller

import (
	"context"
	"time"

	"kanmon/controller/core"
	"kanmon/internal/kernelclock"
)

// watchClock asks the kernel, at once and then now and then, whether anybody sets the machine's clock. What it does not say counts as no.
func (e *Edge) watchClock(ctx context.Context) error {
	tick := time.NewTicker(kernelclock.Every)
	defer tick.Stop()
	for told := true; ; {
		set, err := e.kernel()
		if err != nil && told {
			e.log.WarnContext(ctx, "whether the clock is set is not known", "error", err)
		}
		told = err == nil
		e.post(core.ClockHeard{Set: set})
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
