package gate

import (
	"fmt"
	"slices"
	"time"

	"kanmon/controller/revoked"
	"kanmon/internal/event"
)

// Pending is a record on its way to the journal.
type Pending struct {
	ID     uint64
	Events []event.Event // without the gate's and the report of trouble
	Grant  []event.Event // the gate's; nil: none, or not carried out
	Gate   *Gate         // nil: none, or given up
	Until  time.Duration // when the gate gives up
	Heals  bool          // it carries the backlog
	Lost   int           // how many lost events it reports

	Revoked *revoked.Handed // nil: nothing of the revocation set
}

// Records are those on their way, and what waits for a journal that can be written.
type Records struct {
	LastID  uint64
	Flying  []Pending // oldest first, which is also the order of the answers
	Backlog []event.Event
	Lost    int // events dropped and not reported yet
	Trouble bool
	Since   time.Time // the trouble began
	Retry   time.Duration
}

func (r Records) healing() bool {
	return slices.ContainsFunc(r.Flying, func(p Pending) bool { return p.Heals })
}

// Owes reports whether there is something to write that an earlier record could not.
func (r Records) Owes() bool { return (r.Trouble || len(r.Backlog) > 0) && !r.healing() }

// Deadline is when a gate gives up or what is owed is tried again, if that is before next. No more than most records fly at once.
func (r Records) Deadline(next time.Duration, most int) time.Duration {
	for _, p := range r.Flying {
		if p.Gate != nil {
			next = min(next, p.Until)
		}
	}
	if r.Owes() && len(r.Flying) < most {
		next = min(next, r.Retry)
	}
	return next
}

// Waiting reports whether a decision taken at a reader waits for its record.
func (r Records) Waiting(reader string) bool {
	return slices.ContainsFunc(r.Flying, func(p Pending) bool { return p.Gate != nil && p.Gate.Reader == reader })
}

// Opening reports whether a decision to release a door waits for its record.
func (r Records) Opening(door string) bool {
	return slices.ContainsFunc(r.Flying, func(p Pending) bool { return p.Gate != nil && p.Gate.Decision.Door == door })
}

// Story is the event that says what could not be written in time.
func (r Records) Story() event.Event {
	return event.Event{
		Kind:   event.JournalTrouble,
		Detail: fmt.Sprintf("not writable since %s; %d events late, %d lost", r.Since.UTC().Format(time.RFC3339), len(r.Backlog), r.Lost),
	}
}

// Landed takes a record out by its id; false for one that is not on its way.
func (r *Records) Landed(id uint64) (Pending, bool) {
	i := slices.IndexFunc(r.Flying, func(p Pending) bool { return p.ID == id })
	if i < 0 {
		return Pending{}, false
	}
	p := r.Flying[i]
	r.Flying = slices.Delete(r.Flying, i, i+1)
	return p, true
}

// Keep holds events until the journal can be written, no more than most, and returns how many found no room. The oldest are the ones that explain
// the most.
func (r *Records) Keep(most int, events ...event.Event) (dropped int) {
	room := min(len(events), most-len(r.Backlog))
	r.Backlog = append(r.Backlog, events[:room]...)
	return len(events) - room
}
