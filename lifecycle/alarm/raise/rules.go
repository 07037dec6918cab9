package raise

import (
	"strings"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// rule says how soon somebody has to look at an event, and what the alarm is about.
type rule struct {
	severity Severity
	about    func(controller string, e event.Event) Subject
}

// rules are the events that raise alarms. What is urgent is a person in danger, or somebody at work on a door or a device.
var rules = map[event.Kind]rule{
	event.DoorForced:    {Urgent, door},
	event.DoorHeld:      {Normal, door},
	event.LockUnsecured: {Normal, door},
	event.InputFault:    {Normal, door},
	event.StrikeFailed:  {Normal, door},
	event.RuleBroken:    {Normal, door},

	event.Duress:       {Urgent, person},
	event.RecoveryUsed: {Normal, person},
	event.PINStopped:   {Normal, person},

	event.LockdownBegun: {Urgent, area},
	event.FireAlarm:     {Urgent, input},
	event.GasAlarm:      {Urgent, input},

	event.DeviceOffline:    {Normal, device},
	event.DeviceInsecure:   {Urgent, device},
	event.DeviceTamper:     {Urgent, device},
	event.DevicePower:      {Normal, device},
	event.DeviceKeyRefused: {Normal, device},
	event.CardLeft:         {Normal, device},

	event.BoxOpened:          {Urgent, box},
	event.MainsLost:          {Normal, box},
	event.BatteryLow:         {Normal, box},
	event.PolicyRefused:      {Normal, box},
	event.JournalTrouble:     {Normal, box},
	event.ClockStepped:       {Normal, box},
	event.ClockUnset:         {Normal, box},
	event.LeaseWarning:       {Normal, box},
	event.LeaseLapsed:        {Normal, box},
	event.CommandRefused:     {Normal, box},
	event.CertificateWarning: {Normal, box},

	event.EpochOpened: {Normal, centre},
}

// ends are the events that say of alarms about the same subject that they are over.
var ends = map[event.Kind][]event.Kind{
	event.DoorClosed:      {event.DoorHeld},
	event.LockSecured:     {event.LockUnsecured},
	event.DeviceOnline:    {event.DeviceOffline},
	event.CardTaken:       {event.CardLeft},
	event.FireCleared:     {event.FireAlarm},
	event.GasCleared:      {event.GasAlarm},
	event.LockdownLifted:  {event.LockdownBegun},
	event.MainsRestored:   {event.MainsLost},
	event.BatteryRestored: {event.BatteryLow},
	event.BoxClosed:       {event.BoxOpened},
	event.ClockSet:        {event.ClockUnset},
	event.LeaseRenewed:    {event.LeaseWarning, event.LeaseLapsed},
}

// raises returns the alarm that an event raises, if it does.
func raises(controller string, e event.Event) (Key, Severity, bool) {
	if about, is := weak(controller, e); is {
		return Key{WeakRead, about}, Normal, true
	}
	r, is := rules[e.Kind]
	if !is {
		return Key{}, "", false
	}
	if e.Kind == event.RuleBroken && (e.Reason == access.LeftAlone || e.Reason == access.EscortLeft) {
		return Key{Kind(e.Reason), area(controller, e)}, Urgent, true
	}
	return Key{kindOf(e.Kind), r.about(controller, e)}, r.severity, true
}

// weak reports a read that proves less than the area demands of a card that is known (somebody may hold a copy of its number), or that the reader was
// not commissioned for (somebody may speak in its place).
func weak(controller string, e event.Event) (Subject, bool) {
	switch {
	case e.Kind == event.AccessDenied && e.Reason == access.TrustTooLow && e.Card != "" && e.Detail != event.WithOthers:
		return Subject{Card, Plain(e.Card)}, true
	case (e.Kind == event.AccessDenied || e.Kind == event.AccessGranted) && e.Reason == access.FrameUnexpected:
		return device(controller, event.Event{Reader: e.Reader}), true
	default:
		return Subject{}, false
	}
}

// over returns the alarms that an event ends.
func over(controller string, e event.Event) []Key {
	kinds := ends[e.Kind]
	keys := make([]Key, len(kinds))
	for i, k := range kinds {
		keys[i] = Key{kindOf(k), rules[k].about(controller, e)}
	}
	return keys
}

// What an event is about: the thing itself, or the next larger one where it does not name it.

func box(controller string, _ event.Event) Subject { return Subject{Controller, controller} }

func centre(string, event.Event) Subject { return Subject{About: Centre} }

func door(controller string, e event.Event) Subject {
	if e.Door == "" {
		return device(controller, e)
	}
	return Subject{Door, Plain(e.Door)}
}

func area(controller string, e event.Event) Subject {
	if e.Area == "" {
		return door(controller, e)
	}
	return Subject{Area, Plain(e.Area)}
}

// input is an area as one controller's input knows it: the all-clear of another's says nothing about it.
func input(controller string, e event.Event) Subject {
	if e.Area == "" {
		return door(controller, e)
	}
	return Subject{Area, controller + "/" + Plain(e.Area)}
}

func device(controller string, e event.Event) Subject {
	name := e.Device
	if name == "" {
		name = e.Reader
	}
	if name == "" {
		return box(controller, e)
	}
	return Subject{Device, controller + "/" + Plain(name)}
}

func person(controller string, e event.Event) Subject {
	switch {
	case e.Person != "":
		return Subject{Person, Plain(e.Person)}
	case e.Card != "":
		return Subject{Card, Plain(e.Card)}
	default:
		return door(controller, e)
	}
}

// Shared reports whether controllers have such a subject in common: an alarm about it belongs to none of them.
func (k Key) Shared() bool {
	if k.Kind == kindOf(event.FireAlarm) || k.Kind == kindOf(event.GasAlarm) {
		return false
	}
	switch k.Subject.About {
	case Person, Card, Credential, Area, Centre:
		return true
	case Door, Device, Controller:
	}
	return false
}

// Plain replaces the one character a JSON text can hold and a column cannot.
func Plain(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }
