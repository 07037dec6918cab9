package admission_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/controller/admission"
	"kanmon/internal/access"
	"kanmon/internal/event"
)

var (
	cardPIN   = access.Rules{Factors: access.FactorsCardPIN}
	pinAlone  = access.Rules{Factors: access.FactorsPIN}
	numberPIN = access.Rules{Factors: access.FactorsNumber}
	twoCards  = access.Rules{Factors: access.FactorsTwoCards}
)

// five wrong PINs after a card, from a moment on. Each is refused; the fifth stops further ones.
func five(at float64) (lines []line) {
	for i := range 5 {
		want := "denied clerk pin_wrong"
		if i == 4 {
			want = "pin_stopped clerk, " + want
		}
		lines = append(lines, line{at, "IN clerk", "pending clerk pin_required"}, line{at + 1, "IN #0000", want})
		at += 2
	}
	return lines
}

// R44-1, R44-2: a PIN belongs to the card before it, within 15 s, and to no other.
func TestACardAndItsPIN(t *testing.T) {
	pin := "IN #" + secret("clerk")
	perform(t, []play{
		{"right", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {14.999, pin, "granted clerk"}, {15, "later", ""}, {30, "later", ""}}},
		{"too late", cardPIN, []line{
			{0, "IN clerk", "pending clerk pin_required"}, {15, pin, "denied clerk pin_required, denied ? factors_not_accepted"}, {30, "later", ""},
		}},
		{"never", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {14.999, "later", ""}, {15, "later", "denied clerk pin_required"}, {16, "later", ""}}},
		{"wrong", cardPIN, []line{
			{0, "IN clerk", "pending clerk pin_required"}, {1, "IN #0000", "denied clerk pin_wrong"}, {2, pin, "denied ? factors_not_accepted"}, {20, "later", ""},
		}},
		{"another's", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {1, "IN #" + secret("fitter"), "denied clerk pin_wrong"}}},
		{"the card again", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {14, "IN clerk", "pending clerk pin_required"}, {28, pin, "granted clerk"}}},
		{"another card between", cardPIN, []line{
			{0, "IN clerk", "pending clerk pin_required"}, {1, "IN fitter", "denied clerk pin_required, pending fitter pin_required"}, {2, pin, "denied fitter pin_wrong"},
		}},
		{"another card of theirs between", cardPIN, []line{
			{0, "IN clerk", "pending clerk pin_required"}, {1, "IN clerk/2", "denied clerk pin_required, pending clerk/2 pin_required"}, {2, pin, "granted clerk/2"},
		}},
		{"a stranger's card between", cardPIN, []line{
			{0, "IN clerk", "pending clerk pin_required"}, {1, "IN nobody", "denied clerk pin_required, denied ? unknown_credential"}, {2, pin, "denied ? factors_not_accepted"},
		}},
		{"no card", cardPIN, []line{{0, pin, "denied ? factors_not_accepted"}}},
		{"at another reader", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {1, "IN-3 #" + secret("clerk"), "denied ? factors_not_accepted"}, {2, pin, "granted clerk"}}},
		{"revoked before the PIN", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {1, "revoke clerk", ""}, {2, pin, "denied clerk credential_revoked"}}},
		{"the lease over before the PIN", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {1, "lapsed", ""}, {2, pin, "denied clerk lease_over"}}},
		{"who waits and shows the card again waits once", access.Rules{InOut: true, TwoPerson: true, Factors: access.FactorsCardPIN}, []line{
			{0, "IN clerk", "pending clerk pin_required"},
			{1, pin, "pending clerk second_person_required"},
			{3, "IN clerk", "pending clerk pin_required"},
			{18, "later", "denied clerk pin_required"},
			{30, "later", ""},
		}},
		{"no right: no PIN is asked for", cardPIN, []line{{0, "IN other", "denied other no_right"}}},
		{"a PIN where none is asked for", counts, []line{{0, pin, "denied ? factors_not_accepted"}}},
		{"two people, each with a PIN slower than the window", access.Rules{InOut: true, TwoPerson: true, Factors: access.FactorsCardPIN}, []line{
			{0, "IN clerk", "pending clerk pin_required"},
			{1, pin, "pending clerk second_person_required"},
			{3, "IN fitter", "pending fitter pin_required"},
			{17, "IN #" + secret("fitter"), "granted clerk, granted fitter"},
		}},
		{"a visitor waits while the escort types", access.Rules{Factors: access.FactorsCardPIN}, []line{
			{0, "IN guest", "pending guest pin_required"},
			{1, "IN #" + secret("guest"), "pending guest escort_required"},
			{3, "IN guide", "pending guide pin_required"},
			{15, "IN #" + secret("guide"), "granted guest, granted guide"},
		}},
		{"who waited is told when the other's PIN is wrong", access.Rules{InOut: true, TwoPerson: true, Factors: access.FactorsCardPIN}, []line{
			{0, "IN clerk", "pending clerk pin_required"},
			{1, pin, "pending clerk second_person_required"},
			{3, "IN fitter", "pending fitter pin_required"},
			{15, "IN #0000", "denied fitter pin_wrong"},
			{15, "later", "denied clerk second_person_required"},
		}},
	})
}

