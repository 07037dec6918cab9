// Package pin is the register of PINs (入室用パスワード, Art. 44): who has one, for what, since when, and until when it opens doors. A PIN is a
// person's own, which follows a card or their number, or it is taken alone in one area.
//
// The digits are nowhere: the register draws a PIN, or takes the one its holder chose, keeps its keyed hash in the first form (package credential), and
// hands the digits over once. A hash that ever was a PIN, or one for threats, serves no second time: neither does an old PIN come back, nor does a
// PIN of an area that somebody remembers become another person's.
package pin

import (
	"fmt"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
	"kanmon/reader/credential"
)

// State of a PIN.
type State string

// States.
const (
	Set       State = "set"
	Withdrawn State = "withdrawn"
)

// Bounds of the age limit, in days.
const (
	DefaultDays = 180
	LeastDays   = 30
	MostDays    = 366
)

// PIN is one as it stands, without its digits.
type PIN struct {
	ID         string // the person, or person/area
	Person     string
	PersonName string
	Area       string // where it is taken alone; empty: the person's own
	AreaName   string
	State      State
	Digits     int  // how many, where it is taken alone; 0: their own, of which that is not kept
	Duress     bool // there is one for threats beside it
	SetAt      time.Time
	Expires    time.Time // from then on it opens nothing
	Short      bool      // fewer digits than a new one would have: more PINs have been set in the area since
	Version    int64
}

// Standing is how a PIN stands at a moment.
type Standing string

// Standings.
const (
	Good    Standing = "good"
	Ending  Standing = "ending" // within the first warning
	Expired Standing = "expired"
	Ended   Standing = "withdrawn"
)

// Standing says how the PIN stands.
func (p PIN) Standing(now time.Time) Standing {
	switch {
	case p.State != Set:
		return Ended
	case !now.Before(p.Expires):
		return Expired
	}
	if _, due := Warning(p.Expires, now); due {
		return Ending
	}
	return Good
}

const day = 24 * time.Hour

// Warnings are how many days before the end holder and manager are warned.
func Warnings() []int { return []int{30, 14, 3, 1} }

// Warning returns the last warning that has become due for a PIN that ends then: how many days before the end it is given. Past the end it is none: the
// PIN opens nothing any more.
func Warning(expires, now time.Time) (days int, due bool) {
	if !now.Before(expires) {
		return 0, false
	}
	for _, d := range Warnings() {
		if !now.Before(expires.Add(-time.Duration(d) * day)) {
			days, due = d, true
		}
	}
	return days, due
}

// Order is what is asked for when a PIN is set.
type Order struct {
	Person string
	Area   string // where it is taken alone; empty: the person's own
	Digits int    // at least so many; 0: as few as the rules allow
	Duress bool   // draw one for threats too
	Reason string
	// Chosen is the PIN that the holder typed, and ChosenDuress the one for threats; zero: drawn. Only their own can be chosen.
	Chosen, ChosenDuress credential.Code
	// After is the version that the new one comes after, when it is not NotAsked: so the same order sent twice sets one PIN.
	After int64
}

// NotAsked is for an Order that does not say after which version it comes.
const NotAsked = -1

// Issued is a PIN just set, with its digits for the one time they are shown. Chosen ones are not repeated.
type Issued struct {
	PIN
	Code   credential.Code
	Duress credential.Code // zero: none
}

// Entry is one line of the rotation log.
type Entry struct {
	At             time.Time
	Actor, Reason  string
	Area, AreaName string
	State          State
	Duress         bool
	SetAt, Expires time.Time
	Version        int64
}

// Settings are what a site says of its PINs. Zero fields stand for the defaults.
type Settings struct {
	// MaxAgeDays is how long a PIN opens doors after it was set, 30 to 366. Default 180. One that is set already keeps its end.
	MaxAgeDays int `json:"max_age_days"`
	// Digits is how many digits people's own PINs have at least, 4 to 8. Default 4. Where a PIN is taken alone the number of people decides.
	Digits int `json:"digits"`
}

// Check refuses settings out of their bounds.
func (s Settings) Check() error {
	for _, b := range []struct {
		name               string
		value, least, most int
	}{{"pin.max_age_days", s.MaxAgeDays, LeastDays, MostDays}, {"pin.digits", s.Digits, LeastDigits, MostDigits}} {
		if b.value != 0 && (b.value < b.least || b.value > b.most) {
			return fault.BadField(b.name, "", fmt.Sprintf("%s: %d, want %d to %d", b.name, b.value, b.least, b.most))
		}
	}
	return nil
}

// Config of a register.
type Config struct {
	HashKey credential.HashKey // required
	Settings
	// Draw returns n random digits, each code as likely as any other; nil: crypto/rand.
	Draw func(n int) string
}

// Register is the register of PINs.
type Register struct {
	store *store.Store
	cfg   Config
}

// New opens the register.
func New(s *store.Store, cfg Config) *Register {
	if cfg.MaxAgeDays == 0 {
		cfg.MaxAgeDays = DefaultDays
	}
	cfg.Digits = max(cfg.Digits, LeastDigits)
	if cfg.Draw == nil {
		cfg.Draw = draw
	}
	return &Register{store: s, cfg: cfg}
}

// Days is the age limit of PINs that are set now.
func (r *Register) Days() int { return r.cfg.MaxAgeDays }

// OwnDigits is how many digits people's own PINs have at least.
func (r *Register) OwnDigits() int { return r.cfg.Digits }

// expires is when a PIN set at a moment opens nothing any more.
func (r *Register) expires(at time.Time) string {
	return period.Text(at.Add(time.Duration(r.cfg.MaxAgeDays) * day))
}
