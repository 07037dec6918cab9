// Package event says what happened at a door and fixes the bytes in which it is kept.
//
// The bytes made by Encode are what the controller hashes, stores and sends, and what the centre keeps:
// nobody re-encodes an event later. A controller chains its events:
//
//	h(0) = SHA-256("kanmon event chain v1\n" + controller + "\n" + epoch in decimal)
//	h(n) = SHA-256(h(n-1) || bytes(n))
package event

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Kind of an event. The value is stable: it is kept for years.
type Kind string

// Kinds.
const (
	AccessGranted  Kind = "access_granted"
	AccessDenied   Kind = "access_denied"
	DoorOpened     Kind = "door_opened"
	DoorClosed     Kind = "door_closed"
	DoorForced     Kind = "door_forced"     // opened with no release: alarm
	DoorHeld       Kind = "door_held"       // stayed open too long: alarm
	NotEntered     Kind = "not_entered"     // released, never opened
	RequestToExit  Kind = "request_to_exit" // button inside pressed
	DeviceOnline   Kind = "device_online"   // secure channel up
	DeviceOffline  Kind = "device_offline"  // alarm
	DeviceInsecure Kind = "device_insecure" // a downgrade, a wrong key, a card in clear: alarm
	DeviceTamper   Kind = "device_tamper"   // alarm
	DevicePower    Kind = "device_power"    // alarm
	InputFault     Kind = "input_fault"     // a supervised input reports short, cut or fault: alarm
	StrikeFailed   Kind = "strike_failed"   // the output device did not take the command: alarm
	Started        Kind = "started"         // controller program started
	PolicyApplied  Kind = "policy_applied"  //
	PolicyRefused  Kind = "policy_refused"  // alarm
	JournalTrouble Kind = "journal_trouble" // written after the disk came back: alarm
	ClockStepped   Kind = "clock_stepped"   // the wall clock moved against the monotonic one

	RevocationApplied  Kind = "revocation_applied"  // Card and Policy (its version) are set; Reason: credential_revoked, credential_suspended, or empty for lifted
	LeaseWarning       Kind = "lease_warning"       // the centre has not confirmed the policy for long: alarm; Detail names class and end
	LeaseLapsed        Kind = "lease_lapsed"        // a class of people is refused from now on: alarm
	LeaseRenewed       Kind = "lease_renewed"       // confirmed again after a warning
	RemoteRelease      Kind = "remote_release"      // a door released by a command of the centre; Detail: who, why, which command
	CommandRefused     Kind = "command_refused"     // a command that does not hold: alarm
	CertificateWarning Kind = "certificate_warning" // the controller's certificate ends soon and could not be renewed: alarm
	EpochOpened        Kind = "epoch_opened"        // the centre opened a new epoch: it was put back to an older copy; alarm
	DeviceKeyReplaced  Kind = "device_key_replaced" // a device has proved that it holds its new key; Detail: why it was given one
	DeviceKeyRefused   Kind = "device_key_refused"  // a device did not take its new key, the old one goes on: alarm

	AccessPending  Kind = "access_pending"  // a card that is in order waits for what else the area asks (Reason)
	Duress         Kind = "duress"          // let in with the PIN for threats: silent alarm
	RuleBroken     Kind = "rule_broken"     // somebody passed whom a rule would have stopped (Reason): alarm
	PINStopped     Kind = "pin_stopped"     // too many wrong PINs for a card or at a reader (Reader): alarm
	RecoveryUsed   Kind = "recovery_used"   // let in as a recovery holder: alarm
	PlacesReset    Kind = "places_reset"    // who is where was reset, for a person, an area or all; Detail: by whom, why
	PlacesDoubtful Kind = "places_doubtful" // somebody may have left unmeasured: whoever is inside is not held to it; Detail: why
	DoorUnlocked   Kind = "door_unlocked"   // stands unlocked by its schedule from now on
	DoorSecured    Kind = "door_secured"    // no longer
	LockdownBegun  Kind = "lockdown_begun"  // of an area: alarm
	LockdownLifted Kind = "lockdown_lifted" //

	CardUnreadable Kind = "card_unreadable" // a card was at a reader and could not be read, or is no identifier; Detail: why
	CardLeft       Kind = "card_left"       // a card has been in a reader for too long: alarm
	CardTaken      Kind = "card_taken"      // such a card was taken out

	HeldWarning     Kind = "held_warning"     // open, and held before long
	LockUnsecured   Kind = "lock_unsecured"   // the lock's own status says unlocked while it should be locked: alarm
	LockSecured     Kind = "lock_secured"     // no longer
	FireAlarm       Kind = "fire_alarm"       // the fire input is active: alarm. Egress is hardware, and observed
	FireCleared     Kind = "fire_cleared"     //
	GasAlarm        Kind = "gas_alarm"        // the gas-suppression input is active: nobody is let in, alarm
	GasCleared      Kind = "gas_cleared"      //
	MainsLost       Kind = "mains_lost"       // the controller runs on its battery: alarm
	MainsRestored   Kind = "mains_restored"   //
	BatteryLow      Kind = "battery_low"      // alarm
	BatteryRestored Kind = "battery_restored" //
	BoxOpened       Kind = "box_opened"       // the controller's cabinet: alarm
	BoxClosed       Kind = "box_closed"       //
	ClockUnset      Kind = "clock_unset"      // nobody has set the machine's clock for a day: alarm, again every day
	ClockSet        Kind = "clock_set"        // somebody has, after that
)

// InVain is the Detail of a refusal that is no decision: a card, a number or a person waited at a reader, as an access_pending before it says, and
// what they waited for did not come.
const InVain = "waited in vain"