func TestFiveWrongPINsStopACardForAMinute(t *testing.T) {
	pin := "IN #" + secret("clerk")
	perform(t, []play{
		{"for a minute", cardPIN, append(five(0),
			line{20, "IN clerk", "denied clerk pin_blocked"}, line{68.999, "IN clerk", "denied clerk pin_blocked"},
			line{69, "IN clerk", "pending clerk pin_required"}, line{70, pin, "granted clerk"})},
		{"not another", cardPIN, append(five(0), line{20, "IN fitter", "pending fitter pin_required"}, line{21, "IN clerk/2", "denied fitter pin_required, pending clerk/2 pin_required"})},
		{"everywhere", cardPIN, append(five(0), line{20, "IN-3 clerk", "denied clerk pin_blocked"})},
		{"ended by a right one", cardPIN, slices.Concat(five(0)[:8],
			[]line{{20, "IN clerk", "pending clerk pin_required"}, {21, pin, "granted clerk"}}, five(30))},
		{"and again after the pause", cardPIN, append(slices.Concat(five(0), five(100)), line{120, "IN clerk", "denied clerk pin_blocked"})},
		{"at a reader where the PIN is alone", pinAlone, []line{
			{0, "IN #0000", "denied ? pin_wrong"},
			{1, "IN #0000", "denied ? pin_wrong"},
			{2, "IN #0000", "denied ? pin_wrong"},
			{3, "IN #0000", "denied ? pin_wrong"},
			{4, "IN #0000", "pin_stopped ?, denied ? pin_wrong"},
			{5, pin, "denied clerk pin_blocked"},
			{6, "IN #0000", "denied ? pin_blocked"},
			{63.999, pin, "denied clerk pin_blocked"},
			{64, pin, "granted clerk"},
		}},
	})
}

// R44-2: what a number and a PIN that do not hold show at the reader says nothing of whether the number is anybody's.
func TestANumberNobodyHasLooksLikeAWrongPIN(t *testing.T) {
	closed := hall(access.Rules{Factors: access.FactorsNumber, First: true, InOut: true})
	closed.Areas[0].Lockdown = true
	closed.People[0].Until = noon.Unix() // the clerk has left
	shows := func(building access.Spec, lines ...string) (seen []string) {
		s := enact(t, building)
		for _, l := range lines {
			s.clock += time.Second
			s.do(l)
			d := s.out.Decision
			seen = append(seen, fmt.Sprint(d.Allow, d.Wait, admission.Feedback(d), len(s.out.Grants)))
		}
		return seen
	}
	for _, rest := range [][]string{
		{"IN #1234"},
		{"IN clerk"},
		{"IN nobody", "IN #1234"},
		strings.Split(strings.Repeat("IN #1234,IN #555,", 6)+"IN #1234", ","),
	} {
		for name, building := range map[string]access.Spec{"an open vault": hall(numberPIN), "a vault that lets nobody in": closed} {
			for _, before := range []string{"later", "gas", "dark", "lapsed"} {
				unknown := shows(building, append([]string{before, "IN #555"}, rest...)...)
				for _, who := range []string{"clerk", "guest", "other", "fitter"} {
					if known := shows(building, append([]string{before, "IN #" + number(who)}, rest...)...); !slices.Equal(known, unknown) {
						t.Errorf("%s, %s: after %v\nthe number of %s shows %q\none that nobody has  %q", name, before, rest, who, known, unknown)
					}
				}
			}
		}
	}
	perform(t, []play{
		{"right", numberPIN, []line{{0, "IN #" + number("clerk"), "pending clerk pin_required"}, {14.999, "IN #" + secret("clerk"), "granted clerk"}}},
		{"nobody's", numberPIN, []line{{0, "IN #555", "pending ? pin_required"}, {1, "IN #" + secret("clerk"), "denied ? pin_wrong"}}},
		{"nobody's, in vain", numberPIN, []line{{0, "IN #555", "pending ? pin_required"}, {15, "later", "denied ? pin_required"}}},
		{"nobody's, and a card between", numberPIN, []line{
			{0, "IN #555", "pending ? pin_required"}, {1, "IN nobody", "denied ? pin_required, denied ? unknown_credential"}, {30, "later", ""},
		}},
		{"a card between", numberPIN, []line{
			{0, "IN #" + number("clerk"), "pending clerk pin_required"}, {1, "IN clerk", "denied clerk pin_required, denied clerk factors_not_accepted"},
		}},
	})
}

