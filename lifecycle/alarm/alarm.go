// Package alarm is the register of alarms (警報): what at a door, a device, a controller or with a person needs somebody. An alarm is raised by
// events, by messages that cannot be believed, and by controllers that say nothing; a person acknowledges it, and closes it with a note. Whom
// nobody acknowledges is told to the managers.
//
// While an alarm is open, more of the same kind about the same subject is counted into it: a door that flaps is one alarm. Some end by
// themselves, as when a door held open is closed; a person looks at them all the same.
//
// What was acknowledged is raised again when it comes back after it was over, and when it is urgent and happens again at all: whoever saw to the
// first threat does not know of the next. That is at most once a minute; what comes in between waits until Watch looks around.
//
// What people and the program did (raised, acknowledged, escalated, closed) are versions, bound to the ledger. How often and until when is
// derived from the entry log and has no leaf of its own.
package alarm

import (
	"time"

	"kanmon/internal/store"
	"kanmon/lifecycle/alarm/raise"
	"kanmon/lifecycle/entrylog"
)

// What alarms are made of is in package raise.

type (
	// Kind of an alarm.
	Kind = raise.Kind
	// Severity says how soon somebody has to look.
	Severity = raise.Severity
	// About is what kind of thing an alarm is about.
	About = raise.About
	// Subject is what an alarm is about.
	Subject = raise.Subject
	// Key tells alarms apart.
	Key = raise.Key
	// Repeat is a number of refusals within a time.
	Repeat = raise.Repeat
)

// Kinds that are no kind of event.
const (
	LeftAlone        = raise.LeftAlone
	EscortLeft       = raise.EscortLeft
	RepeatedRefusals = raise.RepeatedRefusals
	ControllerSilent = raise.ControllerSilent
	WeakRead         = raise.WeakRead
	ClockOff         = raise.ClockOff
	Quarantined      = Kind(entrylog.Quarantined) // raised by messages that could not be believed
)

// Severities.
const (
	Urgent = raise.Urgent
	Normal = raise.Normal
)

// Things an alarm is about.
const (
	Door       = raise.Door
	Device     = raise.Device
	Controller = raise.Controller
	Person     = raise.Person
	Card       = raise.Card
	Credential = raise.Credential
	Area       = raise.Area
	Centre     = raise.Centre
)

// State of an alarm.
type State string

// States. Open is none of them, and stands in a Filter for the first two.
const (
	Raised       State = "raised"       // nobody has taken it
	Acknowledged State = "acknowledged" // somebody sees to it
	Closed       State = "closed"       // seen to, with a note
	Open         State = "open"
)

// Step is what was done with an alarm.
type Step struct {
	N     int64
	At    time.Time
	Actor string // kind and id, such as "account:yamada"
	What  string // raised, acknowledged, escalated, closed
	Told  []string
	Note  string
}

// Alarm is one alarm as it stands, with the names of today.
type Alarm struct {
	ID string
	Key
	SubjectName string // empty when there is none but the id
	Severity    Severity
	State       State
	Controller  string // empty when several can tell of it
	Place       string // of the controller
	Door        string // where it was when it was raised last
	DoorName    string
	Area        string
	AreaName    string
	RaisedAt    time.Time // last, by the centre's clock
	Count       int       // of what raised it
	FirstAt     time.Time // by the controllers' clocks
	LastAt      time.Time
	FirstEntry  int64 // id in the entry log; 0: no entry says it
	LastEntry   int64
	OverAt      time.Time // when it ended by itself; zero while it lasts, and for those that cannot
	TakenBy     string    // who acknowledged it, as an actor
	TakenAt     time.Time
	Escalations int
	EscalatedAt time.Time
	Told        []string // accounts that the last escalation was sent to
	Note        string
	ClosedBy    string
	ClosedAt    time.Time
	Version     int64
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	State  State // Open: raised and acknowledged
	Kind   Kind
	Door   string
	Before string // only older than the alarm with this id
	Limit  int    // at most 500; 0: 100
}

// Limits are the times and numbers of the rules. A zero field stands for the default.
type Limits struct {
	Urgent time.Duration // until an urgent alarm that nobody acknowledged is escalated: 3 minutes
	Normal time.Duration // any other: 15 minutes
	Again  time.Duration // until it is escalated again: 1 hour
	Silent time.Duration // how long nothing is heard of a controller: 1 minute
	Clock  time.Duration // how far a controller's clock may be off: 10 seconds
	AtDoor Repeat        // refusals at one door: 3 in 5 minutes
	OfCard Repeat        // refusals of one card: 5 in 10 minutes
}

func (l Limits) filled() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Urgent, 3 * time.Minute},
		{&l.Normal, 15 * time.Minute},
		{&l.Again, time.Hour},
		{&l.Silent, time.Minute},
		{&l.Clock, 10 * time.Second},
		{&l.AtDoor.Within, 5 * time.Minute},
		{&l.OfCard.Within, 10 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if l.AtDoor.N == 0 {
		l.AtDoor.N = 3
	}
	if l.OfCard.N == 0 {
		l.OfCard.N = 5
	}
	return l
}

// Register is the register of alarms.
type Register struct {
	store  *store.Store
	limits Limits
}

// New opens the register.
func New(s *store.Store, l Limits) *Register { return &Register{store: s, limits: l.filled()} }
