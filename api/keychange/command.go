package keychange

import (
	"fmt"
	"strings"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/device"
)

// command is the key that signs what the centre sends. It is used only when every controller believes it. The one before is retired only when all
// believe the one that signs, and have a policy that it signed: they judge by it after a restart, and cannot read it under a key that they believe
// no longer. Who misses a forced step learns of it later by the words of the older keys, unless it misses many, and takes nothing new from the
// centre until then.
var command = change{
	steps: map[Step]func(*sitekey.Keys, sitekey.Act) error{
		Announce: (*sitekey.Keys).AnnounceCommandKey, Use: (*sitekey.Keys).UseCommandKey, Retire: (*sitekey.Keys).RetireCommandKey,
		Drop: (*sitekey.Keys).DropCommandKey,
	},
	ready: map[Step]func(*sitekey.Keys, Heard) error{Use: mayUseCommandKey, Retire: mayRetireCommandKey},
	standings: func(keys *sitekey.Keys, believed []device.Believes) []Standing {
		list, _ := keys.Believed()
		ids := make([]string, len(list))
		for i, k := range list {
			ids[i] = pki.KeyID(k)
		}
		next, _ := keys.Announced()
		before, _ := keys.Leaving()
		return standings(ids, next, before, believed, commandKeys)
	},
	all: (*sitekey.Keys).AllCommandKeys, said: commandKeys, step: (*sitekey.Keys).CommandStep, policies: (*sitekey.Keys).Announced,
}

func commandKeys(b device.Believes) []string { return b.CommandKeys }

func mayUseCommandKey(keys *sitekey.Keys, heard Heard) error {
	next, ok := keys.Announced()
	if !ok {
		return nil
	}
	return allHave(heard.Believed, next, commandKeys)
}

func mayRetireCommandKey(keys *sitekey.Keys, heard Heard) error {
	if _, ok := keys.Leaving(); !ok {
		return nil
	}
	if err := allHave(heard.Believed, keys.Command().KeyID(), commandKeys); err != nil || len(heard.Behind) == 0 {
		return err
	}
	return fault.New(fault.Conflict, "sitekey.policy", fmt.Sprintf("not yet: %s do not have the newest policy, and the one they have may be signed "+
		"by the key before (-force goes on without them)", strings.Join(heard.Behind, ", ")))
}
