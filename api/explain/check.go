package explain

import (
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// Check is one question of docs/access-rules.md and what came of it.
type Check struct {
	N       int // the question's number there
	Outcome Outcome
	Seen    []Seen // what it looked at
}

// Outcome of a check.
type Outcome string

// Outcomes.
const (
	Passed  Outcome = "passed"
	Refused Outcome = "refused"
	Waits   Outcome = "waits"
)

// Seen is one thing that a check looked at. Code says what it is; which of the other fields are there follows from it.
type Seen struct {
	Code        string
	Text        string           // a name
	N           int              // a number
	From, Until time.Time        // validity; zero: open
	Hours       *access.Schedule // of a right; nil: at any hour
}

// questions are the numbers of the questions by the reasons that they give.
var questions = map[access.Reason]int{
	access.NoPolicy: 1, access.UnknownReader: 2, access.UnknownCredential: 3, access.CredentialSuspend: 4, access.CredentialRevoked: 4,
	access.LeaseOver: 5, access.TimeUnknown: 6, access.CredentialEarly: 7, access.CredentialExpired: 7, access.PersonEarly: 8, access.PersonExpired: 8,
	access.NoRight: 9, access.OutsideSchedule: 10, access.GasReleased: 11, access.LockedDown: 12, access.FactorsWrong: 13, access.TrustTooLow: 14,
	access.CardRequired: 15, access.PINBlocked: 15, access.PINRequired: 15, access.PINWrong: 15, access.PINExpired: 15, access.PassedBack: 16,
	access.Interlocked: 17, access.AreaFull: 18, access.FirstRequired: 19, access.EscortRequired: 20, access.PersonRequired: 21,
	access.OutputInsecure: 22,
}

const (
	lastOfAll = 22
	lastOut   = 10 // of the way out
)

// checks lists the questions up to the one that decided. Questions that concern nobody's card are left out where none was shown.
func (s *scene) checks(d decide.Decision) []Check {
	last, decided := questions[d.Reason]
	if !decided {
		if last = lastOfAll; d.Direction == access.Out {
			last = lastOut
		}
	}
	var all []Check
	for n := 1; n <= last; n++ {
		c := Check{N: n, Outcome: Passed}
		if n == last && decided {
			c.Outcome = outcome(d)
		}
		if s.asks(n, d) || c.Outcome != Passed {
			c.Seen = s.seen(n, d)
			all = append(all, c)
		}
	}
	return all
}

func outcome(d decide.Decision) Outcome {
	if d.Wait {
		return Waits
	}
	return Refused
}

// asks reports whether a question concerns what was shown.
func (s *scene) asks(n int, d decide.Decision) bool {
	switch n {
	case 3, 4, 7, 14:
		return d.Card != ""
	case 5, 6, 8, 9, 10:
		return d.Person != ""
	case 15:
		return !slices.Contains([]access.Factors{"", access.FactorsCard}, s.area.Factors)
	case 16:
		return s.area.Passback != ""
	case 18:
		return s.area.Most > 0
	case 19:
		return s.area.First
	case 20:
		return d.Visitor || d.Escort || s.area.Visitors > 0
	case 21:
		return s.area.TwoPerson
	case 22:
		return s.area.Grade == access.Secure
	default:
		return true
	}
}

// seen is what a question looked at.
func (s *scene) seen(n int, d decide.Decision) []Seen {
	switch n {
	case 2:
		if s.door.ID == "" {
			return nil
		}
		return []Seen{{Code: "door", Text: s.door.Name}, {Code: "area", Text: s.area.Name, N: s.area.Grade}}
	case 3:
		return named("card", s.label, d.Card)
	case 4:
		return s.standing()
	case 5, 6:
		return flag(d.Recovery, "recovery")
	case 7:
		if s.card != nil {
			return []Seen{valid("card_valid", "", s.card.From, s.card.Until)}
		}
	case 8:
		if s.person != nil {
			return []Seen{valid("person_valid", s.name, s.person.From, s.person.Until)}
		}
	case 9:
		return s.rights("")
	case 10:
		return s.rights("right_open")
	default:
		return s.asked(n, d)
	}
	return nil
}

// standing is the state of the card in the register, and the last word of the revocation set.
func (s *scene) standing() (seen []Seen) {
	if s.card != nil {
		seen = append(seen, Seen{Code: "card_" + string(s.card.State)})
	}
	for _, r := range s.spec.Revocations {
		seen = append(seen, Seen{Code: "set_" + string(r.State), N: int(r.Version.N)})
	}
	return seen
}

// rights lists the rights to the area, with their hours when code is right_open.
func (s *scene) rights(code string) (seen []Seen) {
	for _, r := range s.spec.Rights {
		one := valid("right", "", r.From, r.Until)
		if i := slices.IndexFunc(s.spec.Schedules, func(sc access.Schedule) bool { return sc.ID == r.Schedule }); i >= 0 {
			one.Text, one.Hours = s.spec.Schedules[i].Name, &s.spec.Schedules[i]
		}
		if code != "" {
			one = Seen{Code: code, Text: one.Text, Hours: one.Hours}
		}
		seen = append(seen, one)
	}
	return seen
}

func valid(code, text string, from, until int64) Seen {
	s := Seen{Code: code, Text: text}
	if from != 0 {
		s.From = time.Unix(from, 0).UTC()
	}
	if until != 0 {
		s.Until = time.Unix(until, 0).UTC()
	}
	return s
}

func named(code string, names ...string) []Seen {
	for _, n := range names {
		if n != "" {
			return []Seen{{Code: code, Text: n}}
		}
	}
	return nil
}

func flag(on bool, code string) []Seen {
	if !on {
		return nil
	}
	return []Seen{{Code: code}}
}
