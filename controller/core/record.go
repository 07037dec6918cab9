package core

import (
	"kanmon/controller/admission"
	"kanmon/controller/challenge"
	"kanmon/controller/gate"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/reader"
)

// No record, no entry. A decision to let somebody in becomes a gate: it opens when the journal says that the
// decision is on disk. When the journal says no, or nothing for RecordTimeout, the area's record mode decides:
// strict refuses and shows amber, best_effort opens. Either way the status says "journal", what could not be
// written waits in memory, and once the disk is back it is written behind an event journal_trouble.

// record sends the turn's events to the journal, what is owed first.
func (t *turn) record() {
	r := &t.s.records
	idle := len(t.notes) == 0 && t.gate == nil && (r.Trouble || !t.owesRevoked() && !t.owesSite() && !t.s.lease.Due(t.mono))
	if idle && (!r.Owes() || t.mono < r.Retry) {
		return
	}
	if len(r.Flying) >= maxPending {
		t.overrun()
		return
	}
	r.LastID++
	p := gate.Pending{ID: r.LastID, Events: t.notes, Gate: t.gate, Until: t.mono + RecordTimeout}
	var all []event.Event
	if r.Owes() {
		all = append(all, t.stamp(r.Story()))
		p.Heals, p.Lost = true, r.Lost
		p.Events, r.Backlog = append(r.Backlog, t.notes...), nil
	}
	all = append(all, p.Events...)
	if t.gate != nil {
		p.Grant = t.gate.Events
		all = append(all, p.Grant...)
	}
	change := Change{Policy: t.version(), Centre: t.s.centre, Floor: t.s.proven(t.mono), Revoked: t.keepRevoked(&p), Clock: t.s.service.Keep(t.serviceNow())}
	t.s.lease, change.Lease = t.s.lease.HandOver(t.leaseNow())
	if t.owesSite() {
		change.Site = t.s.site.Keep()
	}
	r.Flying = append(r.Flying, p)
	t.do(Record{ID: p.ID, Events: all, Change: change})
}

// overrun is the record of a turn while the journal answers nothing at all.
func (t *turn) overrun() {
	t.inTrouble()
	if t.gate != nil {
		t.unrecorded(*t.gate, t.gate.Events)
	}
	t.keep(t.notes...)
}

// recorded takes the journal's answer.
func (t *turn) recorded(in Recorded) {
	p, there := t.s.records.Landed(in.ID)
	if !there {
		return
	}
	if in.Err == nil {
		t.onDisk(p)
		return
	}
	t.inTrouble()
	t.s.revoked.NotOnDisk(p.Revoked)
	t.s.site.Lost()
	if k := fault.KindOf(in.Err); k == fault.Invalid || k == fault.TooLarge {
		t.lose(len(p.Events)) // the journal will never take these
		p.Events = nil
	}
	t.keep(p.Events...)
	switch {
	case p.Gate != nil:
		t.unrecorded(*p.Gate, p.Grant)
	default:
		t.keep(p.Grant...)
	}
}

func (t *turn) onDisk(p gate.Pending) {
	if p.Heals {
		t.s.records.Trouble = false
		t.s.records.Lost -= p.Lost
	}
	if t.s.revoked.OnDisk(p.Revoked) {
		t.receipt()
	}
	if p.Gate != nil {
		t.pass(*p.Gate)
	}
}

// pass opens the door of a gate, and answers the command if it was one. A card that was revoked while the disk was waited for stays outside.
func (t *turn) pass(g gate.Gate) {
	if t.died(g) {
		return
	}
	if i, wired := t.core.doors[g.Decision.Door]; wired {
		t.s.doors[i].first = g.First()
	}
	t.open(g.Decision, g.Reader, g.People()...)
	if g.Command != "" {
		t.settle(g.Command, true, "")
	}
}

// died reports whether somebody of a gate would be refused by now, and then refuses all who were to pass together.
func (t *turn) died(g gate.Gate) bool {
	reason, cause := g.Dead(t.around())
	if cause < 0 {
		return false
	}
	for _, refusal := range g.Refusals(reason, cause) {
		t.note(refusal)
	}
	admission.Undone(t.s.site, g.Reader, g.Grants)
	t.show(g.Reader, reader.ShowDenied)
	return true
}

func (t *turn) inTrouble() {
	r := &t.s.records
	if !r.Trouble {
		r.Trouble, r.Since = true, t.now.At
	}
	r.Retry = t.mono + RetryRecord
}

// keep holds events in memory until the journal can be written.
func (t *turn) keep(events ...event.Event) { t.lose(t.s.records.Keep(maxBacklog, events...)) }

func (t *turn) lose(n int) {
	t.s.records.Lost += n
	t.s.counts.Lost += uint64(n)
}

// unrecorded does what the area asks for when a decision to let somebody in is not on disk: it opens and keeps
// the grant, or refuses and keeps the refusal, and reports which. A nil grant is on its way to the disk already.
func (t *turn) unrecorded(g gate.Gate, grant []event.Event) (opened bool) {
	if t.died(g) {
		return false
	}
	if g.Decision.Record == access.BestEffort {
		t.keep(grant...)
		t.pass(g)
		return true
	}
	for _, refusal := range g.Refusals(access.NotRecorded, -1) {
		t.keep(t.stamp(refusal))
	}
	if g.Command != "" {
		t.settle(g.Command, false, challenge.NotRecorded)
	}
	admission.Undone(t.s.site, g.Reader, g.Grants)
	t.show(g.Reader, reader.ShowTrouble)
	return false
}

// giveUpWaiting ends gates that the journal has not answered in time. A grant refused here may still reach the
// disk: the refusal written later then says that it was not carried out.
func (t *turn) giveUpWaiting() {
	for i := range t.s.records.Flying {
		p := &t.s.records.Flying[i]
		if p.Gate == nil || t.mono < p.Until {
			continue
		}
		g := *p.Gate
		p.Gate = nil
		t.inTrouble()
		if !t.unrecorded(g, nil) {
			p.Grant = nil
		}
	}
}
