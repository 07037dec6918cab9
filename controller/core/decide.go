package core

import (
	"kanmon/controller/admission"
	"kanmon/controller/door"
	"kanmon/controller/gate"
	"kanmon/controller/repeats"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/reader"
)

// presented decides about a card. An entry waits for its record; an exit waits for nothing.
func (t *turn) presented(in Presented) {
	if t.repeated(in) {
		t.s.counts.Repeats++
		return
	}
	o := admission.Shown(t.s.site, decide.Request{Reader: in.Reader, Key: in.Key, Older: in.Older, Lapsed: t.lapsed(), Trust: in.Trust, Shape: in.Shape}, t.around())
	t.s.recent[in.Reader] = repeats.Shown{Key: in.Key, At: t.mono, Door: o.Decision.Door, Allowed: o.Decision.Allow, Waits: o.Decision.Wait}
	t.carryOut(in.Reader, o)
}

// readFailed answers a card that could not be read. One that stays half in the field is one event a second.
func (t *turn) readFailed(in ReadFailed) {
	if t.s.failed.Again(in.Reader, t.mono) {
		t.s.counts.Repeats++
		return
	}
	t.carryOut(in.Reader, admission.Failed(t.s.site, in.Reader, brief(in.Detail), in.Noise, t.around()))
}

// typed decides about what was entered at a keypad.
func (t *turn) typed(in Typed) {
	t.carryOut(in.Reader, admission.Typed(t.s.site, in.Reader, in.Code, t.around()))
}

func (t *turn) around() admission.Around {
	return admission.Around{
		Policy: t.s.policy, Lapsed: t.lapsed(), At: t.now.DecideAt(), Now: t.siteNow(), Gas: t.s.cabinet.Gas, Ajar: t.ajar, Unfit: t.unfit, Exits: t.core.exits,
	}
}

// carryOut does what became of a presentation.
func (t *turn) carryOut(readerName string, o admission.Outcome) {
	d := o.Decision
	for _, e := range o.Events {
		t.noteUnder(e)
	}
	switch {
	case d.Direction == access.Out:
		t.open(d, readerName, d.Person)
	case len(o.Grants) > 0:
		t.gate = gate.Of(readerName, o, t.under)
	default:
		t.do(Show{readerName, admission.Feedback(d)})
	}
}

// noteUnder is note for what depends on the policy in force.
func (t *turn) noteUnder(e event.Event) {
	t.notes = append(t.notes, t.under(e))
}

func (t *turn) under(e event.Event) event.Event {
	e.Policy = t.version()
	return t.stamp(e)
}

// repeated reports a card that is still held to the reader that has just accepted it, or has it wait: for an accepted one only while its release runs or
// waits for its record.
func (t *turn) repeated(in Presented) bool {
	return t.s.recent.Same(in.Reader, in.Key, t.mono, func(last repeats.Shown) bool {
		if last.Waits {
			return t.s.site.AtReader(in.Reader, t.siteNow())
		}
		i, wired := t.core.doors[last.Door]
		return t.s.records.Waiting(in.Reader) || wired && t.s.doors[i].Phase() == door.Released
	})
}

// open releases the door of an accepted card for those who pass with it.
func (t *turn) open(d decide.Decision, readerName string, people ...string) {
	i, wired := t.core.doors[d.Door]
	if !wired {
		t.s.site.Refused(d.Door, people...)
		t.note(event.Event{Kind: event.StrikeFailed, Door: d.Door, Area: d.Area, Detail: "no strike is wired to this controller"})
		t.show(readerName, reader.ShowTrouble)
		return
	}
	g := &t.s.doors[i]
	g.grant, g.grantByExit = d, g.grantByExit && g.Phase() == door.Released
	t.s.site.Released(d.Door, people...)
	t.stepDoor(i, door.Release{Exit: d.Direction == access.Out})
	t.show(readerName, reader.ShowGranted)
}

// show answers at a reader, where there is one.
func (t *turn) show(readerName string, f reader.Feedback) {
	if readerName != "" {
		t.do(Show{readerName, f})
	}
}

// requestToExit releases a door from inside. It waits for nothing and is refused by nothing.
func (t *turn) requestToExit(i int) {
	t.s.doors[i].grantByExit = true
	t.stepDoor(i, door.RequestToExit{})
}
