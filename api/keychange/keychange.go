// Package keychange takes the steps by which a new key of the site takes the place of the present one: announced while the present one serves,
// used when the controllers have it, and the old one retired. It is for a centre that is not running.
package keychange

import (
	"fmt"
	"slices"
	"strings"

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
)

// Standing is a key, and which enrolled controllers do not have it yet.
type Standing struct {
	Key, Stage string
	Missing    []string
}

// Heard is what the enrolled controllers have said: which keys they have, and who has not applied the policy that it should have.
type Heard struct {
	Believed []device.Believes
	Behind   []string
}

// change is how the keys of one kind are replaced.
type change struct {
	steps     map[Step]func(*sitekey.Keys, sitekey.Act) error
	ready     map[Step]func(*sitekey.Keys, Heard) error
	standings func(*sitekey.Keys, []device.Believes) []Standing
}

var changes = map[Kind]change{Command: command, Authority: authority, HashKey: hashKey}

// Ready reports whether the controllers are ready for a step: fault.Conflict names those who are not. Who misses a forced step may have to
// enrol again.
func Ready(keys *sitekey.Keys, kind Kind, heard Heard, step Step) error {
	if ready := changes[kind].ready[step]; ready != nil {
		return ready(keys, heard)
	}
	return nil
}

// Take takes a step.
func Take(keys *sitekey.Keys, kind Kind, step Step, act sitekey.Act) error {
	if step == Show {
		return nil
	}
	take := changes[kind].steps[step]
	if take == nil {
		return fault.BadField("step", "sitekey.step", fmt.Sprintf("a new %s has no step %q; show takes none", kind, step))
	}
	return take(keys, act)
}

// Standings lists the keys of a kind that controllers may believe.
func Standings(keys *sitekey.Keys, kind Kind, believed []device.Believes) []Standing {
	return changes[kind].standings(keys, believed)
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
		s.Missing = missing(believed, s.Key, of)
		all = append(all, s)
	}
	return all
}
