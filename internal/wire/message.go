package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// AckUpTo tells a controller that the centre has committed everything of Epoch up to UpTo. A lower number than
// the controller remembers means the centre went back: the controller sends again from there. Centre is the centre's own epoch: an
// acknowledgement of an earlier one proves nothing about the present centre and is refused.
type AckUpTo struct {
	V      int    `json:"v"`
	Type   Kind   `json:"type"`
	Centre uint64 `json:"centre"`
	Epoch  uint64 `json:"epoch"`
	UpTo   uint64 `json:"up_to"`
}

// NewAck fills in the header.
func NewAck(centre, epoch, upTo uint64) AckUpTo {
	return AckUpTo{V: V, Type: Ack, Centre: centre, Epoch: epoch, UpTo: upTo}
}

// OpenAck reads an acknowledgement.
func OpenAck(at Address, payload []byte, keys Keys) (AckUpTo, error) {
	var a AckUpTo
	if err := Open(at, payload, keys, &a); err != nil {
		return AckUpTo{}, err
	}
	if a.Epoch == 0 || a.Centre == 0 {
		return AckUpTo{}, fault.New(fault.Invalid, "wire.ack", "acknowledgement without an epoch")
	}
	return a, nil
}

// DeviceStatus is one reader or I/O device on a controller's line.
type DeviceStatus struct {
	Name   string `json:"name"`
	Online bool   `json:"online"`
	Secure bool   `json:"secure"`
	Detail string `json:"detail,omitempty"`
}

// DoorStatus is the state of one door, by the names of package door.
type DoorStatus struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// ControllerStatus is sent at every connection, at every change and once in ten seconds. The last will is the
// same object with Online false and nothing but v, type, and online, unsigned.
type ControllerStatus struct {
	V          int             `json:"v"`
	Type       Kind            `json:"type"`
	Online     bool            `json:"online"`
	Start      uint64          `json:"start,omitempty"` // rises with every start of the controller's program
	N          uint64          `json:"n,omitempty"`     // rises with every status of one start: an older status is no news
	Nonce      string          `json:"nonce,omitempty"` // 32 hex digits, new with every status: the centre's Lease answers it
	At         *time.Time      `json:"at,omitempty"`    // the controller's clock when sending: the centre compares it with its own
	Epoch      uint64          `json:"epoch,omitempty"`
	LastSeq    uint64          `json:"last_seq,omitempty"`
	Acked      uint64          `json:"acked,omitempty"`
	Kept       uint64          `json:"kept,omitempty"`         // events in the journal
	FillPerMil int             `json:"fill_per_mil,omitempty"` // of the room for events, 0–1000
	Policy     *access.Version `json:"policy,omitempty"`       //
	PolicyHash string          `json:"policy_hash,omitempty"`  // hex SHA-256, see Manifest.Hash
	Revoked    *access.Version `json:"revoked,omitempty"`      // every entry of the revocation set up to here is in force
	RevokedSum string          `json:"revoked_hash,omitempty"` // access.Revocations.Hash of what is in force
	LeaseAge   int64           `json:"lease_age_s,omitempty"`  // seconds since the centre confirmed the policy
	CertUntil  *time.Time      `json:"certificate_until,omitempty"`
	Software   string          `json:"software,omitempty"`
	Devices    []DeviceStatus  `json:"devices,omitempty"`
	Doors      []DoorStatus    `json:"doors,omitempty"`
	Trouble    []string        `json:"trouble,omitempty"` // journal, clock, no_policy, lease: short codes
}

// OpenStatus reads a controller's status: signed, or the last will.
func OpenStatus(at Address, payload []byte, keys Keys) (ControllerStatus, error) {
	if len(payload) > MaxStatus {
		return ControllerStatus{}, tooLarge(payload)
	}
	var s ControllerStatus
	if decode(payload, MaxStatus, Status, &s) == nil && isOffline(s) {
		return Offline(), nil
	}
	s = ControllerStatus{}
	err := Open(at, payload, keys, &s)
	if err == nil && len(s.Nonce) != 0 && !validNonce(s.Nonce) {
		err = fault.New(fault.Invalid, "wire.nonce", "a nonce is 32 hex digits")
	}
	if err != nil {
		return ControllerStatus{}, err
	}
	return s, nil
}

func isOffline(s ControllerStatus) bool {
	a, errA := event.Marshal(s)
	b, errB := event.Marshal(Offline())
	return errA == nil && errB == nil && string(a) == string(b)
}

