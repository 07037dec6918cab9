package core

import (
	"kanmon/controller/admission"
	"kanmon/controller/door"
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
	r := decide.Request{Reader: in.Reader, Key: in.Key, Older: in.Older, Lapsed: t.lapsed(), Trust: in.Trust}
	o := admission.Shown(t.s.site, r, t.around())
	t.s.recent[in.Reader] = recent{key: in.Key, at: t.mono, door: o.Decision.Door, allowed: o.Decision.Allow, waits: o.Decision.Wait}
	t.carryOut(in.Reader, o)
}

// typed decides about what was entered at a keypad.
func (t *turn) typed(in Typed) {
	t.carryOut(in.Reader, admission.Typed(t.s.site, in.Reader, in.Code, t.around()))
}

func (t *turn) around() admission.Around {
	return admission.Around{
		Policy: t.s.policy, Lapsed: t.lapsed(), At: t.now.DecideAt(), Now: t.siteNow(), Gas: t.s.cabinet.Gas, Ajar: t.ajar, Unfit: t.unfit,
	}
}

// carryOut does what became of a presentation.
func (t *turn) carryOut(readerName string, o admission.Outcome) {
	d := o.Decision
	t.freeExit(&d, readerName, o.Events)
	for _, e := range o.Events {
		t.noteDecision(e)
	}
	switch {
	case d.Direction == access.Out:
		t.open(d, readerName, d.Person)
	case len(o.Grants) > 0:
		t.gate = t.gateOf(readerName, o)
	case d.Wait:
		t.do(Show{readerName, waiting(d.Reason)})
	default:
		t.do(Show{readerName, refusal(d.Reason)})
	}
}

func (t *turn) noteDecision(e event.Event) {
	e.Policy = t.version()
	t.note(e)
}

func (t *turn) gateOf(readerName string, o admission.Outcome) *gate {
	g := &gate{decision: o.Decision, reader: readerName, grants: o.Grants}
	for _, grant := range o.Grants {
		e := t.stamp(grant.Event)
		e.Policy = t.version()
		g.events = append(g.events, e)
	}
	for _, e := range o.After {
		e = t.stamp(e)
		e.Policy = t.version()
		g.events = append(g.events, e)
	}
	return g
}

// freeExit lets out whoever stands at a reader that the wiring calls an exit, when no policy knows it.
func (t *turn) freeExit(d *decide.Decision, readerName string, events []event.Event) {
	if d.Allow || (d.Reason != access.NoPolicy && d.Reason != access.UnknownReader) {
		return
	}
	if i, ok := t.core.exits[readerName]; ok {
		d.Allow, d.Direction, d.Door = true, access.Out, t.core.wiring.Doors[i].ID
		for n := range events {
			events[n].Kind, events[n].Direction, events[n].Door = event.AccessGranted, access.Out, d.Door
		}
	}
}

// repeated reports a card that is still held to the reader that has just accepted it, or has it wait: one second, sliding, and for an
// accepted one only while its release runs or waits for its record. Refusals are never swallowed.
func (t *turn) repeated(in Presented) bool {
	last, seen := t.s.recent[in.Reader]
	if !seen || last.key != in.Key || t.mono-last.at >= repeatWindow {
		return false
	}
	i, wired := t.core.doors[last.door]
	switch {
	case last.waits:
		again := t.s.site.AtReader(in.Reader, t.siteNow())
		if !again {
			return false
		}
	case !last.allowed, !t.s.records.waiting(in.Reader) && (!wired || t.s.doors[i].Phase() != door.Released):
		return false
	}
	last.at = t.mono
	t.s.recent[in.Reader] = last
	return true
}

// refusal is what a refused person sees: red for a no, amber where the controller cannot know.
func refusal(r access.Reason) reader.Feedback {
	switch r {
	case access.NoPolicy, access.UnknownReader, access.TimeUnknown, access.NotRecorded, access.LeaseOver:
		return reader.ShowTrouble
	default:
		return reader.ShowDenied
	}
}

// waiting is what somebody sees who waits for something.
func waiting(r access.Reason) reader.Feedback {
	if r == access.PINRequired {
		return reader.ShowEnterPIN
	}
	return reader.ShowWait
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
