package core

import (
	"kanmon/controller/door"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/reader"
)

// presented decides about a card. An entry waits for its record; an exit waits for nothing.
func (t *turn) presented(in Presented) {
	d := access.Decide(t.s.policy, access.Request{Reader: in.Reader, Key: in.Key, Older: in.Older, Lapsed: t.lapsed()}, t.now.DecideAt())
	t.freeExit(&d, in.Reader)
	t.refuseUnfit(&d)
	if t.repeated(in, d) {
		t.s.counts.Repeats++
		return
	}
	e := event.Event{
		Kind: event.AccessDenied, Door: d.Door, Area: d.Area, Reader: in.Reader, Direction: d.Direction,
		Reason: d.Reason, Person: d.Person, Card: d.Card, Policy: t.version(),
	}
	if d.Card == "" {
		e.Credential = in.Key.Fingerprint()
	}
	if d.Allow {
		e.Kind = event.AccessGranted
	}
	switch {
	case !d.Allow:
		t.note(e)
		t.do(Show{in.Reader, refusal(d.Reason)})
	case d.Direction == access.Out:
		t.note(e)
		t.open(d, in.Reader)
	default:
		t.gate = &gate{decision: d, card: in, grant: t.stamp(e)}
	}
}

// freeExit lets out whoever stands at a reader that the wiring calls an exit, when no policy knows it.
func (t *turn) freeExit(d *access.Decision, readerName string) {
	if d.Allow || (d.Reason != access.NoPolicy && d.Reason != access.UnknownReader) {
		return
	}
	if i, ok := t.core.exits[readerName]; ok {
		d.Allow, d.Direction, d.Door = true, access.Out, t.core.wiring.Doors[i].ID
	}
}

// repeated reports a card that is still held to the reader that has just accepted it: one second, sliding, and
// only while its release runs or waits for its record. Refusals are never swallowed.
func (t *turn) repeated(in Presented, d access.Decision) bool {
	last, seen := t.s.recent[in.Reader]
	same := seen && last.key == in.Key && t.mono-last.at < repeatWindow
	t.s.recent[in.Reader] = recent{in.Key, t.mono}
	if !same || !d.Allow {
		return false
	}
	if t.s.records.waiting(in.Reader) {
		return true
	}
	i, wired := t.core.doors[d.Door]
	return wired && t.s.doors[i].Phase() == door.Released
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

// open releases the door of an accepted card.
func (t *turn) open(d access.Decision, readerName string) {
	i, wired := t.core.doors[d.Door]
	if !wired {
		t.note(event.Event{Kind: event.StrikeFailed, Door: d.Door, Area: d.Area, Detail: "no strike is wired to this controller"})
		t.show(readerName, reader.ShowTrouble)
		return
	}
	g := &t.s.doors[i]
	g.grant, g.grantByExit = d, g.grantByExit && g.Phase() == door.Released
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