// R44-2: under threat nothing that the reader shows differs, and the event goes on record beside, whatever the answer.
func TestThePINForThreatsShowsNothing(t *testing.T) {
	one := func(rules access.Rules, lines ...string) []string {
		s := enact(t, hall(rules))
		var seen []string
		for _, l := range lines {
			s.clock += time.Second
			events := slices.DeleteFunc(s.do(l), func(e event.Event) bool { return e.Kind == event.Duress })
			d := s.out.Decision
			seen = append(seen, fmt.Sprint(d.Allow, d.Wait, d.Reason, d.Door, d.ReleaseMS, len(s.out.Grants), words(events)))
		}
		return seen
	}
	for name, test := range map[string]struct {
		rules access.Rules
		lines []string
	}{
		"card and PIN":   {cardPIN, []string{"IN clerk", "IN #"}},
		"PIN":            {pinAlone, []string{"IN #"}},
		"number and PIN": {numberPIN, []string{"IN #" + number("clerk"), "IN #"}},
		"one of two": {
			access.Rules{InOut: true, TwoPerson: true, Factors: access.FactorsCardPIN},
			[]string{"IN clerk", "IN #", "IN fitter", "IN #" + secret("fitter")},
		},
	} {
		type_ := func(pin string) (lines []string) {
			for _, l := range test.lines {
				if strings.HasSuffix(l, "#") {
					l += pin
				}
				lines = append(lines, l)
			}
			return lines
		}
		plain, threatened := one(test.rules, type_(secret("clerk"))...), one(test.rules, type_(threat("clerk"))...)
		if !slices.Equal(plain, threatened) {
			t.Errorf("%s: %q, under threat %q", name, plain, threatened)
		}
	}
	pin := "IN #" + threat("clerk")
	hard := access.Rules{InOut: true, Passback: access.PassbackHard, Factors: access.FactorsCardPIN}
	perform(t, []play{
		{"let in", cardPIN, []line{{0, "IN clerk", "pending clerk pin_required"}, {1, pin, "duress clerk, granted clerk"}}},
		{"alone", pinAlone, []line{{0, pin, "duress clerk, granted clerk"}}},
		{"refused for another reason", hard, []line{
			{0, "IN clerk", "pending clerk pin_required"},
			{1, pin, "duress clerk, granted clerk"},
			{2, "open D-1", ""},
			{3, "IN clerk", "pending clerk pin_required"},
			{4, pin, "duress clerk, denied clerk anti_passback"},
		}},
		{"stopped", cardPIN, append(five(0), line{10, "IN clerk", "denied clerk pin_blocked"})},
		{"told once, though somebody else is waited for", access.Rules{InOut: true, TwoPerson: true, Factors: access.FactorsCardPIN}, []line{
			{0, "IN clerk", "pending clerk pin_required"},
			{1, pin, "duress clerk, pending clerk second_person_required"},
			{2, "IN fitter", "pending fitter pin_required"},
			{3, "IN #" + secret("fitter"), "granted clerk, granted fitter"},
		}},
	})
}

