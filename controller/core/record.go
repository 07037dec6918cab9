package core

import (
	"fmt"
	"slices"
	"time"

	"kanmon/controller/admission"
	"kanmon/controller/revoked"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/reader"
)

// No record, no entry. A decision to let somebody in becomes a gate: it opens when the journal says that the
// decision is on disk. When the journal says no, or nothing for RecordTimeout, the area's record mode decides:
// strict refuses and shows amber, best_effort opens. Either way the status says "journal", what could not be
// written waits in memory, and once the disk is back it is written behind an event journal_trouble.

// gate is a decision to let somebody in that waits for its record.
type gate struct {
	decision decide.Decision
	reader   string            // "" for a command
	grants   []admission.Grant // who is let in; none for a command
	command  string            // id of the command; "" for people
	events   []event.Event     // the grants', then what else is on record with them
}

// pending is a record on its way to the journal.
type pending struct {
	id     uint64
	events []event.Event // without the gate's and the report of trouble
	grant  []event.Event // the gate's; nil: none, or not carried out
	gate   *gate         // nil: none, or given up
	until  time.Duration // when the gate gives up
	heals  bool          // it carries the backlog
	lost   int           // how many lost events it reports

	revoked *revoked.Handed // nil: nothing of the revocation set
}

type records struct {
	lastID  uint64
	flying  []pending // oldest first, which is also the order of the answers
	backlog []event.Event
	lost    int // events dropped and not reported yet
	trouble bool
	since   time.Time // the trouble began
	retry   time.Duration
}

func (r records) healing() bool {
	return slices.ContainsFunc(r.flying, func(p pending) bool { return p.heals })
}

// owes reports whether there is something to write that an earlier record could not.
func (r records) owes() bool { return (r.trouble || len(r.backlog) > 0) && !r.healing() }

func (r records) deadline(next time.Duration) time.Duration {
	for _, p := range r.flying {
		if p.gate != nil {
			next = min(next, p.until)
		}
	}
	if r.owes() && len(r.flying) < maxPending {
		next = min(next, r.retry)
	}
	return next
}

// waiting reports whether a decision taken at a reader waits for its record.
func (r records) waiting(readerName string) bool {
	return slices.ContainsFunc(r.flying, func(p pending) bool { return p.gate != nil && p.gate.reader == readerName })
}

// opening reports whether a decision to release a door waits for its record.
func (r records) opening(doorID string) bool {
	return slices.ContainsFunc(r.flying, func(p pending) bool { return p.gate != nil && p.gate.decision.Door == doorID })
}

// record sends the turn's events to the journal, what is owed first.
func (t *turn) record() {
	r := &t.s.records
	idle := len(t.notes) == 0 && t.gate == nil && (r.trouble || !t.owesRevoked() && !t.owesSite()) && !t.leaseDue()
	if idle && (!r.owes() || t.mono < r.retry) {
		return
	}
	if len(r.flying) >= maxPending {
		t.overrun()
		return
	}
	r.lastID++
	p := pending{id: r.lastID, events: t.notes, gate: t.gate, until: t.mono + RecordTimeout}
	var all []event.Event
	if r.owes() {
		all = append(all, t.troubleEvent())
		p.heals, p.lost = true, r.lost
		p.events, r.backlog = append(r.backlog, t.notes...), nil
	}
	all = append(all, p.events...)
	if t.gate != nil {
		p.grant = t.gate.events
		all = append(all, p.grant...)
	}
	change := Change{Policy: t.version(), Centre: t.s.centre, Floor: t.s.proven(t.mono), Revoked: t.keepRevoked(&p), Lease: t.keepLease()}
	if t.owesSite() {
		change.Site = t.s.site.Keep()
	}
	r.flying = append(r.flying, p)
	t.do(Record{ID: p.id, Events: all, Change: change})
}

// overrun is the record of a turn while the journal answers nothing at all.
func (t *turn) overrun() {
	t.inTrouble()
	if t.gate != nil {
		t.unrecorded(*t.gate, t.gate.events)
	}
	t.keep(t.notes...)
}

func (t *turn) troubleEvent() event.Event {
	r := t.s.records
	return t.stamp(event.Event{
		Kind:   event.JournalTrouble,
		Detail: fmt.Sprintf("not writable since %s; %d events late, %d lost", r.since.UTC().Format(time.RFC3339), len(r.backlog), r.lost),
	})
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
	t.s.revoked.NotOnDisk(p.revoked)
	t.s.site.Lost()
	if k := fault.KindOf(in.Err); k == fault.Invalid || k == fault.TooLarge {
		t.lose(len(p.events)) // the journal will never take these
		p.events = nil
	}
	t.keep(p.events...)
	switch {
	case p.gate != nil:
		t.unrecorded(*p.gate, p.grant)
	default:
		t.keep(p.grant...)
	}
}

