package core

import (
	"kanmon/controller/challenge"
	"kanmon/controller/gate"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

// A command is obeyed only with a nonce that this run of the program made for it (package challenge). A release then goes the way of a
// card: recorded, then the strike, then the answer.

func (t *turn) commanded(in Commanded) {
	c := in.Command
	switch c.Op {
	case wire.Challenge:
		if nonce, ok := t.s.challenges.Ask(c.ID, in.Fresh, t.mono); ok {
			t.answer(wire.CommandAnswer{ID: c.ID, Nonce: nonce})
		}
	case wire.Release, wire.Forget:
		t.ordered(c)
	}
}

func (t *turn) answer(a wire.CommandAnswer) {
	a.V, a.Type = wire.V, wire.Answer
	t.do(Answer{a})
}

// ordered takes a command that names a nonce.
func (t *turn) ordered(c wire.DoCommand) {
	outcome, before := t.s.challenges.Take(c.ID, c.Nonce, t.mono)
	_, wired := t.core.doors[c.Door]
	switch {
	case outcome == challenge.Double:
		if before != nil {
			t.answer(*before)
		}
	case outcome == challenge.Unknown: // a stranger's refusal is not that of the command with this id
		t.answer(wire.CommandAnswer{ID: c.ID, Refused: challenge.UnknownNonce})
		t.noteRefusal(c.Door, challenge.UnknownNonce+": "+c.Told(event.MaxDetail))
	case outcome == challenge.Expired:
		t.refuseCommand(c, challenge.TooLate)
	case c.Op == wire.Forget:
		t.s.site.Reset(c.Area, c.Person)
		t.note(event.Event{Kind: event.PlacesReset, Area: c.Area, Person: c.Person, Policy: t.version(), Detail: c.Told(event.MaxDetail)})
		t.settle(c.ID, true, "")
	case !wired:
		t.refuseCommand(c, challenge.UnknownDoor)
	case t.s.cabinet.Gas(t.area(c.Door)):
		t.refuseCommand(c, string(access.GasReleased))
	case t.unfit(c.Door):
		t.refuseCommand(c, challenge.OutputInsecure)
	default:
		t.gateCommand(c)
	}
}

func (t *turn) gateCommand(c wire.DoCommand) {
	d := decide.Decision{Allow: true, Direction: access.In, Door: c.Door, Area: t.area(c.Door), Record: t.s.policy.RecordMode(c.Door)}
	t.gate = &gate.Gate{Decision: d, Command: c.ID, Events: []event.Event{t.stamp(event.Event{
		Kind: event.RemoteRelease, Door: c.Door, Area: d.Area, Direction: access.In, Policy: t.version(), Detail: c.Told(event.MaxDetail),
	})}}
}

// settle answers a command and remembers the answer for when the command comes again.
func (t *turn) settle(id string, done bool, refused string) {
	a := wire.CommandAnswer{ID: id, Done: done, Refused: refused}
	t.s.challenges.Settle(id, a)
	t.answer(a)
}

func (t *turn) refuseCommand(c wire.DoCommand, code string) {
	t.settle(c.ID, false, code)
	t.noteRefusal(c.Door, code+": "+c.Told(event.MaxDetail))
}

// noteRefusal raises the alarm, a few times a minute.
func (t *turn) noteRefusal(doorID, detail string) {
	detail, ok := t.s.badCommands.Admit(t.mono, detail)
	if !ok {
		return
	}
	if _, wired := t.core.doors[doorID]; !wired {
		doorID = ""
	}
	t.note(event.Event{Kind: event.CommandRefused, Door: doorID, Area: t.area(doorID), Detail: detail})
}
