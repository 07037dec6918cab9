package core

import (
	"fmt"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

// A command is obeyed only with a nonce that this run of the program made for it, within wire.CommandTime, once. The nonces live in
// memory: after a restart every earlier command is a stranger. A release then goes the way of a card: recorded, then
// the strike, then the answer.

const (
	maxChallenges  = 16          // nonces remembered, used ones included
	refusalsNoted  = 3           // refused commands that have an event of their own in …
	refusalsWindow = time.Minute // … this time; the next event tells of the rest
)

// Codes of refusal in an answer.
const (
	UnknownNonce = "unknown_nonce" // never made here, made for another command, or before a restart
	Expired      = "expired"
	UnknownDoor  = "unknown_door"
	NotRecorded  = "not_recorded" // the area is strict and the journal could not be written
)

// challenge is a nonce made for a command.
type challenge struct {
	id, nonce string
	made      time.Duration
	taken     bool
	answer    *wire.CommandAnswer // what became of it, once that is known
}

type commands struct {
	challenges []challenge   // oldest first
	noted      int           // refusals with an event since …
	since      time.Duration // … this moment
	unnoted    int
}

func (t *turn) commanded(in Commanded) {
	c := in.Command
	switch c.Op {
	case wire.Challenge:
		t.challenge(c.ID, in.Fresh)
	case wire.Release:
		t.remoteRelease(c)
	}
}

// challenge answers with a nonce. The same question again, as a broker may double it, gets the same answer.
func (t *turn) challenge(id, fresh string) {
	all := &t.s.commands.challenges
	i := slices.IndexFunc(*all, func(c challenge) bool { return c.id == id })
	switch {
	case i >= 0 && (*all)[i].taken:
		return
	case i >= 0 && t.mono-(*all)[i].made < wire.CommandTime:
		t.answer(wire.CommandAnswer{ID: id, Nonce: (*all)[i].nonce})
		return
	case i >= 0:
		*all = slices.Delete(*all, i, i+1)
	case len(*all) == maxChallenges:
		*all = slices.Delete(*all, 0, 1)
	}
	*all = append(*all, challenge{id: id, nonce: fresh, made: t.mono})
	t.answer(wire.CommandAnswer{ID: id, Nonce: fresh})
}

func (t *turn) answer(a wire.CommandAnswer) {
	a.V, a.Type = wire.V, wire.Answer
	t.do(Answer{a})
}

func (t *turn) remoteRelease(c wire.DoCommand) {
	all := t.s.commands.challenges
	i := slices.IndexFunc(all, func(ch challenge) bool { return ch.id == c.ID && ch.nonce == c.Nonce })
	if i < 0 {
		t.refuseCommand(c, UnknownNonce)
		return
	}
	ch := &all[i]
	if ch.taken { // the same message again
		if ch.answer != nil {
			t.answer(*ch.answer)
		}
		return
	}
	ch.taken = true
	_, wired := t.core.doors[c.Door]
	switch {
	case t.mono-ch.made >= wire.CommandTime:
		t.refuseCommand(c, Expired)
	case !wired:
		t.refuseCommand(c, UnknownDoor)
	default:
		t.gateCommand(c)
	}
}

func (t *turn) gateCommand(c wire.DoCommand) {
	d := access.Decision{Allow: true, Direction: access.In, Door: c.Door, Area: t.area(c.Door), Record: t.s.policy.RecordMode(c.Door)}
	t.gate = &gate{decision: d, command: c.ID, grant: t.stamp(event.Event{
		Kind: event.RemoteRelease, Door: c.Door, Area: d.Area, Direction: access.In, Policy: t.version(), Detail: commandDetail(c),
	})}
}

// commandDetail has the id whatever the length of the reason.
func commandDetail(c wire.DoCommand) string {
	frame := fmt.Sprintf("by %s:  [%s]", c.By, c.ID)
	return fmt.Sprintf("by %s: %s [%s]", c.By, clip(c.Reason, event.MaxDetail-len(frame)), c.ID)
}

// settled answers a command and remembers the answer for when the command comes again.
func (t *turn) settled(id string, done bool, refused string) {
	a := wire.CommandAnswer{ID: id, Done: done, Refused: refused}
	for i := range t.s.commands.challenges {
		if ch := &t.s.commands.challenges[i]; ch.id == id {
			ch.answer = &a
		}
	}
	t.answer(a)
}

func (t *turn) refuseCommand(c wire.DoCommand, code string) {
	i := slices.IndexFunc(t.s.commands.challenges, func(ch challenge) bool { return ch.id == c.ID && ch.nonce == c.Nonce })
	if i >= 0 {
		t.settled(c.ID, false, code)
	} else { // a stranger's refusal is not that of the command with this id
		t.answer(wire.CommandAnswer{ID: c.ID, Refused: code})
	}
	t.noteRefusal(c.Door, fmt.Sprintf("%s: %s", code, commandDetail(c)))
}

// noteRefusal raises the alarm, a few times a minute: whoever can send rubbish could otherwise fill the journal with it.
func (t *turn) noteRefusal(doorID, detail string) {
	c := &t.s.commands
	if t.mono-c.since >= refusalsWindow {
		c.since, c.noted = t.mono, 0
	}
	if c.noted >= refusalsNoted {
		c.unnoted++
		return
	}
	c.noted++
	if c.unnoted > 0 {
		detail = fmt.Sprintf("%d more before; %s", c.unnoted, detail)
		c.unnoted = 0
	}
	if _, wired := t.core.doors[doorID]; !wired {
		doorID = ""
	}
	t.note(event.Event{Kind: event.CommandRefused, Door: doorID, Area: t.area(doorID), Detail: clip(detail, event.MaxDetail)})
}
