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
//   - A door that stands unlocked (Unlock) is kept so by releases with an end, each renewed well before it, so that
//     a program that dies leaves a locked door within UnlockFor. Its openings are neither forced nor held. Secure
//     ends that at once, but for a release that somebody was given a moment ago: that one runs to its own end.
//   - A lock that says by itself that it is unlocked, while nothing released it and the door is not known to be open,
//     is reported after Settle.
//   - Neither the loss nor the return of a device releases: what returns is put to rest (Restored), or again
//     released when the door stands unlocked.
package door

import "time"

// Grace is how long after the release time an opening still counts as released.
const Grace = time.Second

// A standing unlock is made of releases of UnlockFor, renewed every UnlockEvery: two may be lost without the door locking.
const (
	UnlockFor   = 30 * time.Second
	UnlockEvery = 10 * time.Second
)

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
	Unlocked              // stands unlocked, open or not
)

var phases = [...]string{"locked", "released", "opened", "held", "forced", "unlocked"}

// String returns the stable name that status messages use.
func (p Phase) String() string {
	if int(p) < len(phases) {
		return phases[p]
	}
	return "unknown"
}

// Settings are a door's times, and what its lock is like.
type Settings struct {
	Release time.Duration // how long one release energises the strike
	Held    time.Duration // open longer than this is held
	Warn    time.Duration // so long before that it is said that the door will be; 0: not
	// Latching is a lock that stays released until it is told otherwise (a GPIO line, a lock moved by pulses): the end of
	// each release is a Relock.
	Latching bool
}

// WarnBefore is how long before held a warning comes: a third of the time, of a held time of less than 3 s none.
func WarnBefore(held time.Duration) time.Duration {
	if held < 3*time.Second {
		return 0
	}
	return held / 3
}

// State of one door. The zero value is a locked door about whose contact nothing is known; it needs a
// Configure before it can release for longer than no time at all, so start with New.
type State struct {
	settings Settings
	phase    Phase
	contact  Contact
	bolt     bolt
	passage
	standing bool          // Unlock without Secure
	renewAt  time.Duration // of the standing unlock
}

// passage is a release and the opening that follows it.
type passage struct {
	until    time.Duration // the release, Grace included, ends here
	releases int           // in the running release
	exit     bool          // an exit takes part in the running release
	owed     bool          // a card release waits for its opening, contact closed all the time
	ending   bool          // a Relock is due at endsAt
	endsAt   time.Duration
	heldAt   time.Duration // an opened door is held from here
	warnAt   time.Duration
	warned   bool // in this opening, or not to be warned of
	ajar     bool // while Unlocked: known to be open
}

// New is a door at the program's start.
func New(s Settings) State { return State{settings: s} }

// Phase says what the door is doing.
func (s State) Phase() Phase { return s.phase }

// Contact says what the contact last reported.
func (s State) Contact() Contact { return s.contact }

// Standing reports whether the door stands unlocked; while its phase is Forced, too.
func (s State) Standing() bool { return s.standing }

// Input is one of Release, RequestToExit, Unlock, Secure, ContactIs, LockIs, Restored, Configure and Tick.
type Input interface{ input() }

// Release lets somebody pass whose card was accepted and recorded.
type Release struct {
	Exit bool // on the way out
}

// RequestToExit is the button inside.
type RequestToExit struct{}

// Unlock has the door stand unlocked until Secure. A second one changes nothing.
type Unlock struct{}

// Secure ends Unlock.
type Secure struct{}

// ContactIs is a report of the contact, also when it did not change.
type ContactIs struct{ Contact Contact }

// LockIs is a report of the lock about itself, also when it did not change.
type LockIs struct{ Lock Lock }

// Restored says that the device which carries the strike is back. What its outputs do is not known.
type Restored struct{}

// Configure sets new times; a running release or opening keeps those it began with.
type Configure struct{ Settings Settings }

// Tick says only that time has passed.
type Tick struct{}

func (Release) input()       {}
func (RequestToExit) input() {}
func (Unlock) input()        {}
func (Secure) input()        {}
func (ContactIs) input()     {}
func (LockIs) input()        {}
func (Restored) input()      {}
func (Configure) input()     {}
func (Tick) input()          {}

// Effect is one of Strike, Keep, Relock, Rest and Report.
type Effect interface{ effect() }

// Strike energises the strike for a time, counted anew.
type Strike struct{ For time.Duration }

// Keep is Strike for one that is released already and is to stay so.
type Keep struct{ For time.Duration }

// Relock returns the strike to rest before its time is over, or at its end when the lock is Latching.
type Relock struct{}

// Rest makes sure that the strike is at rest when nothing releases it. A release that the device itself still counts is left to run out.
type Rest struct{}

// Report is a fact for the record.
type Report struct{ Fact Fact }

func (Strike) effect() {}
func (Keep) effect()   {}
func (Relock) effect() {}
func (Rest) effect()   {}
func (Report) effect() {}
