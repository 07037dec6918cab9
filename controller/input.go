package controller

import (
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/reader"
)

// Moment is one reading of both clocks. Wall may step and may be wrong; Mono counts from the program's start
// and never steps. Deadlines live on Mono, events carry what the rules of clock.go make of Wall.
type Moment struct {
	Wall time.Time
	Mono time.Duration
}

// Input is what can happen to a controller.
type Input interface{ input() }

// Presented is a card at a reader, already hashed: the core never sees a card number.
type Presented struct {
	Reader string
	Key    access.Key
}

// KeysPressed is a report of a reader's keypad. It is counted, and the keys are dropped: no door here takes a code.
type KeysPressed struct{ Reader string }

// InputsReported is the state of all inputs of a device.
type InputsReported struct {
	Device string
	Levels []Level
}

// Level is the state of one input, as OSDP's input status reply numbers them.
type Level uint8

// Levels.
const (
	Inactive Level = iota
	Active
	Short
	Cut
	Faulty
	Unknown
)

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
	Policy *access.Policy
	Hash   string
}

// PolicyRejected says that a policy came and was not taken.
type PolicyRejected struct{ Detail string }

// Recorded is the journal's answer to a Record effect.
type Recorded struct {
	ID  uint64
	Err error
}

// StrikeFailed says that an output device did not confirm a command.
type StrikeFailed struct{ Door, Detail string }

// Tick says only that time has passed.
type Tick struct{}

func (Presented) input()      {}
func (KeysPressed) input()    {}
func (InputsReported) input() {}
func (DeviceUp) input()       {}
func (DeviceDown) input()     {}
func (DeviceAttacked) input() {}
func (DeviceLocal) input()    {}
func (PolicyReady) input()    {}
func (PolicyRejected) input() {}
func (Recorded) input()       {}
func (StrikeFailed) input()   {}
func (Tick) input()           {}

// Effect is what a controller does about it, in the order given.
type Effect interface{ effect() }

// Record asks the journal for one commit of events (numbered there) and derived state. The answer is the input
// Recorded with the same ID. Records reach the journal in the order of their IDs.
type Record struct {
	ID     uint64
	Events []event.Event
	Policy *access.Version // newly applied, nil for none
}

// Strike energises a door's strike for a time that the output device itself counts.
type Strike struct {
	Door string
	For  time.Duration
}

// Relock returns a door's strike to rest at once.
type Relock struct{ Door string }

// Show answers the person at a reader.
type Show struct {
	Reader   string
	Feedback reader.Feedback
}

func (Record) effect() {}
func (Strike) effect() {}
func (Relock) effect() {}
func (Show) effect()   {}
