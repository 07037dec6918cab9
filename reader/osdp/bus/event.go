package bus

import (
	"time"

	"kanmon/reader/osdp"
)

// Event is something that happened on the line: Online, Offline, Alarm, Card, Keys, Inputs,
// Outputs, Readers, Local or KeyProven.
// All but Offline, Alarm and KeyProven come only out of a running secure session.
type Event interface{ event() }

// Online says that a secure session with the device is up. It comes again, without an Offline between, when
// a session was lost and is back: lights and sounds of the device are unknown then and should be set again.
// Replacing an old session on schedule is not told. The states of inputs and so on follow as events.
type Online struct {
	Device       string
	At           time.Time
	ID           osdp.PDID         // as given inside the session
	Capabilities osdp.Capabilities // as given inside the session
}

// Offline says that nothing authentic came from the device for Timing.Offline. It comes once for each loss,
// and for a device that was never reached.
type Offline struct {
	Device string
	At     time.Time
}

// AlarmKind is stable: it may be stored.
type AlarmKind string

// Alarms.
const (
	// DeviceInsecure: the device sent in clear, or under a weaker block, what must be secret. It was not used.
	DeviceInsecure AlarmKind = "device_insecure"
	// HandshakeFailed: the device does not hold its key, or refuses to prove it.
	HandshakeFailed AlarmKind = "handshake_failed"
	// MACFailed: a frame with right check bytes and a wrong MAC; the session was ended.
	MACFailed AlarmKind = "mac_failed"
	// SessionLost: the device, or somebody in its name, ended the session. Once may be a disturbed line.
	SessionLost AlarmKind = "session_lost"
	// CapabilitiesDiffer: what was said in clear differs from what was said inside the session.
	CapabilitiesDiffer AlarmKind = "capabilities_differ"
	// IdentityChanged: the device at this address is another one than before, or was named wrongly in clear.
	IdentityChanged AlarmKind = "identity_changed"
	// KeyRefused: the device did not take the key it was given. Its old key goes on.
	KeyRefused AlarmKind = "key_refused"
)

// Alarm says that the line is being tampered with or badly set up.
type Alarm struct {
	Device string
	At     time.Time
	Kind   AlarmKind
	Detail string // for a person; holds no secret and no bytes the device could choose
	Count  int    // how often since the last Alarm of this kind, at least 1
}

// Card is a card that was held to the device.
type Card struct {
	Device string
	At     time.Time // when the frame was complete
	Card   osdp.RawCard
}

// Keys are keys pressed, one or many; a PIN may come in several events.
type Keys struct {
	Device string
	At     time.Time
	Keys   osdp.Keypad
}

// Inputs holds the state of all inputs of the device, the first input first.
type Inputs struct {
	Device string
	At     time.Time
	States osdp.InputStatus
}

// Outputs holds the state of all outputs of the device, the first output first.
type Outputs struct {
	Device string
	At     time.Time
	States osdp.OutputStatus
}

// Readers holds the state of the readers attached to the device, the first reader first.
type Readers struct {
	Device string
	At     time.Time
	States osdp.ReaderStatus
}

// Local is the state of the device itself: tamper and power.
type Local struct {
	Device string
	At     time.Time
	Status osdp.LocalStatus
}

// KeyProven says that a handshake with the device was completed under Device.Pending: that is its key from now on, and no other is
// tried any more. It comes at most once in a run.
type KeyProven struct {
	Device string
	At     time.Time
}

func (Online) event()    {}
func (Offline) event()   {}
func (Alarm) event()     {}
func (Card) event()      {}
func (Keys) event()      {}
func (Inputs) event()    {}
func (Outputs) event()   {}
func (Readers) event()   {}
func (Local) event()     {}
func (KeyProven) event() {}
