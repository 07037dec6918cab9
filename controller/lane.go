package controller

import (
	"context"
	"errors"
	"time"
)

// laneSize is how many commands may wait for one device.
const laneSize = 8

var errLaneFull = errors.New("too many commands wait for the device")

// job is one command to a device. It is dropped when its time is over before its turn comes: a strike that
// opens late opens for somebody else.
type job struct {
	expires time.Time
	run     func(context.Context) error
	failed  func(error)
}

// lane carries out the commands for one door or one reader, in order, away from the goroutine that decides.
type lane struct{ jobs chan job }

func newLane() lane { return lane{make(chan job, laneSize)} }

// add never waits.
func (l lane) add(j job) {
	select {
	case l.jobs <- j:
	default:
		j.failed(errLaneFull)
	}
}

// work ends when the lane is closed and empty.
func (l lane) work(ctx context.Context) {
	for j := range l.jobs {
		within, cancel := context.WithDeadline(ctx, j.expires)
		err := within.Err()
		if err == nil {
			err = j.run(within)
		}
		cancel()
		if err != nil {
			j.failed(err)
		}
	}
}
