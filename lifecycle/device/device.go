// Package device is the register of controllers and of the readers and I/O devices on their lines
// (Art. 103: each is known by name and key, an unknown one is refused). A controller's identity is a register of its
// own: tokens, enrolments, renewals and revocations, each a version. The package also keeps three things that are
// not registers but live beside them: the last status each controller sent, the policy version each controller should
// have, and the centre's epoch.
package device

import (
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
)

// NewController is what is entered about a controller.
type NewController struct {
	Name  string // wire.ValidName: lower case letters, digits, hyphens; also its MQTT client id and certificate name
	Place string // where it hangs, at most 64 characters
}

// Controller is one controller with what is known of it now.
type Controller struct {
	Name    string
	Place   string
	Version int64
	Identity

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

	Start, N    uint64 // numbers of the last status
	Kept        uint64 // events in its journal
	FillPerMil  int    // of the room for events, 0–1000
	Revoked     access.Version
	RevokedHash string        // access.Revocations.Hash of what is in force there
	LeaseAge    time.Duration // whole seconds
	LeasedAt    time.Time     // when the centre last sent it a lease; zero: never
}

// Identity is what a controller proves itself with. All but State is empty before the first enrolment; afterwards it is the last that
// was enrolled, also when that was revoked.
type Identity struct {
	State             State
	KeyID             string // wire.KeyID of its public key
	Fingerprint       string // of its certificate, as its issuer gave it
	CertificateSerial string
	CertificateIssued time.Time
	CertificateUntil  time.Time
	RevokedAt         time.Time // with State Revoked
	RevokedReason     string
	TokenUntil        time.Time // end of a token not used yet; zero: none is open
}

// State of a controller's identity.
type State string

// States.
const (
	Registered State = "registered" // entered, never enrolled
	Enrolled   State = "enrolled"
	Revoked    State = "revoked" // thrown out; a new token and a new key bring it back
)

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

// Status is what a controller said about itself. Nil and zero fields were not said.
type Status struct {
	Online      bool
	Retained    bool   // delivered from the broker's memory, not said now: its clock proves nothing
	Start, N    uint64 // order of statuses: Start rises with every start of the controller, N with every status of one start
	At          time.Time
	Epoch       uint64
	LastSeq     uint64
	Acked       uint64
	Kept        uint64
	FillPerMil  int
	Policy      access.Version
	PolicyHash  string
	Revoked     access.Version
	RevokedHash string
	LeaseAge    time.Duration
	LeaseTime   time.Duration // whole seconds; 0: it did not say
	Software    string
	Devices     []Attached
	Doors       []DoorState
	Trouble     []string
	// LeasedAt is the centre's clock when it answers this status with a lease; zero: it does not, and the last one stays.
	LeasedAt time.Time
}

// Register is the register of devices. A program has one for each store: what it remembers of keys, and who is told of revocations,
// hangs on the one through which they are changed. It is safe for use by many goroutines.
type Register struct {
	store *store.Store
	keys  keyring
	told  listeners
}

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }
