package premises

import (
	"fmt"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Bounds of the numbers in rules.
const (
	mostPassback = 24 * 60 * 60 // seconds
	mostReset    = 24 * 60      // minutes of the day
	mostWindow   = 60           // seconds
	mostVisitors = 100
	mostInside   = 10_000
	mostRecovery = 20
	// leastRecovery is how many have to be able to get in when the centre is down: one may be on holiday.
	leastRecovery = 2
	// Doors of one interlock group.
	leastInterlock, mostInterlock = 2, 8
)

// Least is what the city asks of every area of a grade at least.
type Least struct {
	Grade   int            `json:"grade"`
	Factors access.Factors `json:"factors"`
	Trust   access.Trust   `json:"trust"`
	// PlainRoute permits readers whose wire is not encrypted, each on a recorded restricted route (R47-1).
	PlainRoute bool  `json:"plain_route"`
	Version    int64 `json:"-"` // in answers; 0: never set, the defaults
}

// factors and trusts, weakest first: something one knows can be told or watched, a second kind of proof is worth more than a second card.
var (
	factors = []access.Factors{access.FactorsPIN, access.FactorsNumber, access.FactorsCard, access.FactorsTwoCards, access.FactorsCardPIN}
	trusts  = []access.Trust{access.TrustNumber, access.TrustMemory, access.TrustMutual}
)

// DefaultLeast is what holds until the city says otherwise: what was before there were rules. Only in an area of grade 1 may a reader's wire be unencrypted.
func DefaultLeast(grade int) Least {
	return Least{Grade: grade, Factors: access.FactorsCard, Trust: access.TrustNumber, PlainRoute: grade == 1}
}

// CheckRoutes refuses readers whose wire is not encrypted where the grade does not permit them, and, named again in unrecorded, those of which nobody has put on record
// that the wire is out of reach.
func (l Least) CheckRoutes(plain, unrecorded []string) error {
	switch {
	case len(plain) > 0 && !l.PlainRoute:
		return fault.New(fault.Conflict, "area.plain_route", fmt.Sprintf("reader %q is not encrypted, in an area of grade %d", plain[0], l.Grade))
	case len(unrecorded) > 0:
		return fault.New(fault.Conflict, "area.route_unrecorded", fmt.Sprintf("reader %q is not encrypted, and no restricted route is recorded", unrecorded[0]))
	}
	return nil
}

func rank[T ~string](order []T, v, empty T) int {
	if v == "" {
		v = empty
	}
	return slices.Index(order, v)
}

// Weaker reports whether rules ask less than l does, and where.
func (l Least) Weaker(r access.Rules) (field string, weaker bool) {
	switch {
	case rank(factors, r.Factors, access.FactorsCard) < rank(factors, l.Factors, access.FactorsCard):
		return "factors", true
	case rank(trusts, r.Trust, access.TrustNumber) < rank(trusts, l.Trust, access.TrustNumber):
		return "trust", true
	}
	return "", false
}

// Check refuses words nobody knows.
func (l Least) Check() error {
	switch {
	case l.Grade < 1 || l.Grade > 3:
		return fault.BadField("grade", "area.grade", fmt.Sprintf("grade %d is not 1, 2 or 3", l.Grade))
	case !slices.Contains(factors, l.Factors):
		return fault.BadField("factors", "area.factors", fmt.Sprintf("factors %.20q", l.Factors))
	case !slices.Contains(trusts, l.Trust):
		return fault.BadField("trust", "area.trust", fmt.Sprintf("trust %.20q", l.Trust))
	}
	return nil
}

// CheckRules refuses rules that contradict each other, that the doors of the area cannot keep, or that ask less than the city does of the
// grade. access.Compile refuses the same, but for the last: a policy that it refuses would leave every door of the controller as it was. Whether the
// people and the schedule that rules name are there is looked up beside.
func CheckRules(grade int, r access.Rules, doors []Door, least Least) error {
	for _, err := range []error{checkKinds(r), checkNumbers(r), checkUnlock(grade, r), CheckInside(r, doors), checkRecovery(r.Recovery)} {
		if err != nil {
			return err
		}
	}
	if field, weaker := least.Weaker(r); weaker {
		return fault.BadField(field, "area.weaker", fmt.Sprintf("less than the city asks of grade %d", grade))
	}
	return nil
}

// checkKinds refuses words nobody knows.
func checkKinds(r access.Rules) error {
	switch {
	case rank(factors, r.Factors, access.FactorsCard) < 0:
		return fault.BadField("factors", "area.factors", fmt.Sprintf("factors %.20q", r.Factors))
	case rank(trusts, r.Trust, access.TrustNumber) < 0:
		return fault.BadField("trust", "area.trust", fmt.Sprintf("trust %.20q", r.Trust))
	case !slices.Contains([]access.Passback{"", access.PassbackSoft, access.PassbackHard, access.PassbackTimed}, r.Passback):
		return fault.BadField("passback", "area.passback", fmt.Sprintf("passback %.20q", r.Passback))
	}
	return nil
}

func checkNumbers(r access.Rules) error {
	for _, n := range []struct {
		field       string
		value, most int
	}{
		{"reset_at", r.ResetAt, mostReset},
		{"window_s", r.WindowS, mostWindow},
		{"visitors", r.Visitors, mostVisitors},
		{"most", r.Most, mostInside},
	} {
		if n.value < 0 || n.value > n.most {
			return fault.BadField(n.field, "area.rule_range", fmt.Sprintf("%s of %d, want 0–%d", n.field, n.value, n.most))
		}
	}
	timed := r.Passback == access.PassbackTimed
	switch {
	case timed && (r.PassbackS < 1 || r.PassbackS > mostPassback), !timed && r.PassbackS != 0:
		return fault.BadField("passback_s", "area.passback_s", fmt.Sprintf("passback %q of %d s", r.Passback, r.PassbackS))
	case r.TwoPerson && r.Most == 1:
		return fault.BadField("most", "area.most_two", "at most one person where two have to be")
	}
	return nil
}

// checkUnlock is about doors that stand unlocked: only where nobody is counted and nobody has to be watched.
func checkUnlock(grade int, r access.Rules) error {
	switch {
	case r.UnlockBy && r.Unlock == "":
		return fault.BadField("unlock_by", "area.unlock_by", "unlocked by the first who comes, and never unlocked")
	case r.Unlock == "":
		return nil
	case grade != 1:
		return fault.BadField("unlock", "area.unlock_grade", fmt.Sprintf("unlocked in an area of grade %d", grade))
	case r.TwoPerson, r.Passback == access.PassbackHard, r.Most > 0, r.First && !r.UnlockBy:
		return fault.BadField("unlock", "area.unlock_rule", "unlocked, and a rule that needs everybody to be seen")
	}
	return nil
}

// CheckInside is about rules that need to know who is inside.
func CheckInside(r access.Rules, doors []Door) error {
	if field := needsExit(r); field != "" && !r.InOut {
		return fault.BadField(field, "area.needs_exit", field+" needs readers on both sides")
	}
	if i := slices.IndexFunc(doors, func(d Door) bool { return len(d.ExitReaders) == 0 }); r.InOut && i >= 0 {
		return fault.BadField("in_out", "area.no_exit_reader", fmt.Sprintf("door %q has no reader on the way out", doors[i].ID))
	}
	if field := needsOneController(r); field != "" && !oneController(doors) {
		return fault.BadField(field, "area.one_controller", field+" needs all doors on one controller")
	}
	return nil
}

// needsExit names a rule that cannot be kept without knowing who went out.
func needsExit(r access.Rules) string {
	switch {
	case r.Passback == access.PassbackSoft || r.Passback == access.PassbackHard:
		return "passback"
	case r.ResetAt > 0:
		return "reset_at"
	}
	return needsOneController(r)
}

// needsOneController names a rule by which a door refuses because of who is inside. A controller knows that of its own doors alone, also when the
// centre is down.
func needsOneController(r access.Rules) string {
	switch {
	case r.Passback == access.PassbackHard:
		return "passback"
	case r.TwoPerson:
		return "two_person"
	case r.Most > 0:
		return "most"
	case r.First:
		return "first"
	}
	return ""
}

func oneController(doors []Door) bool {
	return !slices.ContainsFunc(doors, func(d Door) bool { return d.Controller != doors[0].Controller })
}

func checkRecovery(people []string) error {
	distinct := len(slices.Compact(Sorted(people)))
	if len(people) > 0 && (distinct < leastRecovery || distinct > mostRecovery || distinct < len(people)) {
		return fault.BadField("recovery", "area.recovery", fmt.Sprintf("%d people of whom %d differ", len(people), distinct))
	}
	return nil
}

// CheckInterlock refuses a group of doors that one controller cannot keep closed against each other. No doors: there is no group.
func CheckInterlock(doors []Door) error {
	if n := len(doors); n > 0 && (n < leastInterlock || n > mostInterlock || !oneController(doors)) {
		return fault.BadField("doors", "area.interlock", fmt.Sprintf("a group of %d doors, want 2–8 on one controller", n))
	}
	return nil
}