// R44-1: two cards of one person, and of nobody else, within the window.
func TestTwoCardsOfOnePerson(t *testing.T) {
	both := access.Rules{Factors: access.FactorsTwoCards, InOut: true, TwoPerson: true}
	perform(t, []play{
		{"both", twoCards, []line{{0, "IN clerk", "pending clerk second_card_required"}, {4.999, "IN clerk/2", "granted clerk/2"}, {20, "later", ""}}},
		{"the other way round", twoCards, []line{{0, "IN clerk/2", "pending clerk/2 second_card_required"}, {1, "IN clerk", "granted clerk"}}},
		{"the same one twice", twoCards, []line{
			{0, "IN clerk", "pending clerk second_card_required"}, {4, "IN clerk", "pending clerk second_card_required"}, {9, "later", "denied clerk second_card_required"},
		}},
		{"too late", twoCards, []line{
			{0, "IN clerk", "pending clerk second_card_required"}, {5, "IN clerk/2", "denied clerk second_card_required, pending clerk/2 second_card_required"},
		}},
		{"of two people", twoCards, []line{
			{0, "IN clerk", "pending clerk second_card_required"},
			{1, "IN fitter", "denied clerk second_card_required, pending fitter second_card_required"},
			{2, "IN clerk/2", "denied fitter second_card_required, pending clerk/2 second_card_required"},
		}},
		{"the second is revoked", twoCards, []line{
			{0, "IN clerk", "pending clerk second_card_required"}, {1, "revoke clerk/2", ""}, {2, "IN clerk/2", "denied clerk/2 credential_revoked"},
		}},
		{"the first is revoked between", twoCards, []line{
			{0, "IN clerk", "pending clerk second_card_required"},
			{1, "revoke clerk", ""},
			{2, "IN clerk/2", "denied clerk credential_revoked, pending clerk/2 second_card_required"},
		}},
		{"one person with two cards is one of two people", both, []line{
			{0, "IN clerk", "pending clerk second_card_required"},
			{1, "IN clerk/2", "pending clerk/2 second_person_required"},
			{2, "IN fitter", "pending fitter second_card_required"},
			{3, "IN fitter/2", "granted clerk/2, granted fitter/2"},
		}},
	})
}

// R44-1: who must repair the centre gets in without it and without a clock, with a PIN or as two, and not for ever.
func TestRecoveryHoldersGetIn(t *testing.T) {
	rules := access.Rules{Recovery: []string{"kato", "sato"}}
	two := access.Rules{Recovery: []string{"kato", "sato"}, InOut: true, TwoPerson: true}
	off := line{0, "lapsed", ""}
	pin := "IN #" + secret("sato")
	perform(t, []play{
		{"with a PIN", rules, []line{off, {1, "IN sato", "pending sato pin_required"}, {15.999, pin, "granted sato, recovery_used sato"}}},
		{"without a clock", rules, []line{{0, "dark", ""}, {1, "IN sato", "pending sato pin_required"}, {2, pin, "granted sato, recovery_used sato"}}},
		{"two, without a PIN", rules, []line{
			off, {1, "IN sato", "pending sato pin_required"}, {2, "IN kato", "granted sato, granted kato, recovery_used sato, recovery_used kato"}, {30, "later", ""},
		}},
		{"a wrong PIN", rules, []line{off, {1, "IN sato", "pending sato pin_required"}, {2, "IN #0000", "denied sato pin_wrong"}, {30, "later", ""}}},
		{"in vain", rules, []line{off, {1, "IN sato", "pending sato pin_required"}, {16, "later", "denied sato pin_required"}, {30, "later", ""}}},
		{"not two after a wrong PIN", rules, []line{
			off, {1, "IN sato", "pending sato pin_required"}, {2, "IN #0000", "denied sato pin_wrong"}, {3, "IN kato", "pending kato pin_required"},
		}},
		{"not two with one of no recovery", rules, []line{off, {1, "IN sato", "pending sato pin_required"}, {2, "IN clerk", "denied sato pin_required, denied clerk lease_over"}}},
		{"not with another card of theirs", rules, []line{
			off, {1, "IN sato", "pending sato pin_required"}, {2, "IN sato/2", "denied sato pin_required, pending sato/2 pin_required"}, {17, "later", "denied sato/2 pin_required"},
		}},
		{"no recovery while all is well", rules, []line{{0, "IN sato", "granted sato"}}},
		{"two people are asked of them too", two, []line{
			off,
			{1, "IN sato", "pending sato pin_required"},
			{2, pin, "pending sato second_person_required"},
			{3, "IN kato", "granted sato, granted kato, recovery_used sato, recovery_used kato"},
		}},
		{"two at once are two people", two, []line{
			off, {1, "IN sato", "pending sato pin_required"}, {2, "IN kato", "granted sato, granted kato, recovery_used sato, recovery_used kato"},
		}},
		{"who has not typed their PIN is nobody's second person", two, []line{
			{0, "dark", ""},
			{1, "IN sato", "pending sato pin_required"},
			{2, "IN clerk", "denied sato pin_required, pending clerk second_person_required"},
			{7, "later", "denied clerk second_person_required"},
		}},
		{"a revoked one is none", rules, []line{off, {1, "revoke sato", ""}, {2, "IN sato", "denied sato credential_revoked"}}},
	})
}
