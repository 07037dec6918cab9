package bus

import (
	"slices"
	"sync"
)

// order is one command on its way to a device and back.
type order struct {
	command Command
	done    chan error // buffered; gets exactly one value
	mu      sync.Mutex
	sent    bool
	over    bool
}

func newOrder(c Command) *order { return &order{command: c, done: make(chan error, 1)} }

// finish reports the outcome once; later calls do nothing.
func (o *order) finish(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.over = true
		o.done <- err
	}
}

// send marks the order as on the wire; false means that nobody waits for it any more.
func (o *order) send() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = o.sent || !o.over
	return !o.over
}

// unfinished is the error of an order that will not be answered.
func (o *order) unfinished() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sent {
		return ErrUnconfirmed
	}
	return ErrOffline
}

func (o *order) abandoned() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}

// queue holds the orders for one device: what moves a lock before what lights a lamp.
type queue struct {
	mu      sync.Mutex
	offline bool // takes no orders
	urgent  []*order
	normal  []*order
}

// limit bounds each lane; a caller that goes on regardless of the answers gets an error, not memory.
const limit = 64

func (q *queue) add(o *order) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	lane := &q.normal
	if o.command.urgent {
		lane = &q.urgent
	}
	switch {
	case q.offline:
		return ErrOffline
	case len(*lane) >= limit:
		return ErrFull
	}
	*lane = append(*lane, o)
	return nil
}

// waiting reports whether urgent and other orders are there, after dropping those nobody waits for.
func (q *queue) waiting() (urgent, normal bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.urgent = slices.DeleteFunc(q.urgent, (*order).abandoned)
	q.normal = slices.DeleteFunc(q.normal, (*order).abandoned)
	return len(q.urgent) > 0, len(q.normal) > 0
}

// take returns the next order to send, or nil; of the urgent ones only, or of both lanes.
func (q *queue) take(both bool) *order {
	q.mu.Lock()
	defer q.mu.Unlock()
	lanes := []*[]*order{&q.urgent, &q.normal}
	if !both {
		lanes = lanes[:1]
	}
	for _, lane := range lanes {
		for len(*lane) > 0 {
			o := (*lane)[0]
			*lane = slices.Delete(*lane, 0, 1)
			if o.send() {
				return o
			}
		}
	}
	return nil
}

// putBack returns an order that a lost session left without an answer to the head of its lane.
func (q *queue) putBack(o *order) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.offline:
		o.finish(o.unfinished())
	case o.command.urgent:
		q.urgent = slices.Insert(q.urgent, 0, o)
	default:
		q.normal = slices.Insert(q.normal, 0, o)
	}
}

// setOffline refuses and fails orders from now on, or takes them again.
func (q *queue) setOffline(offline bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.offline = offline
	if !offline {
		return
	}
	for _, o := range slices.Concat(q.urgent, q.normal) {
		o.finish(o.unfinished())
	}
	q.urgent, q.normal = nil, nil
}
