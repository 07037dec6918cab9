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

// Ready reports whether the controllers are ready for a step: fault.Conflict names those who are not. A key is used only when every one of them
// believes it. One is retired only when all believe the one that signs, and have a policy that it signed: they judge by it after a restart, and
// cannot read it under a key that they believe no longer. Who misses a forced step learns of it later by the words of the older keys, unless it
// misses many, and takes nothing new from the centre until then.
func Ready(keys *sitekey.Keys, heard Heard, step Step) error {
	if next, ok := keys.Announced(); step == Use && ok {
		return allBelieve(heard.Believed, next)
	}
	if _, ok := keys.Leaving(); step != Retire || !ok {
		return nil
	}
	if err := allBelieve(heard.Believed, keys.Command().KeyID()); err != nil || len(heard.Behind) == 0 {
		return err
	}
	return fault.New(fault.Conflict, "sitekey.policy", fmt.Sprintf("not yet: %s do not have the newest policy, and the one they have may be signed "+
		"by the key before (-force goes on without them)", strings.Join(heard.Behind, ", ")))
}

// Take takes a step.
func Take(keys *sitekey.Keys, step Step, act sitekey.Act) error {
	switch step {
	case Show:
		return nil
	case Announce:
		return keys.AnnounceCommandKey(act)
	case Use:
		return keys.UseCommandKey(act)
	case Retire:
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
