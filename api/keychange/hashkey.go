package keychange

import (
	"kanmon/api/sitekey"
	"kanmon/lifecycle/device"
)

// hashKey is the key under which card numbers are hashed. A new one is a further layer, and none is ever retired. It is used only when every
// controller has it: who has not knows no card by the policies that are made then, and lets nobody in.
var hashKey = change{
	steps: map[Step]func(*sitekey.Keys, sitekey.Act) error{
		Announce: (*sitekey.Keys).AnnounceHashKey, Use: (*sitekey.Keys).UseHashKey,
	},
	ready: map[Step]func(*sitekey.Keys, Heard) error{Use: mayUseHashKey},
	standings: func(keys *sitekey.Keys, believed []device.Believes) []Standing {
		next, _ := keys.AnnouncedHashKey()
		all := standings(keys.HashKeys(), next, "", believed, hashKeys)
		for i := range all {
			if all[i].Key != next {
				all[i].Stage = "in use"
			}
		}
		return all
	},
	all: (*sitekey.Keys).HashKeys, said: hashKeys, step: (*sitekey.Keys).HashKeyStep, policies: (*sitekey.Keys).AnnouncedHashKey,
}

func hashKeys(b device.Believes) []string { return b.HashKeys }

func mayUseHashKey(keys *sitekey.Keys, heard Heard) error {
	next, ok := keys.AnnouncedHashKey()
	if !ok {
		return nil
	}
	return allHave(heard.Believed, next, hashKeys)
}
