package decide_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

// leaveModel is which rule somebody breaks who goes out. Of those who stay behind the facts tell.
func leaveModel(rules access.Rules, me body, f access.Facts) access.Reason {
	behind := f.Staff
	switch {
	case !rules.InOut || me.who == "":
		return ""
	case me.escort && f.Visitors > 0 && f.Escorts == 0:
		return access.EscortLeft
	case !me.visitor && rules.TwoPerson && behind == 1:
		return access.LeftAlone
	case rules.Passback != "" && f.Place == access.Outside:
		return access.PassedBack
	}
	return ""
}

// Nobody is ever held back, whatever is known of them, of the building and of the time.
func TestTheWayOutAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyRules(t)
		s := vaultOf(a)
		for i := range s.Credentials {
			s.Credentials[i].State = oneOf(t, "state", access.Active, access.Active, access.Suspended, access.Revoked, "lost")
			s.Credentials[i].Until = oneOf(t, "until", 0, 0, noon.Unix())
		}
		p := compiled(t, s)
		for range 20 {
			me := rapid.SampledFrom(append(bodies[:], body{}, body{who: "sato", escort: true})).Draw(t, "me") // a stranger, and a recovery holder
			f := anyFacts(t)
			f.Typed = oneOf(t, "typed", "", access.TypedRight, access.TypedWrong, access.TypedDuress)
			f.Blocked = yes(t, "blocked")
			f.Lapsed = access.Lease{}.Lapsed(oneOf(t, "age", 0, 12*time.Hour, 72*time.Hour, access.MostLease))
			now := oneOf(t, "now", noon, time.Time{})
			d := ask(p, "OUT", me.who, f, now)
			want := access.UnknownCredential
			for _, c := range s.Credentials {
				if c.Person == me.who {
					want = modelCard(s, c, "vault", f.Lapsed, now)
				}
			}
			if want == access.EscortRequired { // a rule of the way in
				want = access.Granted
			}
			if !d.Allow || d.Wait || d.Reason != want || d.Broken != leaveModel(a.Rules, me, f) || d.Duress != (f.Typed == access.TypedDuress) {
				t.Fatalf("%+v, the model says %s, and %q is broken", d, want, leaveModel(a.Rules, me, f))
			}
		}
	})
}

// What a card that was revoked inside does not change: who leaves with it leaves their visitors behind.
func TestAnEscortWhoseCardIsRevokedLeavesVisitorsBehind(t *testing.T) {
	p := compile(t, vault(access.Rules{InOut: true})).Revoke(access.Revocation{
		Version: access.Version{Epoch: 1, N: 2}, Key: cardOf("guide"), Card: "card of guide", State: access.Revoked,
	})
	d := ask(p, "OUT", "guide", access.Facts{Visitors: 1}, noon)
	if !d.Allow || d.Reason != access.CredentialRevoked || d.Broken != access.EscortLeft {
		t.Errorf("%+v", d)
	}
}

// R44-6: the cases in words.
func TestWhoLeavesMayLeaveSomebodyBehind(t *testing.T) {
	all := access.Rules{InOut: true, TwoPerson: true, Passback: access.PassbackSoft}
	for _, test := range []struct {
		name, who string
		rules     access.Rules
		facts     access.Facts
		want      access.Reason
	}{
		{"the first of three", "clerk", all, access.Facts{Place: access.Inside, Staff: 2}, ""},
		{"the second of three", "clerk", all, access.Facts{Place: access.Inside, Staff: 1}, access.LeftAlone},
		{"the last", "clerk", all, access.Facts{Place: access.Inside}, ""},
		{"a visitor", "guest", all, access.Facts{Place: access.Inside, Staff: 1}, ""},
		{"one of two escorts", "guide", all, access.Facts{Place: access.Inside, Staff: 2, Escorts: 1, Visitors: 3}, ""},
		{"the last escort, with visitors and a colleague inside", "guide", all, access.Facts{Place: access.Inside, Staff: 1, Visitors: 1}, access.EscortLeft},
		{"a colleague, while an escort is inside", "clerk", all, access.Facts{Place: access.Inside, Staff: 2, Escorts: 1, Visitors: 1}, ""},
		{"who is outside already", "clerk", all, access.Facts{Place: access.Outside}, access.PassedBack},
		{"who is in doubt", "clerk", all, access.Facts{}, ""},
		{"where nobody asks", "clerk", access.Rules{InOut: true}, access.Facts{Place: access.Outside, Staff: 1}, ""},
		{"where the way out is not measured", "guide", access.Rules{Passback: access.PassbackTimed, PassbackS: 9}, access.Facts{Place: access.Outside, Visitors: 1}, ""},
	} {
		if d := ask(compile(t, vault(test.rules)), "OUT", test.who, test.facts, noon); !d.Allow || d.Broken != test.want {
			t.Errorf("%s: %+v", test.name, d)
		}
	}
}
