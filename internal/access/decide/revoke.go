package decide

import (
	"fmt"
	"maps"

	"kanmon/internal/access"
)

// Revoke returns the policy with entries merged into its revocation set; p itself does not change. What is in the policy
// already, or outranked there, changes nothing. nil stays nil: it refuses everybody anyway.
func (p *Policy) Revoke(entries ...access.Revocation) *Policy {
	if p == nil {
		return nil
	}
	next := *p
	next.revocations = maps.Clone(p.revocations)
	if next.revocations == nil {
		next.revocations = access.Revocations{}
	}
	next.estrange(next.revocations.Merge(entries...)...)
	return &next
}

// Word is the entry of the policy's set that is in force for a card, by all forms of its credential, and by its id where that is known; false when
// there is none.
func (p *Policy) Word(card string, newest access.Key, older []access.Key) (access.Revocation, bool) {
	if p == nil {
		return access.Revocation{}, false
	}
	word, spoken := p.revocations.InForce(newest, older)
	if s, there := p.strangers[card]; there && (!spoken || s.Outranks(word)) {
		return s, true
	}
	return word, spoken
}

// estrange keeps entries by card that stand under keys which the policy does not have. They may be of its cards all the same, in a form that a door
// without the newest key cannot make: such a door must not confirm a revocation and let the card in.
func (p *Policy) estrange(entries ...access.Revocation) {
	next := map[string]access.Revocation{}
	for _, r := range entries {
		if n, _ := p.index.find(p.credentials, &r.Key); n >= 0 {
			continue
		}
		if len(next) == 0 {
			maps.Copy(next, p.strangers)
		}
		if old, there := next[r.Card]; !there || r.Outranks(old) {
			next[r.Card] = r
		}
	}
	if len(next) > 0 {
		p.strangers = next
	}
}

// Revocations is the policy's set; it must not be changed.
func (p *Policy) Revocations() access.Revocations {
	if p == nil {
		return nil
	}
	return p.revocations
}

func (c *compiler) addRevocations(s access.Spec) error {
	if len(s.Revocations) == 0 {
		return nil
	}
	set := make(access.Revocations, len(s.Revocations))
	for _, r := range s.Revocations {
		if err := r.Validate(); err != nil {
			return err
		}
		if _, double := set[r.Key]; double {
			return fmt.Errorf("card %q twice in the revocation set", r.Card)
		}
		set[r.Key] = r
	}
	c.policy.revocations = set
	c.policy.estrange(s.Revocations...)
	return nil
}
