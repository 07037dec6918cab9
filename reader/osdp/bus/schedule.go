package bus

import (
	"slices"
	"time"
)

// rank says what a device is waiting for; lower goes first.
type rank uint8

const (
	rankUrgent rank = iota
	rankOrder
	rankRoutine
)

// ordersInRow bounds how many orders go out before a device that is due for something else gets its turn.
const ordersInRow = 8

// pick chooses the device to serve now, or says how long there is nothing to do. Among devices of one rank the
// one that has waited longest is served, so the routine work goes round. It decides nothing: until an exchange
// begins it may be asked again.
func (b *Bus) pick(now time.Time) (*device, time.Duration) {
	b.poll = false
	var best, routine *device
	bestRank := rankRoutine
	next := b.nextOffline(now)
	for i := range b.devices {
		d := b.devices[(b.last+1+i)%len(b.devices)]
		if b.routineDue(d, now) && (routine == nil || d.due.Before(routine.due)) {
			routine = d
		}
		r, at := b.want(d, now)
		switch {
		case at.After(now):
			next = earlier(next, at)
		case best == nil, r < bestRank, r == bestRank && d.due.Before(best.due):
			best, bestRank = d, r
		}
	}
	if best == nil {
		return nil, next.Sub(now)
	}
	if bestRank != rankRoutine && b.orders >= ordersInRow && routine != nil {
		best, b.poll = routine, true
	}
	return best, 0
}

// routineDue reports a device to which something other than an order could be sent now, whatever orders wait for it:
// a poll, or a step on its way to a session.
func (b *Bus) routineDue(d *device, now time.Time) bool {
	if d.flight != nil && d.flight.order != nil || d.phase == silent && now.Before(b.nextProbe) {
		return false
	}
	return !d.due.After(now)
}

// serving notes what an exchange is about to do.
func (b *Bus) serving(d *device, f *flight) {
	b.last = slices.Index(b.devices, d)
	if b.orders++; f.order == nil {
		b.orders = 0
	}
}

// want says for what and from when on a device wants to be served.
func (b *Bus) want(d *device, now time.Time) (rank, time.Time) {
	if f := d.flight; f != nil {
		return f.rank(), d.due
	}
	if d.phase == silent && d.due.Before(b.nextProbe) {
		return rankRoutine, b.nextProbe
	}
	urgent, normal := d.queue.Waiting()
	switch {
	case d.session == nil:
		return rankRoutine, d.due
	case urgent:
		return rankUrgent, now
	case normal && d.phase == online:
		return rankOrder, now
	}
	return rankRoutine, d.due
}

func (f *flight) rank() rank {
	switch {
	case f.order == nil:
		return rankRoutine
	case f.order.Urgent():
		return rankUrgent
	default:
		return rankOrder
	}
}

// probed follows a try to reach a silent device. While others are alive, the next try at any silent device
// waits three reply timeouts, so that all of them together take no more than a quarter of the line.
func (b *Bus) probed(now time.Time) {
	for _, d := range b.devices {
		if d.phase != silent {
			b.nextProbe = now.Add(3 * b.cfg.Timing.Reply)
			return
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
