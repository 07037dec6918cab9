// Package device is the register of controllers and of the readers and I/O devices on their lines
// (Art. 103: each is known by name and key, an unknown one is refused). It also keeps two things that are
// not registers but live beside them: the last status each controller sent, and the policy version each
// controller should have.
package device

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
)

// Secret is a controller's password for the broker. It prints masked; Reveal gives the text, once, to the
// person who registers the controller. The centre keeps only its SHA-256 (the secret is 256 random bits).
type Secret struct{ text string }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.text }

// Format masks the secret under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// LogValue masks the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText masks the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// NewController is what is entered about a controller.
type NewController struct {
	Name  string // wire.ValidName: lower case letters, digits, hyphens; also its MQTT user name
	Place string // where it hangs, at most 64 characters
}

// Controller is one controller with what is known of it now.
type Controller struct {
	Name    string
	Place   string
	Version int64

	Online     bool
	LastSeen   time.Time     // when its last status came; zero: never
	Offset     time.Duration // its clock − ours at the last status (whole milliseconds); positive: it is ahead
	OffsetOK   bool          // false: it never told its time
	Backlog    uint64        // events it has that it knows no acknowledgement for
	Applied    access.Version
	Wanted     access.Version
	PolicyHash string // of the applied policy, hex
	Software   string
	Devices    []Attached
	Doors      []DoorState
	Trouble    []string
}

// UpToDate reports whether the controller has said that it applied the policy it should have.
func (c Controller) UpToDate() bool { return c.Applied == c.Wanted }

// Attached is one reader or I/O device as its controller sees it.
type Attached struct {
	Name   string `json:"name"`
	Online bool   `json:"online"`
	Secure bool   `json:"secure"`
	Detail string `json:"detail,omitempty"`
}

// DoorState is one door as its controller sees it.
type DoorState struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// Kind of a device on a line.
type Kind string

// Kinds.
const (
	OSDPReader Kind = "osdp_reader"
	OSDPIO     Kind = "osdp_io" // strikes, contacts and buttons on the secure side
)

// Reader is a reader or I/O device on a controller's line.
type Reader struct {
	Name       string // unique on its controller
	Controller string
	Kind       Kind
	Address    int   // OSDP address 0–126
	Version    int64 // in answers
}

// Status is what a controller said about itself. Nil and zero fields were not said.
type Status struct {
	Online     bool
	Retained   bool // delivered from the broker's memory, not said now: its clock proves nothing
	At         time.Time
	Epoch      uint64
	LastSeq    uint64
	Acked      uint64
	Policy     access.Version
	PolicyHash string
	Software   string
	Devices    []Attached
	Doors      []DoorState
	Trouble    []string
}

// Register is the register of devices.
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }
