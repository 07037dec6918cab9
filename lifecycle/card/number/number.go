// Package number turns a card number, as somebody enters it, into what the register of cards keeps: its keyed hash, and those of what another reader might make of the
// same card. The number goes no further.
package number

import (
	"kanmon/lifecycle/card"
	"kanmon/reader/credential"
)

// Read is what the register is told of a credential.
func Read(c credential.Credential, k credential.HashKey) card.Read {
	r := card.Read{Key: c.Key(k), Format: c.Shape().Format}
	for _, sibling := range credential.Reversed(c) {
		r.Siblings = append(r.Siblings, sibling.Key(k))
	}
	return r
}

// Issue gives a new card its own credential; an enrolment at a biometric terminal, what that terminal calls the person by.
func Issue(n card.Issue, c credential.Credential, k credential.HashKey) card.Issue {
	r := Read(c.At(n.Terminal), k)
	n.Key, n.Format, n.Siblings = r.Key, r.Format, r.Siblings
	return n
}
