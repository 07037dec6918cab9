// Package commandkey takes the steps by which a new command key takes the place of the present one: announced under it, used when the controllers
// have heard, and the old one retired. It is for a centre that is not running.
package commandkey

import (
	"fmt"
	"slices"
	"strings"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/device"
)

// Step is one of them.
type Step string

// Steps, in their order; Show takes none.
const (
	Show     Step = "show"
	Announce Step = "announce" // a new key is made, and told to the controllers under the present one
	Use      Step = "use"      // it signs; the one before is still believed
	Retire   Step = "retire"   // the one before is believed no longer
)

// Standing is a command key, and which enrolled controllers do not believe it yet.
type Standing struct {
	Key, Stage string
	Missing    []string
}

// Take takes a step. believed is what the enrolled controllers have said. Unless forced, a key is used only when every one of them believes it,
// and one is retired only when all believe the one that signs: fault.Conflict names those who do not. Who misses a forced step learns of it
// later by the words of the older keys, unless it misses many, and takes nothing new from the centre until then.
func Take(keys *sitekey.Keys, believed []device.Believes, step Step, act sitekey.Act, force bool) error {
	switch step {
	case Show:
		return nil
	case Announce:
		return keys.AnnounceCommandKey(act)
	case Use:
		if next, ok := keys.Announced(); ok && !force {
			if err := allBelieve(believed, next); err != nil {
				return err
			}
		}
		return keys.UseCommandKey(act)
	case Retire:
		if _, ok := keys.Leaving(); ok && !force {
			if err := allBelieve(believed, keys.Command().KeyID()); err != nil {
				return err
			}
		}
		return keys.RetireCommandKey(act)
	}
	return fault.BadField("step", "sitekey.step", "the steps are announce, use and retire; show takes none")
}

func allBelieve(believed []device.Believes, id string) error {
	m := missing(believed, id)
	if len(m) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "sitekey.missing",
		fmt.Sprintf("not yet: %s do not know the key %s (-force goes on without them)", strings.Join(m, ", "), id))
}

func missing(believed []device.Believes, id string) []string {
	var names []string
	for _, b := range believed {
		if !slices.Contains(b.CommandKeys, id) {
			names = append(names, b.Controller)
		}
	}
	return names
}

// Standings lists the keys that controllers may believe.
func Standings(keys *sitekey.Keys, believed []device.Believes) []Standing {
	list, _ := keys.Believed()
	next, _ := keys.Announced()
	before, _ := keys.Leaving()
	all := make([]Standing, 0, len(list))
	for _, k := range list {
		s := Standing{Key: pki.KeyID(k), Stage: "present"}
		switch s.Key {
		case next:
			s.Stage = "announced"
		case before:
			s.Stage = "leaving"
		}
		s.Missing = missing(believed, s.Key)
		all = append(all, s)
	}
	return all
}
