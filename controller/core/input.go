package core

import (
	"time"

	"kanmon/controller/admission"
	"kanmon/controller/clock"
	"kanmon/controller/inputs"
	"kanmon/controller/lease"
	"kanmon/controller/revoked"
	"kanmon/controller/site"
	"kanmon/controller/timeservice"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/wire"
	"kanmon/reader"
)

// Moment is one reading of both clocks. Deadlines live on Mono, events carry what package clock makes of Wall.
type Moment = clock.Moment

// Input is what can happen to a controller.
type Input interface{ input() }

// Presented is a card at a reader, already hashed: the core never sees a card number.
type Presented struct {
	Reader string
	Key    access.Key   // in the newest form
	Older  []access.Key // the card's other forms, newest first
	Trust  access.Trust // what the driver and the format of the read allow
	Shape  access.Shape // of the read
}

// ReadFailed is a card that was at a reader and could not be read, or is no identifier.
type ReadFailed struct {
	Reader, Detail string
	Noise          bool // bytes came broken: nobody knows whether a card was there
}

// KeysPressed is a report of a reader's keypad. It is counted only: the keys are put together elsewhere.
type KeysPressed struct{ Reader string }

// Typed is what was entered at a reader's keypad.
type Typed struct {
	Reader string
	Code   admission.Code
}

// InputsReported is the state of all inputs of a device.
type InputsReported struct {
	Device string
	Levels []inputs.Level
}

// DeviceUp says that a device answers in a secure channel.
type DeviceUp struct{ Device string }

// DeviceDown says that a device stopped answering.
type DeviceDown struct{ Device, Detail string }

// DeviceAttacked is an attempt on a device's line: a downgrade, a wrong key, a card in the clear.
type DeviceAttacked struct{ Device, Detail string }

// DeviceLocal is a device's report on itself.
type DeviceLocal struct {
	Device        string
	Tamper, Power bool // true: alarm
}

// PolicyReady is a newer policy, compiled and safe on disk.
type PolicyReady struct {
	Policy *decide.Policy
	Hash   string
	Made   time.Time // when the centre signed it
}

// Recalled is what the last run left, after all: the journal could not be read when the program started (Saved.Unread).
type Recalled struct{ Saved Saved }

// PolicyRejected says that a policy came and was not taken.
type PolicyRejected struct{ Detail string }

// RevocationsCame is a run of the revocation set, signed by the centre.
type RevocationsCame struct{ Set wire.RevokedSet }

// Leased is the centre's answer to a nonce that was made at a moment (Mono).
type Leased struct {
	Grant wire.LeaseGrant
	Made  time.Duration
}

// Commanded is a command of the centre, with a fresh nonce to answer it with.
type Commanded struct {
	Command wire.DoCommand
	Fresh   string
}

// CommandRejected says that something came as a command and does not hold.
type CommandRejected struct{ Detail string }

// CentreSeen says that the centre has spoken in an epoch.
type CentreSeen struct{ Epoch uint64 }

// Noted is a fact that changes nothing here and belongs on record. Card is the one that it is about, as it was presented; nil: none.
type Noted struct {
	Event event.Event
	Card  *Presented
}

// Recorded is the journal's answer to a Record effect.
type Recorded struct {
	ID  uint64
	Err error
}

// ClockHeard is the kernel's word on the machine's clock: whether a time service sets it.
type ClockHeard struct{ Set bool }

// StrikeFailed says that an output device did not confirm a command.
type StrikeFailed struct{ Door, Detail string }

// Tick says only that time has passed.
type Tick struct{}

func (Presented) input()      {}
func (ReadFailed) input()     {}
func (KeysPressed) input()    {}
func (Typed) input()          {}
func (InputsReported) input() {}
func (DeviceUp) input()       {}
func (DeviceDown) input()     {}
func (DeviceAttacked) input() {}
func (DeviceLocal) input()    {}
func (PolicyReady) input()    {}
func (PolicyRejected) input() {}
func (Recalled) input()       {}
func (Recorded) input()       {}
func (StrikeFailed) input()   {}
func (Tick) input()           {}

func (RevocationsCame) input() {}
func (Leased) input()          {}
func (Commanded) input()       {}
func (CommandRejected) input() {}
func (CentreSeen) input()      {}
func (Noted) input()           {}
func (ClockHeard) input()      {}

// Effect is what a controller does about it, in the order given.
type Effect interface{ effect() }

// Record asks the journal for one commit of events (numbered there) and derived state. The answer is the input
// Recorded with the same ID. Records reach the journal in the order of their IDs.
type Record struct {
	ID     uint64
	Events []event.Event
	Change Change
}

// Change is the state that is written with the events.
type Change struct {
	Policy  *access.Version // in force; nil for none
	Centre  uint64          // newest epoch of the centre heard of
	Floor   time.Time       // newest moment that is certainly past
	Revoked *revoked.Kept   // nil: nothing new
	Lease   *lease.Kept     // nil: never confirmed
	Site    *site.Kept      // nil: nothing new
	Clock   timeservice.Kept
}

// Strike energises a door's strike for a time that the output device itself counts.
type Strike struct {
	Door string
	For  time.Duration
}

// Keep is Strike for a strike that is released already and is to stay so.
type Keep struct {
	Door string
	For  time.Duration
}

// Relock returns a door's strike to rest at once.
type Relock struct{ Door string }

// Rest makes sure that a door's strike is at rest, and leaves a release that its device still counts to run out.
type Rest struct{ Door string }

// Show answers the person at a reader.
type Show struct {
	Reader   string
	Feedback reader.Feedback
}

// Receipt tells the centre how far the revocation set is in force and on disk.
type Receipt struct{ wire.RevokedReceipt }

// Answer answers a command of the centre.
type Answer struct{ wire.CommandAnswer }

func (Record) effect()  {}
func (Strike) effect()  {}
func (Keep) effect()    {}
func (Relock) effect()  {}
func (Rest) effect()    {}
func (Show) effect()    {}
func (Receipt) effect() {}
func (Answer) effect()  {}
