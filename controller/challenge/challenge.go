// Package challenge keeps the nonces that a controller makes for commands. It is pure: nonces and moments are given to it.
//
// A command is good with the nonce made for its id, within wire.CommandTime of the monotonic clock, once. Nonces live in memory only, so that after
// a restart every earlier command is a stranger. A few used ones are remembered with their answers: a broker may double a message,
// and the double gets the same answer and does nothing.
package challenge

import (
	"slices"
	"time"

	"kanmon/internal/wire"
)

// Most is how many are remembered, used ones included; the oldest goes first.
const Most = 16

type one struct {
	id, nonce string
	made      time.Duration // Mono
	taken     bool
	answer    *wire.CommandAnswer // what became of it, once that is known
}

// Table of challenges. The zero value is empty.
type Table struct{ all []one } // oldest first

// Outcome of Take.
type Outcome uint8

// Outcomes.
const (
	Good Outcome = iota
	Unknown
	Expired // it was taken all the same: it is not tried again
	Double  // it was taken before
)

// Ask returns the nonce for a command: fresh, or the one it has while that is good. False: the command was carried out or refused
// already.
func (t *Table) Ask(id, fresh string, now time.Duration) (nonce string, ok bool) {
	i := slices.IndexFunc(t.all, func(o one) bool { return o.id == id })
	switch {
	case i >= 0 && t.all[i].taken:
		return "", false
	case i >= 0 && now-t.all[i].made < wire.CommandTime:
		return t.all[i].nonce, true
	case i >= 0:
		t.all = slices.Delete(t.all, i, i+1)
	case len(t.all) == Most:
		t.all = slices.Delete(t.all, 0, 1)
	}
	t.all = append(t.all, one{id: id, nonce: fresh, made: now})
	return fresh, true
}

// Take uses the nonce of a command up. The answer of a Double is nil as long as the first one is on its way.
func (t *Table) Take(id, nonce string, now time.Duration) (Outcome, *wire.CommandAnswer) {
	i := slices.IndexFunc(t.all, func(o one) bool { return o.id == id && o.nonce == nonce })
	if i < 0 {
		return Unknown, nil
	}
	o := &t.all[i]
	if o.taken {
		return Double, o.answer
	}
	o.taken = true
	if now-o.made >= wire.CommandTime {
		return Expired, nil
	}
	return Good, nil
}

// Settle remembers what became of a command whose nonce was taken.
func (t *Table) Settle(id string, a wire.CommandAnswer) {
	for i := range t.all {
		if t.all[i].id == id && t.all[i].taken {
			t.all[i].answer = &a
		}
	}
}
