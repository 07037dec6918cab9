package epoch

import "time"

// Bounds of how often a new epoch is opened for what controllers say. A controller that has lost its centre says so once; one in foreign hands
// can say it with every status, and each epoch makes every door of the site begin anew.
const (
	betweenAny  = 10 * time.Second // two openings
	betweenSame = 10 * time.Minute // two for the same controller
	mostDaily   = 2                // for the same controller, in aDay
	aDay        = 24 * time.Hour
)

// verdict on a claim.
type verdict int

const (
	granted verdict = iota
	later           // in a moment
	never           // not before the day is over
)

// claims is what controllers' words have done since the start.
type claims struct {
	last    time.Time // opening of all
	of      map[string]*claimant
	refused uint64
}

// claimant is one controller; there are as many as the register has.
type claimant struct {
	opened  []time.Time // in the last day
	refused uint64      // claims, since the last opening
}

// judge counts an opening, if there may be one.
func (c *claims) judge(controller string, now time.Time) verdict {
	who := c.claimant(controller)
	for len(who.opened) > 0 && now.Sub(who.opened[0]) >= aDay {
		who.opened = who.opened[1:]
	}
	n := len(who.opened)
	switch {
	case n >= mostDaily:
		return never
	case (n > 0 && now.Sub(who.opened[n-1]) < betweenSame) || (!c.last.IsZero() && now.Sub(c.last) < betweenAny):
		return later
	}
	who.opened, who.refused, c.last = append(who.opened, now), 0, now
	return granted
}

func (c *claims) claimant(controller string) *claimant {
	who := c.of[controller]
	if who == nil {
		who = &claimant{}
		c.of[controller] = who
	}
	return who
}

// claim judges one that can be true at all.
func (k *Keeper) claim(controller string, possible bool, now time.Time) verdict {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !possible {
		return never
	}
	return k.claims.judge(controller, now)
}

// unclaim takes an opening back that did not come about.
func (k *Keeper) unclaim(controller string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if who := k.claims.claimant(controller); len(who.opened) > 0 {
		who.opened = who.opened[:len(who.opened)-1]
	}
}

// refused counts a claim that opened nothing, and returns how many there were of this controller since its last opening.
func (k *Keeper) refused(controller string) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	who := k.claims.claimant(controller)
	who.refused++
	k.claims.refused++
	return who.refused
}

// Refused counts the claims that opened nothing: they were over a controller's bound, or could not be true.
func (k *Keeper) Refused() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.claims.refused
}
