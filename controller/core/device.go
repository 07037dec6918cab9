package core

import (
	"kanmon/controller/door"
	"kanmon/controller/fit"
	"kanmon/controller/inputs"
	"kanmon/internal/event"
)

// device takes what a device says about itself.
func (t *turn) device(in Input) {
	switch in := in.(type) {
	case DeviceUp:
		if t.said(t.s.devices.Up(in.Device)) {
			t.restored(in.Device)
		}
	case DeviceDown:
		if t.said(t.s.devices.Down(in.Device, brief(in.Detail))) {
			t.readings(t.core.board.Lost(t.s.inputs, in.Device)) // so its return neither releases a door nor calls it forced
		}
	case DeviceAttacked:
		t.said(t.s.devices.Attacked(in.Device, brief(in.Detail)))
	case DeviceLocal:
		t.said(t.s.devices.Local(in.Device, in.Tamper, in.Power))
	}
}

// said notes what a device said, and counts one that nobody configured.
func (t *turn) said(events []event.Event, known bool) bool {
	if !known {
		t.s.counts.Unrouted++
	}
	for _, e := range events {
		t.note(e)
	}
	return known
}

// restored puts the strikes of a device right that answers, perhaps after a time without power.
func (t *turn) restored(device string) {
	for i, w := range t.core.wiring.Doors {
		if w.Strike == device {
			t.s.doors[i].failing = false
			t.stepDoor(i, door.Restored{})
		}
	}
}

// inputs takes a report of all inputs of a device.
func (t *turn) inputs(in InputsReported) {
	t.said(nil, t.s.devices.Has(in.Device))
	t.readings(t.core.board.Report(t.s.inputs, in.Device, in.Levels))
}

func (t *turn) readings(all []inputs.Reading) {
	for _, r := range all {
		if r.NewFault() {
			t.inputFault(r)
		}
		switch i := r.Point.Door; r.Point.Kind {
		case inputs.ExitButton:
			if r.Pressed() {
				t.requestToExit(i)
			}
		case inputs.Contact:
			t.stepDoor(i, door.ContactIs{Contact: contacts[r.Sense()]})
		case inputs.Lock:
			t.stepDoor(i, door.LockIs{Lock: locks[r.Sense()]})
		default:
			t.cabinet(r)
		}
	}
}

var (
	contacts = [...]door.Contact{inputs.On: door.ContactOpen, inputs.Off: door.ContactClosed, inputs.Trouble: door.ContactFault}
	locks    = [...]door.Lock{inputs.On: door.LockLocked, inputs.Off: door.LockUnlocked, inputs.Trouble: door.LockFault}
)

// inputFault raises the alarm when a supervised input begins to report a fault, or another one.
func (t *turn) inputFault(r inputs.Reading) {
	e := event.Event{Kind: event.InputFault, Device: r.Point.Wire.Device, Detail: r.Fault()}
	if r.Point.Kind <= inputs.Lock {
		e.Door = t.core.wiring.Doors[r.Point.Door].ID
		e.Area = t.area(e.Door)
	}
	t.note(e)
}

// cabinet takes a wire that belongs to no door. Its alarms are observed and release nothing.
func (t *turn) cabinet(r inputs.Reading) {
	next, e, is := t.s.cabinet.Event(r)
	t.s.cabinet = next
	if !is {
		return
	}
	t.note(e)
	if e.Kind == event.FireAlarm { // people leave by whatever way there is
		for _, w := range t.core.wiring.Doors {
			t.doubt(w.ID, "fire")
		}
	}
}

// strikeFailed raises the alarm. While a door stands unlocked its strike is told again and again, which is one alarm.
func (t *turn) strikeFailed(in StrikeFailed) {
	if i, wired := t.core.doors[in.Door]; wired {
		d := &t.s.doors[i]
		again := d.failing
		if d.failing = d.Standing(); d.failing && again {
			return
		}
	}
	t.note(event.Event{Kind: event.StrikeFailed, Door: in.Door, Area: t.area(in.Door), Detail: brief(in.Detail)})
}

// checkFit finds the doors whose strike is not wired as their area demands. The alarm comes once.
func (t *turn) checkFit() {
	for i, wrong := range fit.Check(t.s.policy, t.core.strikes, t.core.wiredReaders) {
		if d := &t.s.doors[i]; d.unfit != wrong {
			d.unfit = wrong
			if id := t.core.wiring.Doors[i].ID; wrong != "" {
				t.note(event.Event{Kind: event.StrikeFailed, Door: id, Area: t.area(id), Detail: wrong})
			}
		}
	}
}

// unfit reports whether nobody may be let in at a door as it is wired.
func (t *turn) unfit(doorID string) bool {
	i, wired := t.core.doors[doorID]
	return wired && t.s.doors[i].unfit != ""
}
