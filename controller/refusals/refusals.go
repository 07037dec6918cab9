// Package refusals bounds the alarms about what came from outside and does not hold: whoever can send rubbish could otherwise fill the
// journal with it.
package refusals

import (
	"fmt"
	"time"
)

const (
	noted  = 3           // refusals that have an event of their own in …
	window = time.Minute // … this time; the next event tells of the rest
)

// Window of alarms. The zero value is ready.
type Window struct {
	since          time.Duration // it began, Mono
	noted, unnoted int
}

// Admit returns the detail of an event, or false for none.
func (r *Window) Admit(now time.Duration, detail string) (string, bool) {
	if now-r.since >= window {
		r.since, r.noted = now, 0
	}
	if r.noted >= noted {
		r.unnoted++
		return "", false
	}
	r.noted++
	if r.unnoted > 0 {
		detail = fmt.Sprintf("%d more before; %s", r.unnoted, detail)
		r.unnoted = 0
	}
	return detail, true
}
