package controller

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/event"
	"kanmon/internal/kernelclock"
)

// Case 26: the kernel is asked at once and every minute; what it does not say counts as no; the alarm comes after a day and ends within a minute.
func TestTheKernelIsAskedWhetherItsClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Millisecond)
		began := time.Now()
		var asked atomic.Int64
		e := &Edge{controller: r.Controller, log: slog.New(slog.DiscardHandler), kernel: func() (bool, error) {
			asked.Add(1)
			switch at := time.Since(began); {
			case at < time.Hour:
				return true, nil
			case at < 26*time.Hour:
				return false, errors.New("the kernel does not say")
			default:
				return true, nil
			}
		}}
		done := make(chan error, 1)
		ctx, stop := context.WithCancel(t.Context())
		go func() { done <- e.watchClock(ctx) }()
		r.wait(time.Hour + 23*time.Hour)
		if r.journal.has(event.ClockUnset) != 0 || asked.Load() != 24*60+1 {
			t.Fatalf("after 23 hours %v, asked %d times", r.journal.kinds(), asked.Load())
		}
		r.wait(time.Hour)
		if r.journal.has(event.ClockUnset) != 1 || r.journal.has(event.ClockSet) != 0 {
			t.Fatalf("after a day %v", r.journal.kinds())
		}
		r.wait(time.Hour + kernelclock.Every)
		if r.journal.has(event.ClockUnset) != 1 || r.journal.has(event.ClockSet) != 1 {
			t.Fatalf("set again %v", r.journal.kinds())
		}
		stop()
		r.stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}
