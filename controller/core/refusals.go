package core

import (
	"fmt"
	"time"

	"kanmon/internal/event"
)

const (
	refusalsNoted  = 3           // refusals that have an event of their own in …
	refusalsWindow = time.Minute // … this time; the next event tells of the rest
)

// refusals bounds the alarms about what came from outside and does not hold: whoever can send rubbish could otherwise fill the
// journal with it.
type refusals struct {
	since          time.Duration // the window began, Mono
	noted, unnoted int
}

// admit returns the detail of an event, or false for none.
func (r *refusals) admit(now time.Duration, detail string) (string, bool) {
	if now-r.since >= refusalsWindow {
		r.since, r.noted = now, 0
	}
	if r.noted >= refusalsNoted {
		r.unnoted++
		return "", false
	}
	r.noted++
	if r.unnoted > 0 {
		detail = fmt.Sprintf("%d more before; %s", r.unnoted, detail)
		r.unnoted = 0
	}
	return clip(detail, event.MaxDetail), true
}
