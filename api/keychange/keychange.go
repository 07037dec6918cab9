// Package keychange takes the steps by which a new key of the site takes the place of the present one: announced while the present one serves,
// used when the controllers have it, and the old one retired. It is for a centre that is not running.
package keychange

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/lifecycle/device"
)

// Step is one of the steps of a replacement.
type Step = sitekey.Step

// Steps, in their order; Show takes none.
const (
	Show     Step = "show"
	Announce      = sitekey.Announce
	Use           = sitekey.Use
	Retire        = sitekey.Retire
	Drop          = sitekey.Drop
)

// Standing is a key, and what the enrolled controllers say of it.
type Standing struct {
	Key, Stage string
	Missing    []string // do not have it yet
	Outdated   []string // of an authority: have no certificate by it yet
	Held       []string // of a key that is none of the site's any more, or never was: believe it
}

// Heard is what the enrolled controllers have said: which keys they have, and who has not applied the policy that it should have.
type Heard struct {
	Believed []device.Believes
	Behind   []string
}

// since forgets what was said before a step: the centre's word about it was not heard then, and a disk may have been put back.
func (h Heard) since(step time.Time) Heard {
	said := slices.Clone(h.Believed)
	for i, b := range said {
		if b.At.Before(step) {
			said[i] = device.Believes{Controller: b.Controller}
		}
	}
	return Heard{said, h.Behind}
}

// Standings lists the keys of a kind that controllers may believe, and those that some believe and should not.
func Standings(keys *sitekey.Keys, kind Kind, believed []device.Believes) []Standing {
	c := changes[kind]
	r := c.rotation(keys)
	list := c.standings(r, Heard{Believed: believed}.since(r.Since()).Believed) // as a step would judge
	listed := map[string]bool{}
	for _, s := range list {
		listed[s.Key] = true
	}
	for _, b := range believed {
		for _, id := range c.said(b) {
			if listed[id] {
				continue
			}
			listed[id] = true
			s := Standing{Key: id, Stage: "unknown", Held: holders(believed, id, c.said)}
			if slices.Contains(r.All(), id) {
				s.Stage = "retired"
			}
			list = append(list, s)
		}
	}
	return list
}

// standings of those that controllers are to have, oldest first, with who lacks what the next step waits for.
func (c change) standings(r sitekey.Rotation, believed []device.Believes) []Standing {
	next, changing := r.Announced()
	before, _ := r.Leaving()
	all := make([]Standing, 0, len(r.Believed()))
	for _, id := range r.Believed() {
		s := Standing{Key: id, Stage: c.serving}
		switch id {
		case next:
			s.Stage = "announced"
		case before:
			s.Stage = "leaving"
		}
		if id == next || id != before && !changing {
			s.Missing = missing(believed, id, c.said)
		}
		if id != next && id != before && c.by != nil {
			s.Outdated = missing(believed, id, c.by)
		}
		all = append(all, s)
	}
	return all
}

// noneForeign refuses while a controller believes a key that was never the site's: somebody else has given it one, under a key of the site's.
func (c change) noneForeign(r sitekey.Rotation, believed []device.Believes) error {
	all := r.All()
	for _, b := range believed {
		for _, id := range c.said(b) {
			if !slices.Contains(all, id) {
				return fault.New(fault.Conflict, "sitekey.foreign", fmt.Sprintf("%s believe %s, which is no key of this site: it was lost here, or somebody who "+
					"has a key of the site gave it to them. Enrol them again (-force goes on)", strings.Join(holders(believed, id, c.said), ", "), id))
			}
		}
	}
	return nil
}

func holders(believed []device.Believes, key string, of func(device.Believes) []string) []string {
	var names []string
	for _, b := range believed {
		if slices.Contains(of(b), key) {
			names = append(names, b.Controller)
		}
	}
	return names
}

// allHave refuses while an enrolled controller lacks a key.
func allHave(believed []device.Believes, key string, of func(device.Believes) []string) error {
	m := missing(believed, key, of)
	if len(m) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "sitekey.missing",
		fmt.Sprintf("not yet: %s do not know the key %s (-force goes on without them)", strings.Join(m, ", "), key))
}

func missing(believed []device.Believes, key string, of func(device.Believes) []string) []string {
	var names []string
	for _, b := range believed {
		if !slices.Contains(of(b), key) {
			names = append(names, b.Controller)
		}
	}
	return names
}