func validNonce(s string) bool {
	if len(s) != 32 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Offline is the payload of a controller's last will.
func Offline() ControllerStatus { return ControllerStatus{V: V, Type: Status} }

// RevokedSet is a run of entries of the revocation set: those with From < n ≤ Upto.N of epoch Upto.Epoch. Numbers are dense, so
// who has everything up to From has everything up to Upto afterwards. With From 0 it is the whole set of the epoch, and Entries may
// also have entries of earlier epochs.
type RevokedSet struct {
	V       int                 `json:"v"`
	Type    Kind                `json:"type"`
	From    uint64              `json:"from"`
	Upto    access.Version      `json:"upto"`
	Entries []access.Revocation `json:"entries"`
}

// MaxRevoked is the most entries in one RevokedSet.
const MaxRevoked = 2000

// NewRevokedSet fills in the header.
func NewRevokedSet(from uint64, upto access.Version, entries []access.Revocation) RevokedSet {
	return RevokedSet{V: V, Type: Revoked, From: from, Upto: upto, Entries: some(entries)}
}

// OpenRevoked reads a run of entries.
func OpenRevoked(at Address, payload []byte, keys Keys) (RevokedSet, error) {
	var s RevokedSet
	if err := Open(at, payload, keys, &s); err != nil {
		return RevokedSet{}, err
	}
	if s.Upto.Epoch == 0 || s.From > s.Upto.N || len(s.Entries) > MaxRevoked {
		return RevokedSet{}, fault.New(fault.Invalid, "wire.revoked", fmt.Sprintf("revocations %d to %d.%d, %d entries", s.From, s.Upto.Epoch, s.Upto.N, len(s.Entries)))
	}
	for _, r := range s.Entries {
		if err := r.Validate(); err != nil {
			return RevokedSet{}, fault.Wrap(fault.Invalid, err, "revocations")
		}
		if s.Upto.Less(r.Version) {
			return RevokedSet{}, fault.New(fault.Invalid, "wire.revoked", "an entry beyond the end of its run")
		}
	}
	return s, nil
}

// RevokedReceipt says that the controller refuses every credential of the set up to Upto, now and after a restart. AppliedAt is
// its own clock when the last entry came into force.
type RevokedReceipt struct {
	V         int            `json:"v"`
	Type      Kind           `json:"type"`
	Upto      access.Version `json:"upto"`
	Hash      string         `json:"hash"` // access.Revocations.Hash
	AppliedAt time.Time      `json:"applied_at"`
}

// OpenReceipt reads a receipt.
func OpenReceipt(at Address, payload []byte, keys Keys) (RevokedReceipt, error) {
	var r RevokedReceipt
	if err := Open(at, payload, keys, &r); err != nil {
		return RevokedReceipt{}, err
	}
	if _, err := hashOf(r.Hash); err != nil || r.Upto.Epoch == 0 {
		return RevokedReceipt{}, fault.New(fault.Invalid, "wire.receipt", "receipt without a version or a hash")
	}
	return r, nil
}

// LeaseGrant confirms the policy to one controller, as of the moment when it made the nonce. Centre is the centre's epoch; Revoked is
// how far the revocation set goes; At is the centre's clock. It counts only for a controller that has both: else a broker that lets
// leases through and withholds revocations would keep a lost card alive for ever.
type LeaseGrant struct {
	V       int            `json:"v"`
	Type    Kind           `json:"type"`
	Nonce   string         `json:"nonce"`
	Centre  uint64         `json:"centre"`
	Policy  access.Version `json:"policy"`  // the version the controller should have
	Revoked access.Version `json:"revoked"` // N is 0 while nothing was ever revoked
	At      time.Time      `json:"at"`
}

// OpenLease reads a lease.
func OpenLease(at Address, payload []byte, keys Keys) (LeaseGrant, error) {
	var l LeaseGrant
	if err := Open(at, payload, keys, &l); err != nil {
		return LeaseGrant{}, err
	}
	if !validNonce(l.Nonce) || l.Centre == 0 {
		return LeaseGrant{}, fault.New(fault.Invalid, "wire.lease", "lease without a nonce or an epoch")
	}
	return l, nil
}

// Op is what a command asks for.
type Op string

// Operations.
const (
	Challenge Op = "challenge" // send a fresh nonce for this command
	Release   Op = "release"   // release a door once
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
	By     string `json:"by,omitempty"`     // who gave it, an actor
	Reason string `json:"reason,omitempty"` // in their words
}

// CommandTime is how long a command's nonce is good, by the controller's monotonic clock (security reference M-6: ≤ 10 s).
const CommandTime = 10 * time.Second

// OpenCommand reads a command.
func OpenCommand(at Address, payload []byte, keys Keys) (DoCommand, error) {
	var c DoCommand
	if err := Open(at, payload, keys, &c); err != nil {
		return DoCommand{}, err
	}
	good := c.ID != "" && len(c.ID) <= 64
	switch c.Op {
	case Challenge:
	case Release:
		good = good && validNonce(c.Nonce) && c.Door != "" && len(c.Door) <= access.MaxID && c.By != "" && c.Reason != ""
	default:
		good = false
	}
	if !good {
		return DoCommand{}, fault.New(fault.Invalid, "wire.command", fmt.Sprintf("command %.20q is incomplete", c.Op))
	}
	return c, nil
}

// CommandAnswer is a controller's answer to a command: a nonce for a challenge, Done for what was done, Refused with a code for what was not.
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
	if a.ID == "" || (a.Nonce != "" && !validNonce(a.Nonce)) {
		return CommandAnswer{}, fault.New(fault.Invalid, "wire.answer", "answer without an id or with a bad nonce")
	}
	return a, nil
}

// LiveEvents are the newest events of a controller whose backlog is long. They are provisional: the same bytes come again in
// their order, and only then count.
type LiveEvents struct {
	V      int               `json:"v"`
	Type   Kind              `json:"type"`
	Events []json.RawMessage `json:"events"`
}

// MaxLive is the most events in one LiveEvents.
const MaxLive = 64

// OpenLive reads live events; each decodes.
func OpenLive(at Address, payload []byte, keys Keys) ([]event.Event, [][]byte, error) {
	var l LiveEvents
	if err := Open(at, payload, keys, &l); err != nil {
		return nil, nil, err
	}
	if len(l.Events) == 0 || len(l.Events) > MaxLive {
		return nil, nil, fault.New(fault.Invalid, "wire.live", fmt.Sprintf("%d live events", len(l.Events)))
	}
	events, raws := make([]event.Event, len(l.Events)), make([][]byte, len(l.Events))
	for i, raw := range l.Events {
		var err error
		if events[i], err = event.Decode(raw); err != nil {
			return nil, nil, err
		}
		raws[i] = raw
	}
	return events, raws, nil
}
