package admission_test

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kanmon/controller/admission"
	"kanmon/controller/site"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// The building of these tests: the vault has two doors with readers on both sides, D-1 and D-2, interlocked; the lobby has D-3. What the names
// of people say is the one thing special about them. Everybody has two cards without limits, a number and a PIN of their own, and one under threat.
var cast = []access.Person{
	{ID: "clerk"},
	{ID: "fitter", Class: access.Contractor},
	{ID: "mason", Class: access.Contractor},
	{ID: "guide"},
	{ID: "guard"}, // another who may bring visitors
	{ID: "guest", Class: access.Visitor},
	{ID: "visit", Class: access.Visitor},
	{ID: "child", Class: access.Visitor},
	{ID: "other"},                                     // who has no right
	{ID: "sato", Until: noon.AddDate(1, 0, 0).Unix()}, // recovery holders, where the rules name them
	{ID: "kato", Until: noon.AddDate(1, 0, 0).Unix()},
}

func number(person string) string {
	return strconv.Itoa(100 + slices.IndexFunc(cast, func(p access.Person) bool { return p.ID == person }))
}

// secret and threat are somebody's PINs.
func secret(person string) string { return "77" + number(person) }
func threat(person string) string { return "99" + number(person) }

func sum(s string) access.Key { return sha256.Sum256([]byte(s)) }

// code is what is typed. It is an admission.Code.
type code string

func (c code) Forms(scope string) []access.Key { return []access.Key{sum(scope + "|" + string(c))} }
func (c code) Number() string                  { return string(c) }

// hall is the building with the vault's rules.
func hall(rules access.Rules) access.Spec {
	s := access.Spec{
		Version: access.Version{Epoch: 1, N: 1},
		Areas:   []access.Area{{ID: "vault", Record: access.Strict, Rules: rules}, {ID: "lobby", Record: access.Strict, Rules: rules}},
		Doors: []access.Door{
			{ID: "D-1", Area: "vault", EntryReads: []string{"IN"}, ExitReads: []string{"OUT"}, ReleaseMS: 3000, HeldMS: 9000, Interlock: "lock"},
			{ID: "D-2", Area: "vault", EntryReads: []string{"IN-2"}, ExitReads: []string{"OUT-2"}, ReleaseMS: 3000, HeldMS: 9000, Interlock: "lock"},
			{ID: "D-3", Area: "lobby", EntryReads: []string{"IN-3"}, ExitReads: []string{"OUT-3"}, ReleaseMS: 3000, HeldMS: 9000},
		},
	}
	for _, p := range cast {
		p.Number = number(p.ID)
		s.People = append(s.People, p)
		for _, card := range []string{p.ID, p.ID + "/2"} {
			s.Credentials = append(s.Credentials, access.Credential{Key: sum(card), Card: card, Person: p.ID, State: access.Active})
		}
		scope := access.PersonScope(p.ID)
		s.PINs = append(s.PINs, access.PIN{Person: p.ID, Key: code(secret(p.ID)).Forms(scope)[0], Duress: code(threat(p.ID)).Forms(scope)[0]})
		if rules.Factors == access.FactorsPIN {
			scope := access.AreaScope("vault")
			s.PINs = append(s.PINs, access.PIN{Person: p.ID, Area: "vault", Key: code(secret(p.ID)).Forms(scope)[0], Duress: code(threat(p.ID)).Forms(scope)[0]})
		}
		for _, area := range []string{"vault", "lobby"} {
			if p.ID != "other" {
				s.Rights = append(s.Rights, access.Right{Person: p.ID, Area: area, Escort: strings.HasPrefix(p.ID, "gu") && p.Class == "", First: p.ID == "clerk"})
			}
		}
	}
	return s
}

var noon = time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)

// scene plays at the doors of a hall. What a core does for it, it does at once: what time ends, the strike, and no door opens by itself.
type scene struct {
	site   *site.State
	policy *decide.Policy
	rules  access.Rules
	clock  time.Duration
	dark   bool // the time is not known
	lapsed access.Classes
	ajar   map[string]bool
	gas    bool
	waits  bool              // grants wait for their record
	grants []admission.Grant // of the last presentation
	out    admission.Outcome
	reader string
}

