package admission_test

import (
	"testing"

	"kanmon/internal/access"
)

// R44-6, cases 41 to 44: a window is everybody's own, who has left counts no more, who is on the way in is as good as inside, and no right PIN of one person
// hides the wrong ones of another.
func TestNobodyPassesOnSomebodyElsesWindowOrTries(t *testing.T) {
	perform(t, []play{
		{"who left counts no more", access.Rules{InOut: true, TwoPerson: true, WindowS: 60}, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{2, "open D-1", ""},
			{10, "OUT fitter", "granted fitter, rule_broken fitter left_alone"},
			{11, "open D-1", ""},
			{20, "OUT clerk", "granted clerk"},
			{21, "open D-1", ""},
			{40, "IN clerk", "pending clerk second_person_required"},
		}},
		{"default window: who left counts no more", access.Rules{InOut: true, TwoPerson: true}, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{1.5, "open D-1", ""},
			{3, "OUT fitter", "granted fitter, rule_broken fitter left_alone"},
			{3.5, "open D-1", ""},
			{4, "OUT clerk", "granted clerk"},
			{4.5, "open D-1", ""},
			{5, "IN clerk", "pending clerk second_person_required"},
		}},
		{"escort who left brings nobody", counts, []line{
			{0, "IN guide", "granted guide"},
			{1, "open D-1", ""},
			{2, "OUT guide", "granted guide"},
			{3, "open D-1", ""},
			{4, "IN guest", "pending guest escort_required"},
		}},
		{"escort window is not stretched", counts, []line{
			{0, "IN guide", "granted guide"},
			{0.5, "open D-1", ""},
			{4, "IN guest", "granted guest"},
			{4.5, "open D-1", ""},
			{8.5, "IN visit", "pending visit escort_required"},
		}},
		{"escort window not stretched by staff", counts, []line{
			{0, "IN guide", "granted guide"},
			{0.5, "open D-1", ""},
			{4, "IN clerk", "granted clerk"},
			{4.5, "open D-1", ""},
			{8.5, "IN fitter", "granted fitter"},
			{8.6, "open D-1", ""},
			{12, "IN visit", "pending visit escort_required"},
		}},
		{"passback at two doors", access.Rules{InOut: true, Passback: access.PassbackHard}, []line{
			{0, "IN clerk", "granted clerk"},
			{0.5, "IN-2 clerk/2", "denied clerk/2 anti_passback"},
		}},
		{"passback at one door twice", access.Rules{InOut: true, Passback: access.PassbackHard}, []line{
			{0, "IN clerk", "granted clerk"},
			{0.5, "IN clerk/2", "denied clerk/2 anti_passback"},
		}},
		{"tries reset by an insider", access.Rules{Factors: access.FactorsNumber}, []line{
			{0, "IN #100", "pending clerk pin_required"},
			{0.1, "IN #0001", "denied clerk pin_wrong"},
			{1, "IN #100", "pending clerk pin_required"},
			{1.1, "IN #0002", "denied clerk pin_wrong"},
			{2, "IN #100", "pending clerk pin_required"},
			{2.1, "IN #0003", "denied clerk pin_wrong"},
			{3, "IN #100", "pending clerk pin_required"},
			{3.1, "IN #0004", "denied clerk pin_wrong"},
			{4, "IN #101", "pending fitter pin_required"},
			{4.1, "IN #77101", "granted fitter"},
			{5, "IN #100", "pending clerk pin_required"},
			{5.1, "IN #0005", "pin_stopped clerk, denied clerk pin_wrong"},
		}},
		{"number exit as another", access.Rules{InOut: true, Passback: access.PassbackHard, Factors: access.FactorsNumber}, []line{
			{0, "IN #100", "pending clerk pin_required"},
			{0.1, "IN #77100", "granted clerk"},
			{0.2, "open D-1", ""},
			{10, "OUT #100", "granted ? pin_required"},
			{10.1, "open D-1", ""},
			{20, "IN #100", "pending clerk pin_required"},
			{20.1, "IN #77100", "denied clerk anti_passback"},
		}},
	})
}
