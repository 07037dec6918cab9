package decide_test

import (
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// R47-1: of a card one of whose credentials ended, a record names the card only; in whichever order the policy has them, the same decision follows.
func TestACardOneOfWhoseCredentialsEndedIsDecidedAgainAsThen(t *testing.T) {
	for _, order := range [][2]byte{{101, 102}, {102, 101}} {
		goes, ended := access.Key{order[0]}, access.Key{order[1]}
		entry := access.Revocation{Key: ended, Card: "C-9", State: access.Revoked, Version: access.Version{Epoch: 1, N: 1}}
		for name, state := range map[string]access.CredentialState{"by the policy": access.Revoked, "by the set alone": access.Active} {
			s := vault(access.Rules{})
			who := s.Credentials[0].Person
			s.Credentials = []access.Credential{{Key: goes, Card: "C-9", Person: who, State: access.Active}, {Key: ended, Card: "C-9", Person: who, State: state}}
			access.Order(&s)
			p, err := decide.Compile(s)
			if err != nil {
				t.Fatal(err)
			}
			p = p.Revoke(entry)
			for key, want := range map[access.Key]access.Reason{goes: access.Granted, ended: access.CredentialRevoked} {
				d := decide.Decide(p, decide.Request{Reader: "IN", Key: key, Shape: bits26}, noon)
				again := decide.Again(p, decide.Shown{Reader: "IN", Card: d.Card, Ended: d.Reason == access.CredentialRevoked}, d.Facts, noon)
				if d.Reason != want || again != d {
					t.Errorf("%v, %s: %s, want %s; again %s", order, name, d.Reason, want, again.Reason)
				}
			}
		}
	}
}
