// Package order holds commands between the caller who waits for their outcome and the line that serves them.
package order

import (
	"errors"
	"slices"
	"sync"

	"kanmon/internal/fault"
)

// What can become of a command, besides a device's answer.
var (
	// ErrOffline: there is no session with the device, and the command was not sent.
	ErrOffline error = fault.New(fault.Unavailable, "osdp.offline", "osdp: device offline")
	// ErrTimeout: the command waited too long and was not sent, and will not be.
	ErrTimeout error = fault.New(fault.Unavailable, "osdp.timeout", "osdp: command not sent in time")
	// ErrUnconfirmed: the command was sent and no answer came in time; the device may have acted on it.
	ErrUnconfirmed error = fault.New(fault.Unavailable, "osdp.unconfirmed", "osdp: command sent but not confirmed")
	// ErrFull: more commands wait for the device than make sense.
	ErrFull error = fault.New(fault.TooMany, "osdp.queue_full", "osdp: too many commands waiting")
)

// Order is one command on its way to a device and back.
type Order[C any] struct {
	command C
	urgent  bool
	done    chan error // buffered; gets exactly one value
	mu      sync.Mutex
	sent    bool
	over    bool
}

// New makes an order of a command. An urgent one goes before all others.
func New[C any](command C, urgent bool) *Order[C] {
	return &Order[C]{command: command, urgent: urgent, done: make(chan error, 1)}
}

// Command is what is ordered.
func (o *Order[C]) Command() C { return o.command }

// Urgent reports whether it goes before others.
func (o *Order[C]) Urgent() bool { return o.urgent }

// Done delivers the outcome.
func (o *Order[C]) Done() <-chan error { return o.done }

// Finish reports the outcome once; later calls do nothing.
func (o *Order[C]) Finish(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.over = true
		o.done <- err
	}
}

// send marks the order as on the wire; false means that nobody waits for it any more.
func (o *Order[C]) send() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = o.sent || !o.over
	return !o.over
}

// unfinished is the error of an order that will not be answered.
func (o *Order[C]) unfinished() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sent {
		return ErrUnconfirmed
	}
	return ErrOffline
}

// Abandoned reports that nobody waits for the outcome any more.
func (o *Order[C]) Abandoned() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}

// Queue holds the orders for one device: what moves a lock before what lights a lamp.
type Queue[C any] struct {
	mu      sync.Mutex
	offline bool // takes no orders
	urgent  []*Order[C]
	normal  []*Order[C]
}

// NewQueue makes a queue that takes nothing until SetOffline(false).
func NewQueue[C any]() *Queue[C] { return &Queue[C]{offline: true} }

// Limit bounds each lane; a caller that goes on regardless of the answers gets an error, not memory.
const Limit = 64

// Add queues an order, or refuses it with ErrOffline or ErrFull.
func (q *Queue[C]) Add(o *Order[C]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	lane := &q.normal
	if o.urgent {
		lane = &q.urgent
	}
	switch {
	case q.offline:
		return ErrOffline
	case len(*lane) >= Limit:
		return ErrFull
	}
	*lane = append(*lane, o)
	return nil
}

// Waiting reports whether urgent and other orders are there, after dropping those nobody waits for.
func (q *Queue[C]) Waiting() (urgent, normal bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.urgent = slices.DeleteFunc(q.urgent, (*Order[C]).Abandoned)
	q.normal = slices.DeleteFunc(q.normal, (*Order[C]).Abandoned)
	return len(q.urgent) > 0, len(q.normal) > 0
}

// Take returns the next order to send, or nil; of the urgent ones only, or of both lanes.
func (q *Queue[C]) Take(both bool) *Order[C] {
	q.mu.Lock()
	defer q.mu.Unlock()
	lanes := []*[]*Order[C]{&q.urgent, &q.normal}
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

// PutBack returns an order that a lost session left without an answer to the head of its lane.
func (q *Queue[C]) PutBack(o *Order[C]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.offline:
		o.Finish(o.unfinished())
	case o.urgent:
		q.urgent = slices.Insert(q.urgent, 0, o)
	default:
		q.normal = slices.Insert(q.normal, 0, o)
	}
}

// SetOffline refuses and fails orders from now on, or takes them again.
func (q *Queue[C]) SetOffline(offline bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.offline = offline
	if !offline {
		return
	}
	for _, o := range slices.Concat(q.urgent, q.normal) {
		o.Finish(o.unfinished())
	}
	q.urgent, q.normal = nil, nil
}

// GiveUp ends the order from the caller's side. An answer that came at the last moment still counts.
func (o *Order[C]) GiveUp(cause error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	select {
	case err := <-o.done:
		return err
	default:
	}
	err := ErrTimeout
	if o.sent {
		err = ErrUnconfirmed
	}
	if cause != nil {
		return errors.Join(err, cause)
	}
	return err
}
