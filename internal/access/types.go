// Package access is the vocabulary of who may pass a door: a policy as data (Spec), in the form that travels and is stored, its parts, the rules an
// area may have, the reasons of a decision and the facts it is made on. Package decide, below, decides. What changes faster than a policy comes
// beside it: the revocation set and the classes of people whose lease is over. Everything here is pure.
package access

import (
	"encoding/hex"
	"fmt"

	"kanmon/internal/access/timetable"
)

// Key is a keyed hash of a credential (HMAC-SHA256 under the site's key): what the policy and the
// registers hold in place of a card number. Each time the site's key is replaced, a credential gets one more form: the form before, hashed again
// under the new key.
type Key [32]byte

// String shows the first four bytes only, enough to tell two log lines apart.
func (k Key) String() string { return hex.EncodeToString(k[:4]) + "…" }

// Fingerprint is the form in which an event names a card nobody knows: 8 bytes of the keyed hash, hex.
func (k Key) Fingerprint() string { return hex.EncodeToString(k[:8]) }

// MarshalText writes the whole hash as 64 hex digits; the policy needs all of it.
func (k Key) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads 64 hex digits.
func (k *Key) UnmarshalText(b []byte) error {
	if len(b) != 2*len(k) {
		return hex.ErrLength
	}
	_, err := hex.Decode(k[:], b)
	return err
}

// Forms gives all forms of a credential that doors may know, newest first, from the first one.
type Forms func(first Key) []Key

// OneForm is the Forms of a site whose key was never replaced.
func OneForm(first Key) []Key { return []Key{first} }

// Version orders policies. A restored older centre opens a higher epoch (see docs/architecture.md).
type Version struct {
	Epoch uint64 `json:"epoch"`
	N     uint64 `json:"n"`
}

// Less reports whether v is older than w.
func (v Version) Less(w Version) bool {
	return v.Epoch < w.Epoch || (v.Epoch == w.Epoch && v.N < w.N)
}

// Direction of passage through a door.
type Direction string

// Directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// RecordMode says what a door of an area does when the decision cannot be written down.
type RecordMode string

// Record modes.
const (
	Strict     RecordMode = "strict"      // refuse
	BestEffort RecordMode = "best_effort" // open, and raise an alarm
)

// CredentialState is the standing of a credential.
type CredentialState string

// Credential states. Anything else counts as revoked.
const (
	Active    CredentialState = "active"
	Suspended CredentialState = "suspended"
	Revoked   CredentialState = "revoked"
)

// Area is a controlled area (管理区域, Art. 43).
type Area struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Grade  int        `json:"grade"` // 1–3
	Record RecordMode `json:"record"`
	Rules
	Lockdown bool `json:"lockdown,omitempty"` // only those with a right to pass then come in
}

// Door leads into one area. Times are milliseconds.
type Door struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Area       string   `json:"area"`
	EntryReads []string `json:"entry_readers"`          // readers by name, unique on the controller
	ExitReads  []string `json:"exit_readers,omitempty"` // empty: entry only, the way out is a button
	ReleaseMS  int      `json:"release_ms"`             // how long the strike stays released, 500–30,000
	HeldMS     int      `json:"held_ms"`                // open longer than this after a passage: held
	Interlock  string   `json:"interlock,omitempty"`    // name of a group of doors of which one at most is open; empty: none
}

// Schedule is a weekly timetable with holidays and special days; package timetable says when it is open.
type Schedule = timetable.Schedule

// Window is a span of one day of a Schedule's week, or of its holidays.
type Window = timetable.Window

// Holiday is the Window.Day of holidays.
const Holiday = timetable.Holiday

// SpecialDay is a date on which a Schedule has hours of its own.
type SpecialDay = timetable.SpecialDay

// Span is a window of a SpecialDay.
type Span = timetable.Span

// Person is somebody who may hold a card, as far as a door is concerned. Validity is Unix seconds, From inclusive, Until
// exclusive, 0 for open.
type Person struct {
	ID     string `json:"id"`
	Class  Class  `json:"class,omitempty"`  // empty: Staff
	Number string `json:"number,omitempty"` // digits typed at a keypad before the PIN (FactorsNumber); unique
	From   int64  `json:"from,omitempty"`
	Until  int64  `json:"until,omitempty"`
}

// Credential is a card as far as a door is concerned.
type Credential struct {
	Key    Key             `json:"key"`
	Card   string          `json:"card"`
	Person string          `json:"person"`
	State  CredentialState `json:"state"`
	From   int64           `json:"from,omitempty"`
	Until  int64           `json:"until,omitempty"`
}

