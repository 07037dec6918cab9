// Package door is the state machine of one door: what its lock, its contact and its exit button mean together.
// It is pure: Step takes a state, an input and the present moment and returns the next state with the effects
// to carry out. A moment is the time since the program started, on a clock that never steps.
//
// The rules, in the order in which they matter:
//
//   - A request to exit always releases the strike, in every state. Nothing here refuses an exit.
//   - A door that goes from closed to open with no release running is forced. A release runs for the release
//     time and Grace on top, because the contact's report travels over a polled line.
//   - A contact that was unknown or faulty before (a start, a lost device) proves nothing: the door is then
//     found open, not forced.
//   - A forced door stays forced until it is closed. Neither a card nor the exit button hides it.
//   - A door open longer than the held time is held. A card during the opening starts the held time anew, an
//     exit button does not: it could be wedged to hide a propped door.
//   - A release by card that no opening follows is reported as not entered, if the contact was known to be
//     closed all the time.
//   - One release by card is one passage: when the door closes behind it, the strike returns to rest at once.
//     Where an exit or a second release takes part, it is left to run out.
package door

import "time"

// Grace is how long after the release time an opening still counts as released.
const Grace = time.Second

// Contact is what the door contact says.
type Contact uint8

// Contact states. The zero value is ContactUnknown.
const (
	ContactUnknown Contact = iota // no report since the start, or its device is gone
	ContactClosed
	ContactOpen
	ContactFault // a supervised line is cut or shorted
)

// Phase is what the door is doing.
type Phase uint8

// Phases. The zero value is Locked.
const (
	Locked   Phase = iota // strike at rest, not known to be open
	Released              // strike energised or within Grace of it, not known to be open
	Opened                // open after a release, or found open
	Held                  // open longer than the held time: alarm
	Forced                // opened with no release: alarm
)

var phases = [...]string{"locked", "released", "opened", "held", "forced"}

// String returns the stable name that status messages use.
func (p Phase) String() string {
	if int(p) < len(phases) {
		return phases[p]
	}
	return "unknown"
}

// Settings are a door's times.
type Settings struct {
	Release time.Duration // how long one release energises the strike
	Held    time.Duration // open longer than this is held
}

// State of one door. The zero value is a locked door about whose contact nothing is known; it needs a
// Configure before it can release for longer than no time at all, so start with New.
type State struct {
	settings Settings
	phase    Phase
	contact  Contact
	until    time.Duration // the release, Grace included, ends here
	heldAt   time.Duration // an opened door is held from here
	releases int           // in the running release
	exit     bool          // an exit takes part in the running release
	owed     bool          // a card release waits for its opening, contact closed all the time
}

// New is a door at the program's start.
func New(s Settings) State { return State{settings: s} }

// Phase says what the door is doing.
func (s State) Phase() Phase { return s.phase }

// Contact says what the contact last reported.
func (s State) Contact() Contact { return s.contact }

// Input is one of Release, RequestToExit, ContactIs, Configure and Tick.
type Input interface{ input() }

// Release lets somebody pass whose card was accepted and recorded.
type Release struct {
	Exit bool // on the way out
}

// RequestToExit is the button inside.
type RequestToExit struct{}

// ContactIs is a report of the contact, also when it did not change.
type ContactIs struct{ Contact Contact }

// Configure sets new times; a running release or opening keeps those it began with.
type Configure struct{ Settings Settings }

// Tick says only that time has passed.
type Tick struct{}

func (Release) input()       {}
func (RequestToExit) input() {}
func (ContactIs) input()     {}
func (Configure) input()     {}
func (Tick) input()          {}

// Effect is one of Strike, Relock and Report.
type Effect interface{ effect() }

// Strike energises the strike for a time, counted anew.
type Strike struct{ For time.Duration }

// Relock returns the strike to rest before its time is over.
type Relock struct{}

// Report is a fact for the record.
type Report struct{ Fact Fact }

func (Strike) effect() {}
func (Relock) effect() {}
func (Report) effect() {}

// Fact is what a Report says.
type Fact uint8

// Facts.
const (
	DoorOpened    Fact = iota + 1 // after a release
	DoorFoundOpen                 // open, and what it was before is not known
	DoorClosed
	DoorForced    // alarm
	DoorHeld      // alarm
	NotEntered    // a card's release ended and the door never opened
	ExitRequested // the button was pressed
)
