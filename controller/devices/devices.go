// Package devices is what a controller knows of its readers, I/O devices, relay boards and GPIO chips themselves: who answers, and whose cover
// or power is in trouble. It is pure.
package devices

import (
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

type device struct {
	name          string
	bare          bool // its line has no secure channel
	online        bool
	tamper, power bool
	detail        string
}

// Table is all devices. Its methods change it, and return the events that a change makes; known is false for a device that nobody configured.
type Table struct{ all []device }

// New is a table in which nobody has answered yet. Those in bare have no secure channel to show.
func New(names []string, bare map[string]bool) Table {
	var t Table
	for _, name := range names {
		t.all = append(t.all, device{name: name, bare: bare[name]})
	}
	return t
}

func (t Table) find(name string) *device {
	for i := range t.all {
		if t.all[i].name == name {
			return &t.all[i]
		}
	}
	return nil
}

// Has reports whether there is such a device.
func (t Table) Has(name string) bool { return t.find(name) != nil }

// Up says that a device answers. It may come again without a loss between: a session was made anew.
func (t Table) Up(name string) (events []event.Event, known bool) {
	d := t.find(name)
	if d == nil {
		return nil, false
	}
	if !d.online {
		events = append(events, event.Event{Kind: event.DeviceOnline, Device: name})
	}
	d.online, d.detail = true, ""
	return events, true
}

// Down says that a device stopped answering.
func (t Table) Down(name, detail string) (events []event.Event, known bool) {
	d := t.find(name)
	if d == nil {
		return nil, false
	}
	d.online, d.detail = false, detail
	return []event.Event{{Kind: event.DeviceOffline, Device: name, Detail: detail}}, true
}

// Attacked says that somebody tries something on a device's line.
func (t Table) Attacked(name, detail string) (events []event.Event, known bool) {
	d := t.find(name)
	if d == nil {
		return nil, false
	}
	d.detail = detail
	return []event.Event{{Kind: event.DeviceInsecure, Device: name, Detail: detail}}, true
}

// Local is a device's word about its cover and its power; true is trouble.
func (t Table) Local(name string, tamper, power bool) (events []event.Event, known bool) {
	d := t.find(name)
	if d == nil {
		return nil, false
	}
	if tamper && !d.tamper {
		events = append(events, event.Event{Kind: event.DeviceTamper, Device: name})
	}
	if power && !d.power {
		events = append(events, event.Event{Kind: event.DevicePower, Device: name})
	}
	d.tamper, d.power = tamper, power
	return events, true
}

// Status of all devices, in the order in which they were configured.
func (t Table) Status() []wire.DeviceStatus {
	var all []wire.DeviceStatus
	for _, d := range t.all {
		all = append(all, wire.DeviceStatus{Name: d.name, Online: d.online, Secure: d.online && !d.bare, Detail: d.detail})
	}
	return all
}