// WithOthers is the Detail of a refusal that is no decision: somebody who was to pass together with others is refused because one of them is.
const WithOthers = "refused with others"

// Alarm reports whether the kind asks for a person's attention.
func (k Kind) Alarm() bool {
	switch k {
	case DoorForced, DoorHeld, DeviceOffline, DeviceInsecure, DeviceTamper, DevicePower, InputFault, StrikeFailed, PolicyRefused, JournalTrouble,
		LeaseWarning, LeaseLapsed, CommandRefused, CertificateWarning, EpochOpened, DeviceKeyRefused,
		Duress, RuleBroken, PINStopped, RecoveryUsed, LockdownBegun, CardLeft, LockUnsecured, FireAlarm, GasAlarm, MainsLost, BatteryLow, BoxOpened,
		ClockUnset:
		return true
	default:
		return false
	}
}

// Valid reports whether k is a kind this version knows.
func (k Kind) Valid() bool {
	switch k {
	case AccessGranted, AccessDenied, DoorOpened, DoorClosed, NotEntered, RequestToExit, DeviceOnline, Started, PolicyApplied, ClockStepped,
		RevocationApplied, LeaseRenewed, RemoteRelease, DeviceKeyReplaced,
		AccessPending, CardUnreadable, CardTaken, PlacesReset, PlacesDoubtful, DoorUnlocked, DoorSecured, LockdownLifted, HeldWarning, LockSecured, FireCleared,
		GasCleared, MainsRestored, BatteryRestored, BoxClosed, ClockSet:
		return true
	default:
		return k.Alarm()
	}
}

// Event is one numbered fact. Times are UTC with microseconds. Empty fields are left out of the bytes.
type Event struct {
	Epoch      uint64           `json:"epoch"` // of the journal; a new journal opens a new epoch
	Seq        uint64           `json:"seq"`   // from 1, dense
	At         time.Time        `json:"at"`
	Kind       Kind             `json:"kind"`
	Door       string           `json:"door,omitempty"`
	Area       string           `json:"area,omitempty"`
	Reader     string           `json:"reader,omitempty"`
	Device     string           `json:"device,omitempty"`
	Direction  access.Direction `json:"direction,omitempty"`
	Reason     access.Reason    `json:"reason,omitempty"`
	Person     string           `json:"person,omitempty"`
	Card       string           `json:"card,omitempty"`
	Credential string           `json:"credential,omitempty"` // fingerprint of an unknown card (access.Key.Fingerprint)
	Policy     *access.Version  `json:"policy,omitempty"`
	Unsure     bool             `json:"time_unsure,omitempty"` // the controller did not trust its clock
	Detail     string           `json:"detail,omitempty"`      // short, for a technician; never a card number

	// Facts are, of a decision at a reader, what it depended on besides Policy, card and time: with them it can be made again (access.Again).
	Facts *access.Facts `json:"facts,omitempty"`

	// Entry is, of RevocationApplied, the sealed entry itself: whoever has the event can prove that the centre made it.
	Entry *access.Revocation `json:"entry,omitempty"`
}

// MaxBytes bounds one encoded event, MaxDetail its Detail.
const (
	MaxBytes  = 2048
	MaxDetail = 256
)

// Encode returns the bytes of e: compact JSON, fields in the order of the struct (Marshal). A longer Detail is
// cut: a long explanation must not cost the record.
func Encode(e Event) ([]byte, error) {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.Detail = Clip(strings.ToValidUTF8(e.Detail, "\uFFFD"), MaxDetail)
	if err := e.validate(); err != nil {
		return nil, err
	}
	b, err := Marshal(e)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxBytes {
		return nil, tooLarge(b)
	}
	return b, nil
}

// Clip cuts a text to at most so many bytes, between two characters.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func tooLarge(b []byte) error {
	return fault.New(fault.TooLarge, "event.too_large", fmt.Sprintf("event of %d bytes", len(b)))
}

// Decode reads the bytes of one event. It accepts exactly what Encode writes.
func Decode(b []byte) (Event, error) {
	if len(b) > MaxBytes {
		return Event{}, tooLarge(b)
	}
	var e Event
	if err := strict(b, &e); err != nil {
		return Event{}, err
	}
	again, err := Encode(e)
	if err != nil {
		return Event{}, err
	}
	if !bytes.Equal(b, again) {
		return Event{}, otherForm(b)
	}
	return e, nil
}

func (e Event) validate() error {
	switch {
	case e.Epoch == 0 || e.Seq == 0:
		return fault.New(fault.Invalid, "event.malformed", "event without epoch or seq")
	case e.At.IsZero():
		return fault.New(fault.Invalid, "event.malformed", "event without a time")
	case !e.Kind.Valid():
		return fault.New(fault.Invalid, "event.malformed", fmt.Sprintf("event of unknown kind %q", e.Kind))
	case e.Entry != nil && (e.Kind != RevocationApplied || e.Card != e.Entry.Card || e.Policy == nil || *e.Policy != e.Entry.Version):
		return fault.New(fault.Invalid, "event.malformed", fmt.Sprintf("event of kind %q with an entry that is not its own", e.Kind))
	case e.Entry != nil:
		return fault.Wrap(fault.Invalid, e.Entry.Validate(), "event")
	default:
		return nil
	}
}

// Hash is a link of the chain.
type Hash [sha256.Size]byte

// Start is h(0) of a controller's epoch.
func Start(controller string, epoch uint64) Hash {
	return sha256.Sum256([]byte("kanmon event chain v1\n" + controller + "\n" + strconv.FormatUint(epoch, 10)))
}

// Next is h(n) from h(n-1) and the bytes of event n.
func Next(prev Hash, b []byte) Hash {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(b)
	return Hash(h.Sum(nil))
}
