package wire

import (
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// Op is what a command asks for.
type Op string

// Operations.
const (
	Challenge Op = "challenge" // send a fresh nonce for this command
	Release   Op = "release"   // release a door once
	// Forget has it forget where somebody (Person, or all who are) is in an area: nothing that counts on it holds them back then.
	Forget Op = "forget"
)

// DoCommand asks a controller to do something now. A Challenge has no nonce; every other operation carries the one that the
// controller sent for this ID, which it takes once and only within CommandTime of having made it.
type DoCommand struct {
	V      int    `json:"v"`
	Type   Kind   `json:"type"`
	ID     string `json:"id"` // of the command, 1–64 bytes
	Op     Op     `json:"op"`
	Nonce  string `json:"nonce,omitempty"`
	Door   string `json:"door,omitempty"`
	Area   string `json:"area,omitempty"`   // of Forget
	Person string `json:"person,omitempty"` // of Forget; empty: everybody
	By     string `json:"by,omitempty"`     // who gave it, an actor
	Reason string `json:"reason,omitempty"` // in their words
}

// maxCommandID is the longest id of a command, MaxReason the longest reason, in bytes.
const (
	maxCommandID = 64
	MaxReason    = 1024
)

// CommandTime is how long a command's nonce is good, by the controller's monotonic clock (security reference M-6: ≤ 10 s).
const CommandTime = 10 * time.Second

// OpenCommand reads a command.
func OpenCommand(at Address, payload []byte, keys Keys) (DoCommand, error) {
	var c DoCommand
	if err := Open(at, payload, keys, &c); err != nil {
		return DoCommand{}, err
	}
	if !within(c.ID, maxCommandID) || !c.complete() {
		return DoCommand{}, fault.New(fault.Invalid, "wire.command", fmt.Sprintf("command %.20q is incomplete", c.Op))
	}
	return c, nil
}

func (c DoCommand) complete() bool {
	switch c.Op {
	case Challenge:
		return c == DoCommand{V: c.V, Type: c.Type, ID: c.ID, Op: c.Op}
	case Release:
		return validNonce(c.Nonce) && within(c.Door, access.MaxID) && c.Area == "" && c.Person == "" && c.explained()
	case Forget:
		return validNonce(c.Nonce) && c.Door == "" && within(c.Area, access.MaxID) && len(c.Person) <= access.MaxID && c.explained()
	default:
		return false
	}
}

func (c DoCommand) explained() bool { return within(c.By, access.MaxID) && within(c.Reason, MaxReason) }

// Told is who gave the command, why, and which it is, in at most so many bytes; the id is there whatever the length of the reason.
func (c DoCommand) Told(most int) string {
	frame := fmt.Sprintf("by %s:  [%s]", c.By, c.ID)
	return fmt.Sprintf("by %s: %s [%s]", c.By, event.Clip(c.Reason, most-len(frame)), c.ID)
}

func within(s string, most int) bool { return s != "" && len(s) <= most }

// CommandAnswer is a controller's answer to a command, one of three: a nonce for a challenge, Done for what was done, Refused with a
// code of at most 64 bytes for what was not.
type CommandAnswer struct {
	V       int    `json:"v"`
	Type    Kind   `json:"type"`
	ID      string `json:"id"`
	Nonce   string `json:"nonce,omitempty"`
	Done    bool   `json:"done,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// OpenAnswer reads an answer.
func OpenAnswer(at Address, payload []byte, keys Keys) (CommandAnswer, error) {
	var a CommandAnswer
	if err := Open(at, payload, keys, &a); err != nil {
		return CommandAnswer{}, err
	}
	if !within(a.ID, maxCommandID) || !a.complete() {
		return CommandAnswer{}, fault.New(fault.Invalid, "wire.answer", "answer without an id, or not one of nonce, done and refused")
	}
	return a, nil
}

func (a CommandAnswer) complete() bool {
	switch {
	case a.Nonce != "":
		return validNonce(a.Nonce) && !a.Done && a.Refused == ""
	case a.Done:
		return a.Refused == ""
	default:
		return within(a.Refused, 64)
	}
}
