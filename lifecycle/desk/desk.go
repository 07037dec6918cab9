// Package desk is the register of desks (Art. 75, 76, 103): PCs of the staff with a card reader, at which cards are entered and looked up, and where
// a card may be left lying. A desk is at no door. It has no policy, no clock that matters, and nothing to say to the broker, and so it is not
// among the controllers (lifecycle/device), whom the broker lets in by their key: its certificate is in a name that none of them can have.
//
// A desk is known by the key that it made itself and that was certified for a token carried by a person. All that happens to it is a version. Which
// cards lie in a reader for too long is kept beside them, as long as they lie; what is to be remembered of it is the alarm.
package desk

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/field"
)

// Details are what is entered about a desk.
type Details struct {
	Place   string        // where it stands, at most 64 characters
	Accepts []string      // formats of the credentials that are entered there; empty: all. Others are foreign cards
	Watch   time.Duration // after which a card counts as left in the reader, whole seconds, 10 s to 24 h; 0: never
}

// formats that a desk can be held to.
var formats = []string{"bits", "felica", "idm", "uid"}

// Formats lists the formats that a desk can be held to, in order.
func Formats() []string { return slices.Clone(formats) }

// Bounds of Details.Watch.
const (
	shortestWatch = 10 * time.Second
	longestWatch  = 24 * time.Hour
)

func (d *Details) check() error {
	var err error
	if d.Place, err = field.Text("place", d.Place, 64); err != nil {
		return err
	}
	slices.Sort(d.Accepts)
	d.Accepts = slices.Compact(d.Accepts)
	for _, f := range d.Accepts {
		if !slices.Contains(formats, f) {
			return fault.BadField("accepts", "desk.accepts", fmt.Sprintf("format %.20q", f))
		}
	}
	if d.Watch != 0 && (d.Watch < shortestWatch || d.Watch > longestWatch || d.Watch%time.Second != 0) {
		return fault.BadField("watch", "desk.watch", "a time of "+d.Watch.String())
	}
	return nil
}

// Takes reports whether a card of this format is entered at the desk.
func (d Details) Takes(format string) bool {
	return len(d.Accepts) == 0 || slices.Contains(d.Accepts, format)
}

func (d Details) accepts() string { return strings.Join(d.Accepts, " ") }

// State of a desk.
type State string

// States.
const (
	Registered State = "registered" // entered, never enrolled
	Enrolled   State = "enrolled"
	Revoked    State = "revoked" // thrown out; a new token and a new key bring it back
)

// Desk is one desk as it stands.
type Desk struct {
	Name string // lower case letters, digits, hyphens, at most 32
	Details
	State         State
	KeyID         string // of its public key
	Fingerprint   string // of its public key, as the desk shows it when it enrols
	Serial        string // of its certificate
	Issued, Until time.Time
	RevokedAt     time.Time // with State Revoked
	RevokedReason string
	TokenUntil    time.Time // end of a token not used yet; zero: none is open
	Version       int64
}

// Enrolment is what a desk brings with its token.
type Enrolment struct {
	Desk      string
	TokenHash string
	Public    ed25519.PublicKey
}

// Certificate is what the register keeps of one that was issued.
type Certificate struct {
	Serial        string
	Fingerprint   string
	Issued, Until time.Time
}

// Stay is a card that lies in a desk's reader for too long.
type Stay struct {
	ID    string     // made by the desk, one for each time that a card is laid in, or is left by a longer time
	Key   access.Key // in its first form; zero for a card that is no identifier
	Since time.Time
}

// Lying is a Stay as it is kept.
type Lying struct {
	Desk, Stay string
	Card       string // empty: the register does not know it
	Label      string
	Since      time.Time
}

// Register is the register of desks. It is safe for use by many goroutines.
type Register struct {
	store  *store.Store
	alarms *alarm.Register
}

// New opens the register; alarms are raised for cards that were left.
func New(s *store.Store, alarms *alarm.Register) *Register {
	return &Register{store: s, alarms: alarms}
}

func unknown(name string) error {
	return fault.New(fault.NotFound, "desk.unknown", fmt.Sprintf("no desk %.40q", name))
}

func validName(name string) error {
	if !wire.ValidName(name) {
		return fault.BadField("name", "desk.name", "not a name of 1 to 32 lower case letters, digits, hyphens")
	}
	return nil
}

func actorOf(name string) store.Actor { return store.Actor{Kind: store.ActorDesk, ID: name} }
