// Package raise says which alarms events raise and end, how a batch of them comes together, and when refusals are too many. It is pure: package
// alarm keeps what comes of it.
package raise

import "kanmon/internal/event"

// Kind of an alarm. The value is stable: it is kept for years. Most are named as the events that raise them.
type Kind string

// Kinds that are no kind of event.
const (
	LeftAlone        Kind = "left_alone"        // one person stays behind where two have to be
	EscortLeft       Kind = "escort_left"       // visitors stay behind without an escort
	WeakRead         Kind = "weak_read"         // a card was read in a weaker or another way than its place asks for
	RepeatedRefusals Kind = "repeated_refusals" // at a door, or of a card
	ControllerSilent Kind = "controller_silent" // nothing is heard of a controller
	ClockOff         Kind = "clock_off"         // a controller's clock differs from the centre's
)

// Severity says how soon somebody has to look.
type Severity string

// Severities.
const (
	Urgent Severity = "urgent"
	Normal Severity = "normal"
)

// About is what kind of thing an alarm is about.
type About string

// Things an alarm is about.
const (
	Door       About = "door"
	Device     About = "device"     // controller/name
	Controller About = "controller" //
	Person     About = "person"     //
	Card       About = "card"       //
	Credential About = "credential" // fingerprint of a card nobody knows
	Area       About = "area"       // controller/area where one controller's input tells of it
	Centre     About = "centre"     // the centre itself; the id is empty
)

// Subject is what an alarm is about.
type Subject struct {
	About About
	ID    string
}

// Key tells alarms apart: of each at most one is open.
type Key struct {
	Kind    Kind
	Subject Subject
}

// Of is the key of an alarm of a kind about a thing.
func Of(k Kind, about About, id string) Key { return Key{k, Subject{about, id}} }

func kindOf(k event.Kind) Kind { return Kind(k) }
