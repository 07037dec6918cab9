package policy

import (
	"time"

	"kanmon/internal/access"
)

// target is a controller as the registers and its last status show it.
type target struct {
	Controller string
	Wanted     access.Version
	Applied    access.Version
	Hash       string // of the applied policy, as the controller says
	Online     bool
}

// progress is what the publisher remembers of a controller. It is lost with the program without harm: the
// first look at a controller then costs one compilation, to learn the hash.
type progress struct {
	wanted   access.Version // what the rest is about
	hash     string         // of the policy of that version; empty: not compiled yet
	attempts int
	next     time.Time // not before
	sent     time.Time // when the last version was sent
	raised   time.Time // when the wanted version was last raised because the content differed
	rest     *transfer // parts of a snapshot still to be sent
}

// step is what to do now for a controller.
type step uint8

const (
	rest    step = iota // nothing to do, or not yet
	inspect             // compile only, to compare the hash
	send                // compile and send
	goOn                // send some more parts
	raise               // the controller has this version with another content: only a higher one replaces it
)

// Back-off between two sendings of the same version. A controller answers within a second; the pauses are for
// one that cannot.
const (
	firstPause = 2 * time.Second
	mostPause  = time.Minute
	spacing    = time.Second // between two versions: changes that come one after the other travel together
	raiseEvery = time.Minute
)

// plan decides, and returns what to remember before doing it.
func plan(t target, p progress, now time.Time) (step, progress) {
	if !t.Online { // back online it is served at once
		return rest, progress{wanted: t.Wanted, hash: p.hashOf(t.Wanted), raised: p.raised}
	}
	if p.rest != nil {
		return goOn, p
	}
	if p.wanted != t.Wanted {
		p = progress{wanted: t.Wanted, sent: p.sent, raised: p.raised}
		if soon := p.sent.Add(spacing); !p.sent.IsZero() && soon.After(now) {
			p.next = soon
		}
	}
	switch {
	case t.Wanted.Less(t.Applied): // it refuses what is older; a new epoch is on its way (package epoch)
		return rest, p
	case t.Applied == t.Wanted && p.hash != "" && (t.Hash == p.hash || t.Hash == ""):
		p.attempts, p.next = 0, time.Time{}
		return rest, p
	case now.Before(p.next):
		return rest, p
	case t.Applied == t.Wanted && p.hash == "":
		return inspect, p
	case t.Applied == t.Wanted:
		if now.Sub(p.raised) < raiseEvery {
			return rest, p
		}
		p.raised = now
		return raise, p
	}
	p.next = now.Add(min(firstPause<<min(p.attempts, 10), mostPause))
	p.attempts++
	p.sent = now
	return send, p
}

func (p progress) hashOf(v access.Version) string {
	if p.wanted != v {
		return ""
	}
	return p.hash
}

// failed is what to remember when the step could not be done, which is not the controller's fault: try again
// after the first pause.
func (p progress) failed(now time.Time) progress {
	p.attempts, p.next, p.rest = 0, now.Add(firstPause), nil
	return p
}
