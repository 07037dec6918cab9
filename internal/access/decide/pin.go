package decide

import (
	"fmt"

	"kanmon/internal/access"
)

// scope is what stands before a person's id in the scope of their own PIN.
var scope = access.PersonScope("")

// scopeOf is the PersonScope of a person by the name that the policy has of them, without a copy.
func (p *Policy) scopeOf(person name) string {
	return p.names[person.at-uint32(len(scope)) : person.at+uint32(person.length)]
}

// pin is a PIN of the policy. Its holder is in Policy.holders.
type pin struct {
	holder uint32
	area   int32 // -1: the person's own
	until  int64
}

const ownPIN = -1

// pinEntry is what a hash stands for: the number of a pin, and whether it is the one for threats.
type pinEntry struct {
	n      uint32
	duress bool
}

// pinBook is who can be found without a card: people with a PIN or a number.
type pinBook struct {
	holders []credential // without key and card
	pins    []pin
	byKey   map[access.Key]pinEntry
	numbers map[string]uint32 // in holders
}

// typed looks a code up in a scope.
func (b *pinBook) typed(code access.Code, scope string) (pinEntry, bool) {
	for _, key := range code.Forms(scope) {
		if e, there := b.byKey[key]; there {
			return e, true
		}
	}
	return pinEntry{}, false
}

// of returns the PIN of a person that counts in an area: the area's where the PIN is alone, their own elsewhere.
func (b *pinBook) of(person name, area int32) *pin {
	for i := range b.pins {
		if p := &b.pins[i]; p.area == area && b.holders[p.holder].person == person {
			return p
		}
	}
	return nil
}

func (c *compiler) addPINs(s access.Spec) error {
	book := &c.policy.book
	book.numbers = map[string]uint32{}
	held := map[int]uint32{}
	hold := func(who int) uint32 {
		n, there := held[who]
		if !there {
			n = uint32(len(book.holders))
			held[who] = n
			book.holders = append(book.holders, c.holders[who])
		}
		return n
	}
	for who, p := range s.People {
		if p.Number == "" {
			continue
		}
		if _, double := book.numbers[p.Number]; double || !digits(p.Number) {
			return fmt.Errorf("person %q: number of %d characters is another's too, or no 1–16 digits", p.ID, len(p.Number))
		}
		book.numbers[p.Number] = hold(who)
	}
	book.byKey = make(map[access.Key]pinEntry, len(s.PINs))
	type place struct {
		person, area string
	}
	one := make(map[place]bool, len(s.PINs))
	for _, given := range s.PINs {
		at := place{given.Person, given.Area}
		if one[at] {
			return fmt.Errorf("PIN of %q in %q twice", given.Person, given.Area)
		}
		one[at] = true
		if err := c.addPIN(given, hold); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) addPIN(given access.PIN, hold func(int) uint32) error {
	book := &c.policy.book
	who, there := c.people[given.Person]
	switch {
	case !there:
		return fmt.Errorf("PIN: no person %q", given.Person)
	case given.Key == (access.Key{}):
		return fmt.Errorf("PIN of %q: no hash", given.Person)
	}
	p := pin{area: ownPIN, until: given.Until, holder: hold(who)}
	if given.Area != "" {
		n, there := c.areas[given.Area]
		if !there {
			return fmt.Errorf("PIN of %q: no area %q", given.Person, given.Area)
		}
		p.area = int32(n)
	}
	n := uint32(len(book.pins))
	book.pins = append(book.pins, p)
	for i, key := range []access.Key{given.Key, given.Duress} {
		if i == 1 && key == (access.Key{}) {
			continue
		}
		if _, double := book.byKey[key]; double {
			return fmt.Errorf("PIN of %q: its hash is another's too", given.Person)
		}
		book.byKey[key] = pinEntry{n: n, duress: i == 1}
	}
	return nil
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 16
}
