package keychange

import (
	"crypto/x509"
	"fmt"
	"strings"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/device"
)

// authority is the device authority. The new one is used only when every controller trusts it: who does not cannot even ask any more, and has to
// enrol again. The one before is retired only when every controller has a certificate by the new one.
var authority = change{
	steps: map[Step]func(*sitekey.Keys, sitekey.Act) error{
		Announce: (*sitekey.Keys).AnnounceAuthority, Use: (*sitekey.Keys).UseAuthority, Retire: (*sitekey.Keys).RetireAuthority,
		Drop: (*sitekey.Keys).DropAuthority,
	},
	ready: map[Step]func(*sitekey.Keys, Heard) error{Use: mayUseAuthority, Retire: mayRetireAuthority},
	standings: func(keys *sitekey.Keys, believed []device.Believes) []Standing {
		list, _ := keys.Authorities()
		next, _ := keys.AnnouncedAuthority()
		before, _ := keys.LeavingAuthority()
		all := standings(pins(list), next, before, believed, authorities)
		for i, s := range all {
			if s.Stage == "present" {
				all[i].Outdated = missing(believed, s.Key, issuer)
			}
		}
		return all
	},
	all: (*sitekey.Keys).AllAuthorities, said: authorities, step: (*sitekey.Keys).AuthorityStep,
}

func pins(list []*x509.Certificate) []string {
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = pki.Pin(c)
	}
	return ids
}

func authorities(b device.Believes) []string { return b.Authorities }

func issuer(b device.Believes) []string { return []string{b.Issuer} }

func mayUseAuthority(keys *sitekey.Keys, heard Heard) error {
	next, ok := keys.AnnouncedAuthority()
	if !ok {
		return nil
	}
	return allHave(heard.Believed, next, authorities)
}

func mayRetireAuthority(keys *sitekey.Keys, heard Heard) error {
	if _, ok := keys.LeavingAuthority(); !ok {
		return nil
	}
	m := missing(heard.Believed, keys.CA().Pin(), issuer)
	if len(m) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "sitekey.certificate",
		fmt.Sprintf("not yet: %s have no certificate by the authority %s (-force goes on without them)", strings.Join(m, ", "), keys.CA().Pin()))
}
