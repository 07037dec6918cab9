// Package keying decides under which key a device is spoken to while it is given a new one, and when it is given. It is pure: it
// knows neither frames nor clocks.
//
// A device holds its present key until it has taken the pending one, and it may have taken it without our knowing: its answer was
// lost, or the program ended. So both are tried in turn at every handshake, the likelier one first, and only a handshake that was
// completed under the pending key says that the device has it.
package keying

import (
	"time"

	"kanmon/reader/osdp"
)

// Plan is the state of one device's keys.
type Plan struct {
	present, pending osdp.Key
	limits           Limits
	taken            bool // the device may hold the pending key: it is tried first
	second           bool // the first key of this round of handshakes has failed
	answered         bool // the last offer was acknowledged
	offers           int
	next             time.Time // no offer before
}

// Limits bounds the offers to a device that does not take its new key.
type Limits struct {
	Offers int           // in one run of the program
	Wait   time.Duration // after the first one, doubling
}

// New makes the plan of a device. A pending key (or none) may have been offered in an earlier run.
func New(present, pending osdp.Key, l Limits) *Plan {
	return &Plan{present: present, pending: pending, taken: !pending.IsZero(), limits: l}
}

func (p *Plan) changing() bool { return !p.pending.IsZero() }

func (p *Plan) tryPending() bool { return p.changing() && p.taken != p.second }

// Key is the one for the handshake to come.
func (p *Plan) Key() osdp.Key {
	if p.tryPending() {
		return p.pending
	}
	return p.present
}

// Restart begins a new round of handshakes: the one in hand was cut off.
func (p *Plan) Restart() { p.second = false }

// Failed takes a failed handshake and reports whether the other key is to be tried at once.
func (p *Plan) Failed() (another bool) {
	p.second = p.changing() && !p.second
	return p.second
}

// Outcome is what a completed handshake says about the change of keys.
type Outcome uint8

// Outcomes.
const (
	Nothing Outcome = iota
	Proven          // the device holds what was the pending key; it is the present one now
	Kept            // the device was given the pending key and holds its old one
)

// Completed takes a completed handshake. An offer of which nothing was heard was most likely lost on the line: that is Nothing, unless
// it was the last one.
func (p *Plan) Completed() Outcome {
	proven := p.tryPending()
	kept := p.changing() && p.taken && p.offers > 0 && (p.answered || p.Spent())
	p.taken, p.second = false, false
	switch {
	case proven:
		p.present, p.pending = p.pending, osdp.Key{}
		return Proven
	case kept:
		return Kept
	default:
		return Nothing
	}
}

// Due reports whether the pending key is to be offered now; ask only inside a session under the present key.
func (p *Plan) Due(now time.Time) bool {
	return p.changing() && !p.taken && !p.Spent() && !now.Before(p.next)
}

// Offered says that the pending key goes out now.
func (p *Plan) Offered(now time.Time) {
	p.taken, p.answered, p.next = true, false, now.Add(p.limits.Wait<<p.offers)
	p.offers++
}

// Acknowledged says that the device, or somebody in its name, claims to have taken the key.
func (p *Plan) Acknowledged() { p.answered = true }

// Refused says that the device has said, inside the session, that it did not take the key.
func (p *Plan) Refused() { p.taken = false }

// Spent reports that the pending key will not be offered again.
func (p *Plan) Spent() bool { return p.offers >= p.limits.Offers }
