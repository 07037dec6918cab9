package door

import (
	"kanmon/internal/access"
	"kanmon/internal/event"
)

// Fact is what a Report says.
type Fact uint8

// Facts.
const (
	DoorOpened    Fact = iota + 1 // after a release, or while it stands unlocked
	DoorFoundOpen                 // open, and what it was before is not known
	DoorClosed
	DoorForced    // alarm
	DoorHeld      // alarm
	NotEntered    // a card's release ended and the door never opened
	ExitRequested // the button was pressed
	HeldWarning   // held before long
	DoorUnlocked  // stands unlocked from now on
	DoorSecured   // no longer
	LockUnsecured // the lock says unlocked while nothing releases it: alarm
	LockSecured   // no longer
)

var events = map[Fact]event.Event{
	DoorOpened:    {Kind: event.DoorOpened},
	DoorFoundOpen: {Kind: event.DoorOpened, Detail: "found open"},
	DoorClosed:    {Kind: event.DoorClosed},
	DoorForced:    {Kind: event.DoorForced},
	DoorHeld:      {Kind: event.DoorHeld},
	NotEntered:    {Kind: event.NotEntered},
	ExitRequested: {Kind: event.RequestToExit, Direction: access.Out},
	HeldWarning:   {Kind: event.HeldWarning},
	DoorUnlocked:  {Kind: event.DoorUnlocked},
	DoorSecured:   {Kind: event.DoorSecured},
	LockUnsecured: {Kind: event.LockUnsecured},
	LockSecured:   {Kind: event.LockSecured},
}

// Event is a fact as it goes on record, without the door and the people.
func (f Fact) Event() event.Event { return events[f] }