// Right lets a person into an area during a schedule; an empty Schedule means always.
type Right struct {
	Person   string `json:"person"`
	Area     string `json:"area"`
	Schedule string `json:"schedule,omitempty"`
	From     int64  `json:"from,omitempty"`
	Until    int64  `json:"until,omitempty"`
	Escort   bool   `json:"escort,omitempty"`   // may bring visitors; staff only
	First    bool   `json:"first,omitempty"`    // may be the first in an empty area, and unlocks it where Rules.UnlockBy says so
	Lockdown bool   `json:"lockdown,omitempty"` // may pass during a lockdown
}

// Spec is one controller's whole policy.
type Spec struct {
	Version   Version    `json:"version"`
	Lease     Lease      `json:"lease"`
	Areas     []Area     `json:"areas"`
	Doors     []Door     `json:"doors"`
	Readers   []Reader   `json:"readers,omitempty"` // what was commissioned; a reader that stands only in a door has no profile
	Schedules []Schedule `json:"schedules"`
	// Calendar lists the holidays, "2027-01-01", as far as they are known: up to CalendarUntil, exclusive. From there on, or when that is
	// empty, a schedule that looks at holidays is open on its special days only.
	Calendar      []string `json:"calendar,omitempty"`
	CalendarUntil string   `json:"calendar_until,omitempty"`

	People      []Person     `json:"people"`
	Credentials []Credential `json:"credentials"`
	Rights      []Right      `json:"rights"`
	PINs        []PIN        `json:"pins,omitempty"`
	// Revocations is the whole set as it stood when the policy was made, newest entry of each credential.
	Revocations []Revocation `json:"revocations"`
}

// Reason explains a decision. The value is stable: it is stored in events for years.
type Reason string

// Reasons, in the order in which Decide looks for them (docs/access-rules.md).
//
//nolint:gosec // the word credential, not one
const (
	Granted           Reason = "granted"
	NoPolicy          Reason = "no_policy"
	UnknownReader     Reason = "unknown_reader"
	UnknownCredential Reason = "unknown_credential"
	CredentialRevoked Reason = "credential_revoked"
	CredentialSuspend Reason = "credential_suspended"
	LeaseOver         Reason = "lease_over" // the centre has not confirmed the policy for too long
	TimeUnknown       Reason = "time_unknown"
	CredentialEarly   Reason = "credential_not_yet_valid"
	CredentialExpired Reason = "credential_expired"
	PersonEarly       Reason = "person_not_yet_valid"
	PersonExpired     Reason = "person_expired"
	NoRight           Reason = "no_right"
	OutsideSchedule   Reason = "outside_schedule"
	NotRecorded       Reason = "not_recorded"    // set by the controller: the journal could not be written
	OutputInsecure    Reason = "output_insecure" // set by the controller: the strike hangs on what an area of grade 3 refuses

	GasReleased     Reason = "gas_suppression"        // the gas of the fire suppression is released inside
	LockedDown      Reason = "lockdown"               //
	FrameUnexpected Reason = "frame_unexpected"       // the reader was not commissioned for a read of this shape
	TrustTooLow     Reason = "trust_too_low"          // the read proves less than the area demands
	FactorsWrong    Reason = "factors_not_accepted"   // a PIN where a card is asked for
	PINRequired     Reason = "pin_required"           // waits for it
	PINWrong        Reason = "pin_wrong"              //
	PINBlocked      Reason = "pin_blocked"            // too many wrong ones before
	PINExpired      Reason = "pin_expired"            // older than the age limit
	CardRequired    Reason = "second_card_required"   // waits for it
	PersonRequired  Reason = "second_person_required" // waits for them
	EscortRequired  Reason = "escort_required"        // a visitor waits for the escort, or for a second one
	PassedBack      Reason = "anti_passback"          // inside already
	AreaFull        Reason = "area_full"              //
	FirstRequired   Reason = "first_person_required"  // the area is empty
	Interlocked     Reason = "interlock"              // another door of the group is open
	LeftAlone       Reason = "left_alone"             // on the way out: one person stays behind where two have to be
	EscortLeft      Reason = "escort_left"            // on the way out: visitors stay behind without an escort
)

// Secure is the grade of an area whose doors must stay locked whatever is done to a reader or to the controller's program.
const Secure = 3

// MaxID is the longest id in a Spec, in bytes: with several of them an event still has its bounded size.
const MaxID = 128

// CheckID checks that an id of something is there and not too long.
func CheckID(what, id string) error {
	if id == "" || len(id) > MaxID {
		return fmt.Errorf("%s id of %d bytes, want 1–%d", what, len(id), MaxID)
	}
	return nil
}
