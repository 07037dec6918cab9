package controller

import (
	"fmt"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/reader"
)

// No record, no entry. A decision to let somebody in becomes a gate: it opens when the journal says that the
// decision is on disk. When the journal says no, or nothing for recordTimeout, the area's record mode decides:
// strict refuses and shows amber, best_effort opens. Either way the status says "journal", what could not be
// written waits in memory, and once the disk is back it is written behind an event journal_trouble.

// gate is a decision that waits for its record.
type gate struct {
	decision access.Decision
	reader   string
}

type pending struct {
	id     uint64
	events []event.Event
	gate   *gate
	until  time.Duration // when the gate gives up
	gaveUp bool          // it did; its grant was not carried out, or was carried out unrecorded
	heals  bool          // events begin with journal_trouble
}

type records struct {
	lastID  uint64
	flying  []pending // oldest first, which is also the order of the answers
	backlog []event.Event
	lost    int // events dropped because the backlog was full
	trouble bool
	since   time.Time
	retry   time.Duration
}

func (r records) deadline(next time.Duration) time.Duration {
	for _, p := range r.flying {
		if p.gate != nil {
			next = min(next, p.until)
		}
	}
	if r.trouble && !r.healing() && len(r.flying) < maxPending {
		next = min(next, r.retry)
	}
	return next
}

func (r records) healing() bool {
	return slices.ContainsFunc(r.flying, func(p pending) bool { return p.heals })
}

// waiting reports whether a decision taken at a reader waits for its record.
func (r records) waiting(readerName string) bool {
	return slices.ContainsFunc(r.flying, func(p pending) bool { return p.gate != nil && p.gate.reader == readerName })
}

// record sends the turn's events to the journal, with the backlog before them when it is time to try again.
func (t *turn) record() {
	r := &t.s.records
	retry := r.trouble && !r.healing() && (t.mono >= r.retry || len(t.notes) > 0)
	if len(t.notes) == 0 && !retry {
		return
	}
	if len(r.flying) >= maxPending {
		t.keep(t.notes)
		t.unrecorded(t.gate)
		return
	}
	r.lastID++
	p := pending{id: r.lastID, events: t.notes, gate: t.gate, until: t.mono + recordTimeout}
	if retry {
		p.heals = true
		p.events = append(append([]event.Event{t.troubleEvent()}, r.backlog...), t.notes...)
		r.backlog = nil
	}
	r.flying = append(r.flying, p)
	t.do(Record{ID: p.id, Events: p.events, Policy: t.policy})
}

func (t *turn) troubleEvent() event.Event {
	r := t.s.records
	return event.Event{
		Kind: event.JournalTrouble, At: t.now.at, Unsure: !t.now.sure,
		Detail: fmt.Sprintf("not writable since %s; %d events late, %d lost", r.since.UTC().Format(time.RFC3339), len(r.backlog), r.lost),
	}
}

// recorded takes the journal's answer.
func (t *turn) recorded(in Recorded) {
	r := &t.s.records
	i := slices.IndexFunc(r.flying, func(p pending) bool { return p.id == in.ID })
	if i < 0 {
		return
	}
	p := r.flying[i]
	r.flying = slices.Delete(r.flying, i, i+1)
	if in.Err == nil {
		t.onDisk(p)
		return
	}
	t.inTrouble()
	if k := fault.KindOf(in.Err); k == fault.Invalid || k == fault.TooLarge {
		r.lost += len(p.events) // the journal will never take these
		p.events = nil
	}
	if p.heals && len(p.events) > 0 {
		p.events = p.events[1:]
	}
	if p.refused() || (p.gate != nil && p.gate.decision.Record != access.BestEffort) {
		p.events = withoutGrants(p.events)
	}
	t.keep(p.events)
	t.unrecorded(p.gate)
}

func (p pending) refused() bool { return p.gaveUp }

func (t *turn) onDisk(p pending) {
	if p.heals {
		t.s.records.trouble, t.s.records.lost = false, 0
	}
	if p.gate != nil {
		t.open(p.gate.decision, p.gate.reader)
	}
}

func (t *turn) inTrouble() {
	r := &t.s.records
	if !r.trouble {
		r.trouble, r.since = true, t.now.at
	}
	r.retry = t.mono + retryRecord
}

// keep holds events in memory until the journal can be written. The oldest are the ones that explain the most.
func (t *turn) keep(events []event.Event) {
	r := &t.s.records
	room := min(len(events), maxBacklog-len(r.backlog))
	r.backlog = append(r.backlog, events[:room]...)
	r.lost += len(events) - room
	t.s.counts.Lost += uint64(len(events) - room)
}

// unrecorded does what the area asks for when a decision to let somebody in is not on disk.
func (t *turn) unrecorded(g *gate) {
	if g == nil {
		return
	}
	if g.decision.Record == access.BestEffort {
		t.open(g.decision, g.reader)
		return
	}
	d := g.decision
	t.do(Show{g.reader, reader.ShowTrouble})
	t.keep([]event.Event{{
		Kind: event.AccessDenied, At: t.now.at, Unsure: !t.now.sure, Door: d.Door, Area: d.Area, Reader: g.reader,
		Direction: d.Direction, Reason: access.NotRecorded, Person: d.Person, Card: d.Card, Policy: t.version(),
	}})
}

// giveUpWaiting ends gates that the journal has not answered in time. Their grant may still reach the disk; the
// refusal that follows it then says that it was not carried out.
func (t *turn) giveUpWaiting() {
	for i := range t.s.records.flying {
		p := &t.s.records.flying[i]
		if p.gate == nil || t.mono < p.until {
			continue
		}
		g := p.gate
		p.gate, p.gaveUp = nil, g.decision.Record != access.BestEffort
		t.inTrouble()
		t.unrecorded(g)
	}
}

func withoutGrants(events []event.Event) []event.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool {
		return e.Kind == event.AccessGranted && e.Direction == access.In
	})
}
