package wire

import (
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

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
	Policy     *access.Version `json:"policy,omitempty"`       // in force
	PolicyHash string          `json:"policy_hash,omitempty"`  // hex SHA-256, see Manifest.Hash
	Revoked    *access.Version `json:"revoked,omitempty"`      // every entry of the revocation set up to here is in force
	RevokedSum string          `json:"revoked_hash,omitempty"` // access.Revocations.Hash of what is in force
	LeaseAge   int64           `json:"lease_age_s,omitempty"`  // seconds since the centre confirmed the policy
	LeaseTime  int64           `json:"lease_s,omitempty"`      // seconds for which the policy in force lets staff in without that
	CertUntil  *time.Time      `json:"certificate_until,omitempty"`
	Software   string          `json:"software,omitempty"`
	Devices    []DeviceStatus  `json:"devices,omitempty"`
	Doors      []DoorStatus    `json:"doors,omitempty"`
	Trouble    []string        `json:"trouble,omitempty"` // journal, clock, no_policy, lease: short codes
}

// OpenStatus reads a controller's status: signed, or the last will.
func OpenStatus(at Address, payload []byte, keys Keys) (ControllerStatus, error) {
	if string(payload) == lastWill {
		return Offline(), nil
	}
	var s ControllerStatus
	if err := Open(at, payload, keys, &s); err != nil {
		return ControllerStatus{}, err
	}
	if err := s.check(); err != nil {
		return ControllerStatus{}, err
	}
	return s, nil
}

// check looks at what was signed: a controller that somebody has taken over can sign anything.
func (s ControllerStatus) check() error {
	switch {
	case s.Nonce != "" && !validNonce(s.Nonce):
		return fault.New(fault.Invalid, "wire.nonce", "a nonce is 32 hex digits")
	case s.FillPerMil < 0 || s.FillPerMil > 1000 || s.LeaseAge < 0 || s.LeaseTime < 0:
		return fault.New(fault.Invalid, "wire.status", fmt.Sprintf("a journal filled to %d of 1000, a lease of %d s", s.FillPerMil, s.LeaseAge))
	}
	for _, h := range []string{s.PolicyHash, s.RevokedSum} {
		if _, err := hashOf(h); h != "" && err != nil {
			return err
		}
	}
	return nil
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

// lastWill is Offline encoded: the only status that is read unsigned.
const lastWill = `{"v":1,"type":"status","online":false}`

// Offline is the payload of a controller's last will.
func Offline() ControllerStatus { return ControllerStatus{V: V, Type: Status} }
