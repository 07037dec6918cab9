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

// Kind is which key is replaced, by the name of its sealed file.
type Kind string

// Kinds.
const (
	Command   Kind = "command-key"
	Authority Kind = "device-ca"
	HashKey   Kind = "credential-hash-key"
)

// Step is one of the steps of a replacement.
type Step string

// Steps, in their order; Show takes none.
const (
	Show     Step = "show"
	Announce Step = "announce" // a new key is made, and told to the controllers while the present one serves
	Use      Step = "use"      // it serves; the one before is still believed
	Retire   Step = "retire"   // the one before is believed no longer
	Drop     Step = "drop"     // takes an announcement back
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

// change is how the keys of one kind are replaced.
type change struct {
	steps     map[Step]func(*sitekey.Keys, sitekey.Act) error
	ready     map[Step]func(*sitekey.Keys, Heard) error
	standings func(*sitekey.Keys, []device.Believes) []Standing
	all       func(*sitekey.Keys) []string       // ids of all keys of the kind that there ever were
	said      func(device.Believes) []string     // ids of those that a controller believes
	step      func(*sitekey.Keys) time.Time      // when the last step was taken of a change that is under way
	policies  func(*sitekey.Keys) (string, bool) // what is announced, where a new key means new policies; nil: it does not
}

var changes = map[Kind]change{Command: command, Authority: authority, HashKey: hashKey}

// Standings lists the keys of a kind that controllers may believe, and those that some believe and should not.
func Standings(keys *sitekey.Keys, kind Kind, believed []device.Believes) []Standing {
	c := changes[kind]
	list := c.standings(keys, Heard{Believed: believed}.since(c.step(keys)).Believed) // as a step would judge
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
			if slices.Contains(c.all(keys), id) {
				s.Stage = "retired"
			}
			list = append(list, s)
		}
	}
	return list
}

// noneForeign refuses while a controller believes a key that was never the site's: somebody else has given it one, under a key of the site's.
func (c change) noneForeign(keys *sitekey.Keys, believed []device.Believes) error {
	all := c.all(keys)
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

// standings of keys, oldest first, with the ids of the one that is announced and the one that is leaving, where there are.
func standings(ids []string, next, before string, believed []device.Believes, of func(device.Believes) []string) []Standing {
	all := make([]Standing, 0, len(ids))
	for _, id := range ids {
		s := Standing{Key: id, Stage: "present"}
		switch id {
		case next:
			s.Stage = "announced"
		case before:
			s.Stage = "leaving"
		}
		if s.Stage == "announced" || s.Stage == "present" && next == "" { // the next step waits for it
			s.Missing = missing(believed, s.Key, of)
		}
		all = append(all, s)
	}
	return all
}
