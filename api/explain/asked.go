package explain

import (
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// asked is what the questions of the area's rules looked at: what the rules say, and the facts.
func (s *scene) asked(n int, d decide.Decision) []Seen {
	f := d.Facts
	switch n {
	case 11:
		return either(f.Gas, "gas", "no_gas")
	case 12:
		return either(s.area.Lockdown, "lockdown", "no_lockdown")
	case 13:
		return []Seen{{Code: "takes_" + orElse(string(s.area.Factors), string(access.FactorsCard))}}
	case 14:
		return []Seen{
			{Code: "trust_" + orElse(string(s.area.Trust), string(access.TrustNumber))},
			{Code: "read_" + orElse(string(f.Trust), string(access.TrustNumber))},
		}
	case 15:
		return s.pin(f)
	case 16:
		return []Seen{{Code: "passback_" + string(s.area.Passback), N: s.area.PassbackS}, {Code: "place_" + orElse(string(f.Place), "unknown"), N: int(f.SinceS)}}
	case 17:
		return either(f.Open, "other_open", "other_shut")
	case 18:
		return []Seen{{Code: "most", N: s.area.Most}, {Code: "inside", N: f.Staff + f.Visitors}, {Code: "coming", N: f.Coming + f.Party.Waiting}}
	case 19, 21:
		return append(flag(n == 19 && d.First, "may_first"), Seen{Code: "inside", N: f.Staff + f.Visitors}, Seen{Code: "with_them", N: f.Party.Staff + f.Party.Visitors})
	case 20:
		return append(flag(d.Visitor, "visitor"), Seen{Code: "escorts", N: f.Party.Escorts}, Seen{Code: "visitors", N: f.Visitors + f.Party.Visitors})
	case 22:
		return either(f.Unfit, "unfit", "fit")
	default:
		return nil
	}
}

func (s *scene) pin(f access.Facts) []Seen {
	if s.area.Factors == access.FactorsTwoCards {
		return either(f.Party.Twin, "twin", "no_twin")
	}
	seen := append(flag(f.Blocked, "blocked"), Seen{Code: "typed_" + typed(f.Typed)})
	for _, pin := range s.spec.PINs {
		if (pin.Area == "") == (s.area.Factors != access.FactorsPIN) {
			seen = append(seen, valid("pin_valid", "", 0, pin.Until))
		}
	}
	return seen
}

// typed does not tell the PIN for threats from the other: who reads this may be under threat too.
func typed(t access.Typed) string {
	if t == access.TypedDuress {
		t = access.TypedRight
	}
	return orElse(string(t), "none")
}

func either(on bool, yes, no string) []Seen {
	if on {
		return []Seen{{Code: yes}}
	}
	return []Seen{{Code: no}}
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
