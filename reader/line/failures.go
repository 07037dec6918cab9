package line

import (
	"fmt"
	"time"
)

// failEvery is how often failures are told at most: more are counted and told together. A controller takes those of one reader within a second for one, also when it is slow.
const failEvery = 1500 * time.Millisecond

// failures holds back what comes too often.
type failures struct {
	told  time.Time // when the last one was, or is going to be
	held  int
	first error
}

// add takes a failure and says how long it is held back; 0: tell it now.
func (f *failures) add(err error, now time.Time) time.Duration {
	if f.held++; f.held > 1 {
		return max(0, f.told.Sub(now))
	}
	f.first = err
	wait := f.told.Add(failEvery).Sub(now)
	if f.told.IsZero() || wait < 0 {
		wait = 0
	}
	f.told = now.Add(wait)
	return wait
}

// flush gives what is held back as one error, nil for nothing.
func (f *failures) flush() error {
	n, first := f.held, f.first
	if f.held, f.first = 0, nil; n > 1 {
		return fmt.Errorf("%d frames in a row, the first: %w", n, first)
	}
	return first
}