func enact(tb interface{ Fatal(args ...any) }, s access.Spec) *scene {
	p, err := decide.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return &scene{site: site.New(), policy: p, rules: s.Areas[0].Rules, ajar: map[string]bool{}}
}

func (s *scene) now() site.Moment {
	m := site.Moment{Mono: s.clock}
	if !s.dark {
		m.Wall = noon.Add(s.clock)
	}
	return m
}

func (s *scene) around() admission.Around {
	return admission.Around{
		Policy: s.policy, Lapsed: s.lapsed, At: s.now().Wall, Now: s.now(),
		Gas: func(string) bool { return s.gas }, Ajar: func(door string) bool { return s.ajar[door] }, Unfit: func(string) bool { return false },
	}
}

// present takes what is shown and typed, and releases the strike of an entry for all who pass.
func (s *scene) present(o admission.Outcome) []event.Event {
	s.out = o
	events := o.Events
	s.grants = o.Grants
	for _, g := range o.Grants {
		events = append(events, g.Event)
		if !s.waits {
			s.site.Released(g.Decision.Door, g.Decision.Person)
		}
	}
	if o.Decision.Direction == access.Out {
		s.site.Released(o.Decision.Door, o.Decision.Person)
	}
	return append(events, o.After...)
}

// do plays one line: a reader and the card or the code ("#1234") there, or a word of the hall.
func (s *scene) do(line string) (events []event.Event) {
	events = admission.Expire(s.site, s.around())
	verb, what, _ := strings.Cut(line, " ")
	switch verb {
	case "later":
	case "open":
		s.site.Opened(what, s.now())
	case "stay":
		s.site.NotEntered(what)
	case "doubt":
		s.site.Doubt(what)
	case "reset":
		s.site.Reset("", what)
	case "ajar":
		s.ajar[what] = !s.ajar[what]
	case "revoke":
		s.policy = s.policy.Revoke(access.Revocation{Version: access.Version{Epoch: 1, N: 9}, Key: sum(what), Card: what, State: access.Revoked})
	case "ends": // a policy in which somebody's time is over
		building := hall(s.rules)
		for i := range building.People {
			if building.People[i].ID == what {
				building.People[i].Until = noon.Unix()
			}
		}
		s.policy, _ = decide.Compile(building)
	case "gas":
		s.gas = !s.gas
	case "waits":
		s.waits = true
	case "undone":
		admission.Undone(s.site, s.reader, s.grants)
	case "dark":
		s.dark = true
	case "lapsed":
		s.lapsed = s.policy.Lease().Lapsed(24 * time.Hour * 4)
	default:
		s.reader = verb
		if pin, typed := strings.CutPrefix(what, "#"); typed {
			return append(events, s.present(admission.Typed(s.site, verb, code(pin), s.around()))...)
		}
		return append(events, s.present(admission.Shown(s.site, decide.Request{Reader: verb, Key: sum(what), Lapsed: s.lapsed}, s.around()))...)
	}
	return events
}

// words tells events: kind, who by card or else by name, and the reason where the kind does not say it.
func words(events []event.Event) string {
	var all []string
	for _, e := range events {
		who := e.Card
		if who == "" {
			who = e.Person
		}
		if who == "" {
			who = "?"
		}
		word := strings.TrimPrefix(string(e.Kind), "access_") + " " + who
		if e.Reason != access.Granted && e.Reason != "" {
			word += " " + string(e.Reason)
		}
		all = append(all, word)
	}
	return strings.Join(all, ", ")
}

// line of a play: at a time in seconds, something is done, and events follow.
type line struct {
	at       float64
	do, want string
}

type play struct {
	name  string
	rules access.Rules
	lines []line
}

func perform(t *testing.T, plays []play) {
	t.Helper()
	for _, p := range plays {
		t.Run(p.name, func(t *testing.T) {
			s := enact(t, hall(p.rules))
			for _, l := range p.lines {
				s.clock = time.Duration(l.at*1000) * time.Millisecond
				if got := words(s.do(l.do)); got != l.want {
					t.Fatalf("%.3f %s: %q, want %q", l.at, l.do, got, l.want)
				}
			}
		})
	}
}
