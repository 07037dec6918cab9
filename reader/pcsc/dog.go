package pcsc

import (
	"errors"
	"sync"
	"time"
)

// errLate says that a call came back after the dog had barked: what it gave counts no more.
var errLate = errors.New("PC/SC answered too late")

// dog knows what is being called, and until when. The zero dog sleeps.
type dog struct {
	mu      sync.Mutex
	what    string // empty: nothing
	reading bool   // a card is being read
	until   time.Time
	barked  bool
}

// watch makes a call that may take a time. If the dog has barked meanwhile the error is errLate, whatever came of the call.
func (d *dog) watch(what string, reading bool, limit time.Duration, call func() error) (err error) {
	d.mu.Lock()
	d.what, d.reading, d.until, d.barked = what, reading, time.Now().Add(limit), false
	d.mu.Unlock()
	defer func() { // also of a call that panics
		d.mu.Lock()
		defer d.mu.Unlock()
		d.what = ""
		if d.barked {
			err = errLate
		}
	}()
	return call()
}

// bark reports a call that is over its time, once.
func (d *dog) bark(now time.Time) (what string, reading, late bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.what == "" || d.barked || now.Before(d.until) {
		return "", false, false
	}
	d.barked = true
	return d.what, d.reading, true
}

// doing is what is being called.
func (d *dog) doing() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.what
}
