package core

import (
	"fmt"

	"kanmon/controller/door"
	"kanmon/internal/event"
)

// device takes what a device says about itself.
func (t *turn) device(in Input) {
	switch in := in.(type) {
	case DeviceUp:
		t.withDevice(in.Device, func(d *deviceState) { t.deviceUp(d) })
	case DeviceDown:
		t.withDevice(in.Device, func(d *deviceState) { t.deviceDown(d, in.Detail) })
	case DeviceAttacked:
		t.withDevice(in.Device, func(d *deviceState) {
			d.detail = brief(in.Detail)
			t.note(event.Event{Kind: event.DeviceInsecure, Device: d.name, Detail: d.detail})
		})
	case DeviceLocal:
		t.withDevice(in.Device, func(d *deviceState) { t.deviceLocal(d, in) })
	}
}

func (t *turn) withDevice(name string, do func(*deviceState)) {
	i, ok := t.core.devices[name]
	if !ok {
		t.s.counts.Unrouted++
		return
	}
	do(&t.s.devices[i])
}

// deviceUp may come again without a loss between: a session was made anew.
func (t *turn) deviceUp(d *deviceState) {
	if !d.online {
		t.note(event.Event{Kind: event.DeviceOnline, Device: d.name})
	}
	d.online, d.detail = true, ""
}

// deviceDown forgets what the device had reported: what happens behind its back is not known, so its return
// neither releases a door nor calls it forced.
func (t *turn) deviceDown(d *deviceState, detail string) {
	d.online, d.detail = false, brief(detail)
	t.note(event.Event{Kind: event.DeviceOffline, Device: d.name, Detail: d.detail})
	for i, w := range t.core.wiring.Doors {
		if w.ExitButton != nil && w.ExitButton.Device == d.name {
			t.s.doors[i].exitLevel = Unknown
		}
		if w.Contact != nil && w.Contact.Device == d.name {
			t.s.doors[i].contact = Unknown
			t.stepDoor(i, door.ContactIs{Contact: door.ContactUnknown})
		}
	}
}

func (t *turn) deviceLocal(d *deviceState, in DeviceLocal) {
	if in.Tamper && !d.tamper {
		t.note(event.Event{Kind: event.DeviceTamper, Device: d.name})
	}
	if in.Power && !d.power {
		t.note(event.Event{Kind: event.DevicePower, Device: d.name})
	}
	d.tamper, d.power = in.Tamper, in.Power
}

// inputs takes a report of all inputs of a device. Buttons come before contacts: when one report holds both the
// press and the opening, the door was released.
func (t *turn) inputs(in InputsReported) {
	if _, ok := t.core.devices[in.Device]; !ok {
		t.s.counts.Unrouted++
		return
	}
	for i, w := range t.core.wiring.Doors {
		if w.ExitButton != nil && w.ExitButton.Device == in.Device {
			t.exitButton(i, *w.ExitButton, in.level(w.ExitButton.Input))
		}
	}
	for i, w := range t.core.wiring.Doors {
		if w.Contact != nil && w.Contact.Device == in.Device {
			t.contact(i, w, in.level(w.Contact.Input))
		}
	}
}

// level is Faulty for an input that the device does not have: the wiring is wrong, and somebody must know.
func (in InputsReported) level(n int) Level {
	if n < 0 || n >= len(in.Levels) {
		return Faulty
	}
	return in.Levels[n]
}

// exitButton releases at the moment of the press. The first report after a start or a loss only says how the
// button stands: the return of a line opens no door.
func (t *turn) exitButton(i int, w Wire, now Level) {
	was := t.s.doors[i].exitLevel
	t.s.doors[i].exitLevel = now
	t.inputFault(i, w, was, now)
	if now == Active && was != Active && was != Unknown {
		t.requestToExit(i)
	}
}

func (t *turn) contact(i int, w WiredDoor, now Level) {
	was := t.s.doors[i].contact
	t.s.doors[i].contact = now
	t.inputFault(i, *w.Contact, was, now)
	t.stepDoor(i, door.ContactIs{Contact: contactOf(now, w.OpenWhen)})
}

func contactOf(l, openWhen Level) door.Contact {
	switch {
	case l == openWhen:
		return door.ContactOpen
	case l == Active || l == Inactive:
		return door.ContactClosed
	case l.fault():
		return door.ContactFault
	default:
		return door.ContactUnknown
	}
}

func (l Level) fault() bool { return l == Short || l == Cut || l == Faulty }

var levelNames = map[Level]string{Short: "short", Cut: "cut", Faulty: "fault"}

// inputFault raises the alarm when a supervised input begins to report a fault, or another one.
func (t *turn) inputFault(i int, w Wire, was, now Level) {
	if !now.fault() || was == now {
		return
	}
	id := t.core.wiring.Doors[i].ID
	t.note(event.Event{
		Kind: event.InputFault, Device: w.Device, Door: id, Area: t.area(id),
		Detail: fmt.Sprintf("input %d: %s", w.Input, levelNames[now]),
	})
}