func (t *turn) onDisk(p pending) {
	if p.heals {
		t.s.records.trouble = false
		t.s.records.lost -= p.lost
	}
	if t.s.revoked.OnDisk(p.revoked) {
		t.receipt()
	}
	if p.gate != nil {
		t.pass(*p.gate)
	}
}

// pass opens the door of a gate, and answers the command if it was one. A card that was revoked while the disk was waited for stays outside.
func (t *turn) pass(g gate) {
	if t.died(g) {
		return
	}
	if i, wired := t.core.doors[g.decision.Door]; wired {
		t.s.doors[i].first = slices.ContainsFunc(g.grants, func(o admission.Grant) bool { return o.Decision.First })
	}
	t.open(g.decision, g.reader, g.people()...)
	if g.command != "" {
		t.settle(g.command, true, "")
	}
}

// died reports whether a card of a gate was revoked or suspended since the decision, and then refuses all who were to pass together.
func (t *turn) died(g gate) bool {
	for _, grant := range g.grants {
		entry, there := t.s.policy.Word(grant.Decision.Card, grant.Request.Key, grant.Request.Older)
		if grant.Request.NoCard || !there || entry.State == access.Active {
			continue
		}
		reason := access.CredentialRevoked
		if entry.State == access.Suspended {
			reason = access.CredentialSuspend
		}
		for _, refusal := range g.refusals(reason) {
			t.note(refusal)
		}
		admission.Undone(t.s.site, g.reader, g.grants)
		t.show(g.reader, reader.ShowDenied)
		return true
	}
	return false
}

// people are those who pass together.
func (g gate) people() (ids []string) {
	for _, grant := range g.grants {
		ids = append(ids, grant.Decision.Person)
	}
	return ids
}

// refusals are the grants turned round.
func (g gate) refusals(r access.Reason) (events []event.Event) {
	for i := range g.grants {
		e := g.events[i]
		e.Kind, e.Reason = event.AccessDenied, r
		events = append(events, e)
	}
	return events
}

func (t *turn) inTrouble() {
	r := &t.s.records
	if !r.trouble {
		r.trouble, r.since = true, t.now.At
	}
	r.retry = t.mono + RetryRecord
}

// keep holds events in memory until the journal can be written. The oldest are the ones that explain the most.
func (t *turn) keep(events ...event.Event) {
	r := &t.s.records
	room := min(len(events), maxBacklog-len(r.backlog))
	r.backlog = append(r.backlog, events[:room]...)
	t.lose(len(events) - room)
}

func (t *turn) lose(n int) {
	t.s.records.lost += n
	t.s.counts.Lost += uint64(n)
}

// unrecorded does what the area asks for when a decision to let somebody in is not on disk: it opens and keeps
// the grant, or refuses and keeps the refusal, and reports which. A nil grant is on its way to the disk already.
func (t *turn) unrecorded(g gate, grant []event.Event) (opened bool) {
	if t.died(g) {
		return false
	}
	if g.decision.Record == access.BestEffort {
		t.keep(grant...)
		t.pass(g)
		return true
	}
	refusals := g.refusals(access.NotRecorded)
	if g.command != "" {
		refusal := g.events[0]
		refusal.Kind, refusal.Reason = event.CommandRefused, access.NotRecorded
		refusals = append(refusals, refusal)
		t.settle(g.command, false, NotRecorded)
	}
	for _, refusal := range refusals {
		t.keep(t.stamp(refusal))
	}
	admission.Undone(t.s.site, g.reader, g.grants)
	t.show(g.reader, reader.ShowTrouble)
	return false
}

// giveUpWaiting ends gates that the journal has not answered in time. A grant refused here may still reach the
// disk: the refusal written later then says that it was not carried out.
func (t *turn) giveUpWaiting() {
	for i := range t.s.records.flying {
		p := &t.s.records.flying[i]
		if p.gate == nil || t.mono < p.until {
			continue
		}
		g := *p.gate
		p.gate = nil
		t.inTrouble()
		if !t.unrecorded(g, nil) {
			p.grant = nil
		}
	}
}
