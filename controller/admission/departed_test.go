package admission_test

import (
	"testing"

	"kanmon/internal/access"
)

// R44-6, R76-2: who was revoked or has left counts for nobody who comes after.
func TestRevokedAndDepartedPeopleCountForNobody(t *testing.T) {
	both := access.Rules{Factors: access.FactorsTwoCards, InOut: true, TwoPerson: true}
	perform(t, []play{
		{"revoked escort who was just let in", counts, []line{
			{0, "IN guide", "granted guide"},
			{1, "revoke guide", ""},
			{2, "IN guest", "pending guest escort_required"},
		}},
		{"revoked second person just let in, door not opened", access.Rules{InOut: true, TwoPerson: true}, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{0.5, "IN fitter", "granted clerk, granted fitter"},
			{1, "revoke clerk", ""},
			{1, "revoke clerk/2", ""},
			{2, "IN mason", "granted mason"},
		}},
		{"second person just let in, whose lease ended", access.Rules{InOut: true, TwoPerson: true}, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{0.5, "IN sato", "granted clerk, granted sato"},
			{0.6, "stay D-1", ""},
			{0.7, "lapsed", ""},
			{2, "IN mason", "denied mason lease_over"},
		}},
		{"escort just let in, whose day ended", counts, []line{
			{0, "IN guide", "granted guide"},
			{1, "ends guide", ""},
			{2, "IN guest", "pending guest escort_required"},
		}},
		{"first of two cards revoked while the second person is awaited", both, []line{
			{0, "IN clerk", "pending clerk second_card_required"},
			{1, "IN clerk/2", "pending clerk/2 second_person_required"},
			{2, "revoke clerk", ""},
			{3, "IN fitter", "denied clerk credential_revoked, pending fitter second_card_required"},
			{4, "IN fitter/2", "pending fitter/2 second_person_required"},
		}},
		{"second of two cards revoked while the second person is awaited", both, []line{
			{0, "IN clerk", "pending clerk second_card_required"},
			{1, "IN clerk/2", "pending clerk/2 second_person_required"},
			{2, "revoke clerk/2", ""},
			{3, "IN fitter", "denied clerk/2 credential_revoked, pending fitter second_card_required"},
			{4, "IN fitter/2", "pending fitter/2 second_person_required"},
		}},
		{"first of two cards revoked when both were let in", access.Rules{InOut: true, TwoPerson: true, Factors: access.FactorsTwoCards}, []line{
			{0, "IN clerk", "pending clerk second_card_required"},
			{0.2, "IN clerk/2", "pending clerk/2 second_person_required"},
			{0.4, "IN fitter", "pending fitter second_card_required"},
			{0.6, "IN fitter/2", "granted clerk/2, granted fitter/2"},
			{1, "revoke clerk", ""},
			{1.1, "revoke fitter", ""},
			{2, "IN mason", "pending mason second_card_required"},
			{3, "IN mason/2", "pending mason/2 second_person_required"},
		}},
		{"busy reader all morning", counts, []line{
			{0, "IN guide", "granted guide"},
			{0.5, "open D-1", ""},
			{4, "IN clerk", "granted clerk"},
			{4.5, "open D-1", ""},
			{5, "OUT guide", "granted guide"},
			{5.5, "open D-1", ""},
			{8, "IN fitter", "granted fitter"},
			{8.5, "open D-1", ""},
			{12, "IN mason", "granted mason"},
			{12.5, "open D-1", ""},
			{16, "IN sato", "granted sato"},
			{16.5, "open D-1", ""},
			{20, "IN guest", "pending guest escort_required"},
		}},
		{"slot keeps the gathering", access.Rules{InOut: true, Factors: access.FactorsCardPIN}, []line{
			{0, "IN guide", "pending guide pin_required"},
			{1, "IN #77103", "granted guide"},
			{1.5, "open D-1", ""},
			{3, "OUT guide", "granted guide"},
			{3.5, "open D-1", ""},
			{5, "IN guest", "pending guest pin_required"},
			{19, "IN #77105", "pending guest escort_required"},
		}},
		{"passback timed two doors", access.Rules{Passback: access.PassbackTimed, PassbackS: 600}, []line{
			{0, "IN clerk", "granted clerk"},
			{0.5, "IN-2 clerk/2", "denied clerk/2 anti_passback"},
		}},
		{"alone by presenting both one's own, first inside", access.Rules{InOut: true, First: true}, []line{
			{0, "IN clerk", "granted clerk"},
			{1, "stay D-1", ""},
			{2, "IN fitter", "denied fitter first_person_required"},
		}},
		{"first let in, door not opened", access.Rules{InOut: true, First: true}, []line{
			{0, "IN clerk", "granted clerk"},
			{0.5, "open D-1", ""},
			{1, "OUT clerk", "granted clerk"},
			{1.5, "open D-1", ""},
			{4, "IN fitter", "denied fitter first_person_required"},
		}},
	})
}
