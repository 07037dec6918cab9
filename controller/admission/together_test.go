package admission_test

import (
	"testing"

	"kanmon/internal/access"
)

var (
	pair   = access.Rules{InOut: true, TwoPerson: true}
	counts = access.Rules{InOut: true}
)

// R44-6, case 43: two people are two people, in whichever order, within the window, and no visitor is one of them.
func TestTwoPeoplePass(t *testing.T) {
	perform(t, []play{
		{"together", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{4.999, "IN fitter", "granted clerk, granted fitter"},
			{6, "open D-1", ""},
			{7, "later", ""},
		}},
		{"in the other order", pair, []line{
			{0, "IN fitter", "pending fitter second_person_required"},
			{1, "IN clerk", "granted fitter, granted clerk"},
		}},
		{"too late, at 5.000 s", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{5, "IN fitter", "denied clerk second_person_required, pending fitter second_person_required"},
			{9.999, "later", ""},
			{10, "later", "denied fitter second_person_required"},
			{11, "later", ""},
		}},
		{"a window of its own", access.Rules{InOut: true, TwoPerson: true, WindowS: 20}, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{19.999, "IN fitter", "granted clerk, granted fitter"},
		}},
		{"not with another card of theirs", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN clerk/2", "pending clerk/2 second_person_required"},
			{5.999, "IN clerk", "pending clerk second_person_required"},
			{10.999, "later", "denied clerk second_person_required"},
		}},
		{"not at another reader", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN-2 fitter", "pending fitter second_person_required"},
			{6, "later", "denied clerk second_person_required, denied fitter second_person_required"},
		}},
		{"not with a visitor", pair, []line{
			{0, "IN guide", "pending guide second_person_required"},
			{1, "IN guest", "pending guest second_person_required"},
			{2, "IN visit", "pending visit second_person_required"},
			{7, "later", "denied guide second_person_required, denied guest second_person_required, denied visit second_person_required"},
		}},
		{"nor with a visitor inside", pair, []line{
			{0, "IN guide", "pending guide second_person_required"},
			{1, "IN guest", "pending guest second_person_required"},
			{2, "IN clerk", "granted guide, granted guest, granted clerk"},
			{3, "open D-1", ""},
			{20, "OUT guide", "granted guide, rule_broken guide escort_left"},
			{21, "open D-1", ""},
			{22, "OUT clerk", "granted clerk"},
			{23, "open D-1", ""},
			{30, "IN fitter", "pending fitter second_person_required"},
		}},
		{"not with somebody who was refused", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN other", "denied other no_right"},
			{2, "later", ""},
			{5, "later", "denied clerk second_person_required"},
		}},
		{"not with somebody revoked while they waited", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "revoke clerk", ""},
			{2, "IN fitter", "denied clerk credential_revoked, pending fitter second_person_required"},
			{7, "later", "denied fitter second_person_required"},
		}},
		{"not with somebody revoked and refused while they waited", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "revoke clerk", ""},
			{2, "IN clerk", "denied clerk credential_revoked"},
			{3, "IN fitter", "pending fitter second_person_required"},
			{8, "later", "denied fitter second_person_required"},
		}},
		{"not with somebody whose lease ended while they waited", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "lapsed", ""},
			{2, "IN fitter", "denied clerk lease_over, denied fitter lease_over"},
		}},
		{"not with somebody who was let in and did not go", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{5, "stay D-1", ""},
			{5.5, "IN mason", "pending mason second_person_required"},
		}},
		{"not with somebody whose entry was not recorded", pair, []line{
			{0, "waits", ""},
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{2, "undone", ""},
			{3, "IN mason", "pending mason second_person_required"},
		}},
	})
}

// Case 42: the third of three comes in and leaves by the rules, and nothing is broken.
func TestAThirdPersonComesAndGoesAmongTwo(t *testing.T) {
	perform(t, []play{
		{"after the two", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{2, "open D-1", ""},
			{60, "IN mason", "granted mason"},
			{61, "open D-1", ""},
			{90, "OUT-2 mason", "granted mason"},
			{91, "open D-2", ""},
			{95, "IN-2 mason", "granted mason"},
			{96, "open D-2", ""},
			{100, "OUT clerk", "granted clerk"},
			{101, "open D-1", ""},
			{110, "OUT mason", "granted mason, rule_broken mason left_alone"},
			{111, "open D-1", ""},
			{112, "OUT fitter", "granted fitter"},
			{113, "open D-1", ""},
			{120, "IN clerk", "pending clerk second_person_required"},
		}},
		{"with the two", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{2, "IN mason", "granted mason"},
			{3, "open D-1", ""},
			{60, "OUT fitter", "granted fitter"},
			{61, "stay D-1", ""},
			{70, "OUT clerk", "granted clerk"},
			{71, "open D-1", ""},
		}},
		{"where the first has gone again", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{2, "open D-1", ""},
			{60, "OUT fitter", "granted fitter, rule_broken fitter left_alone"},
			{61, "open D-1", ""},
			{70, "IN mason", "granted mason"},
		}},
		{"where nobody knows whether they are inside", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{2, "open D-1", ""},
			{60, "doubt vault", ""},
			{61, "IN mason", "pending mason second_person_required"},
			{62, "OUT clerk", "granted clerk"},
		}},
	})
}

// R44-6, case 44: a visitor passes with somebody who may bring visitors, before or after them.
func TestVisitorsPassWithAnEscort(t *testing.T) {
	few := access.Rules{InOut: true, Visitors: 1}
	perform(t, []play{
		{"the escort first", counts, []line{
			{0, "IN guide", "granted guide"},
			{4.999, "IN guest", "granted guest"},
			{9.998, "IN visit", "pending visit escort_required"}, // the escort's own window is over, whoever came since
		}},
		{"the visitors first", counts, []line{
			{0, "IN guest", "pending guest escort_required"},
			{4, "IN visit", "pending visit escort_required"},
			{8.999, "IN guide", "granted guest, granted visit, granted guide"},
		}},
		{"the escort first, and inside already", counts, []line{
			{0, "IN guide", "granted guide"},
			{1, "open D-1", ""},
			{4, "IN guest", "granted guest"},
			{5, "open D-1", ""},
			{30, "IN visit", "pending visit escort_required"},
			{34, "IN guide", "granted visit, granted guide"},
		}},
		{"the escort too late", counts, []line{
			{0, "IN guest", "pending guest escort_required"},
			{5, "IN guide", "denied guest escort_required, granted guide"},
		}},
		{"the escort has no right here", counts, []line{
			{0, "IN guest", "pending guest escort_required"},
			{1, "IN other", "denied other no_right"},
			{5, "later", "denied guest escort_required"},
		}},
		{"staff who may bring nobody", counts, []line{
			{0, "IN guest", "pending guest escort_required"},
			{1, "IN clerk", "granted clerk"},
			{2, "IN fitter", "granted fitter"},
			{7, "later", "denied guest escort_required"},
		}},
		{"the escort is inside, and not at the reader", counts, []line{
			{0, "IN guide", "granted guide"},
			{1, "open D-1", ""},
			{30, "IN guest", "pending guest escort_required"},
		}},
		{"the escort did not go through", counts, []line{
			{0, "IN guide", "granted guide"},
			{4, "stay D-1", ""},
			{4.5, "IN guest", "pending guest escort_required"},
		}},
		{"the escort leaves", counts, []line{
			{0, "IN guest", "pending guest escort_required"},
			{1, "IN guide", "granted guest, granted guide"},
			{2, "open D-1", ""},
			{60, "IN guard", "granted guard"},
			{61, "open D-1", ""},
			{70, "OUT guide", "granted guide"},
			{71, "open D-1", ""},
			{80, "OUT guard", "granted guard, rule_broken guard escort_left"},
			{81, "open D-1", ""},
			{90, "OUT guest", "granted guest"},
		}},
		{"the escort leaves after the visitors", counts, []line{
			{0, "IN guest", "pending guest escort_required"},
			{1, "IN guide", "granted guest, granted guide"},
			{2, "open D-1", ""},
			{70, "OUT guest", "granted guest"},
			{71, "open D-1", ""},
			{72, "OUT guide", "granted guide"},
		}},
		{"one visitor more than one escort may bring", few, []line{
			{0, "IN guest", "pending guest escort_required"},
			{1, "IN visit", "pending visit escort_required"},
			{2, "IN guide", "pending guide escort_required"},
			{6.999, "IN guard", "granted guest, granted visit, granted guide, granted guard"},
		}},
		{"the second escort does not come", few, []line{
			{0, "IN guest", "pending guest escort_required"},
			{1, "IN visit", "pending visit escort_required"},
			{2, "IN guide", "pending guide escort_required"},
			{7, "IN guard", "denied guest escort_required, denied visit escort_required, denied guide escort_required, granted guard"},
		}},
		{"the second escort is inside", few, []line{
			{0, "IN guard", "granted guard"},
			{1, "open D-1", ""},
			{30, "IN guest", "pending guest escort_required"},
			{31, "IN visit", "pending visit escort_required"},
			{32, "IN guide", "granted guest, granted visit, granted guide"},
		}},
		{"the one escort is inside already", few, []line{
			{0, "IN guide", "granted guide"},
			{1, "open D-1", ""},
			{2, "IN guest", "granted guest"},
			{3, "open D-1", ""},
			{4, "IN visit", "pending visit escort_required"},
			{5, "IN guard", "granted visit, granted guard"},
		}},
		{"where nobody is measured, who is inside is not counted", access.Rules{Visitors: 1}, []line{
			{0, "IN guide", "granted guide"},
			{1, "IN guest", "granted guest"},
			{2, "open D-1", ""},
			{60, "IN guide", "granted guide"},
			{61, "IN visit", "granted visit"},
			{62, "IN child", "pending child escort_required"},
		}},
		{"two people besides", pair, []line{
			{0, "IN guest", "pending guest escort_required"},
			{1, "IN guide", "pending guide second_person_required"},
			{2, "IN clerk", "granted guest, granted guide, granted clerk"},
		}},
	})
}

// Case 41: what breaks at the way out traps nobody, at both sides of the door.
func TestWhoLeavesUnmeasuredIsNotHeldBack(t *testing.T) {
	hard := access.Rules{InOut: true, Passback: access.PassbackHard}
	in := []line{{0, "IN clerk", "granted clerk"}, {1, "open D-1", ""}, {10, "IN clerk", "denied clerk anti_passback"}}
	perform(t, []play{
		{"in doubt", hard, append(in,
			line{20, "doubt vault", ""}, line{21, "IN-2 clerk", "granted clerk"}, line{22, "open D-2", ""}, line{23, "IN clerk", "denied clerk anti_passback"})},
		{"in doubt elsewhere", hard, append(in, line{20, "doubt lobby", ""}, line{21, "IN clerk", "denied clerk anti_passback"})},
		{"forgiven", hard, append(in, line{20, "reset clerk", ""}, line{21, "IN clerk", "granted clerk"})},
		{"another forgiven", hard, append(in, line{20, "reset fitter", ""}, line{21, "IN clerk", "denied clerk anti_passback"})},
		{"two areas apart", hard, append(in, line{20, "IN-3 clerk", "granted clerk"}, line{21, "open D-3", ""}, line{22, "IN-3 clerk", "denied clerk anti_passback"})},
		{"out, known to be out", hard, append(in,
			line{20, "OUT clerk", "granted clerk"}, line{21, "open D-1", ""}, line{22, "OUT-2 clerk", "granted clerk, rule_broken clerk anti_passback"})},
		{"not gone through: still inside", hard, append(in,
			line{20, "OUT clerk", "granted clerk"}, line{24, "stay D-1", ""}, line{25, "IN clerk", "denied clerk anti_passback"})},
		{"not gone in: still outside", hard, []line{{0, "IN clerk", "granted clerk"}, {4, "stay D-1", ""}, {5, "IN clerk", "granted clerk"}}},
		{"soft", access.Rules{InOut: true, Passback: access.PassbackSoft}, []line{
			{0, "IN clerk", "granted clerk"}, {1, "open D-1", ""}, {2, "IN clerk", "granted clerk, rule_broken clerk anti_passback"},
		}},
		{"timed", access.Rules{Passback: access.PassbackTimed, PassbackS: 60}, []line{
			{0, "IN clerk", "granted clerk"}, {1, "open D-1", ""}, {60.999, "IN clerk", "denied clerk anti_passback"}, {61, "IN clerk", "granted clerk"},
		}},
		{"a stranger goes out", hard, []line{{0, "OUT nobody", "granted ? unknown_credential"}}},
		{"a revoked card goes out", hard, append(in, line{20, "revoke clerk", ""}, line{21, "OUT clerk", "granted clerk credential_revoked"})},
	})
}

// Case 45, in admission's terms: nobody is let in while another door of the interlock is not shut, and everybody out.
func TestNobodyPassesWhileAnotherDoorOfTheInterlockIsNotShut(t *testing.T) {
	perform(t, []play{
		{"the other door", counts, []line{
			{0, "ajar D-2", ""},
			{1, "IN clerk", "denied clerk interlock"},
			{2, "OUT clerk", "granted clerk"},
			{3, "IN-2 clerk", "granted clerk"},
			{4, "ajar D-2", ""},
			{5, "IN clerk", "granted clerk"},
		}},
		{"gas in the room", counts, []line{{0, "gas", ""}, {1, "IN clerk", "denied clerk gas_suppression"}, {2, "OUT clerk", "granted clerk"}}},
		{"a door of no interlock", counts, []line{{0, "ajar D-3", ""}, {1, "IN clerk", "granted clerk"}}},
		{"the door itself", counts, []line{{0, "ajar D-1", ""}, {1, "IN clerk", "granted clerk"}}},
		{"whoever waits is refused with the newcomer", pair, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "ajar D-2", ""},
			{2, "IN fitter", "denied clerk interlock, denied fitter interlock"},
		}},
	})
}

// R44-1: room is counted with those who wait and those on their way, each once.
func TestThereIsRoomForSoManyPeople(t *testing.T) {
	two := access.Rules{InOut: true, Most: 2}
	perform(t, []play{
		{"inside and on the way", two, []line{
			{0, "IN clerk", "granted clerk"},
			{1, "open D-1", ""},
			{2, "IN fitter", "granted fitter"},
			{3, "IN mason", "denied mason area_full"},
			{5, "stay D-1", ""},
			{6, "IN mason", "granted mason"},
			{7, "open D-1", ""},
			{8, "IN fitter", "denied fitter area_full"},
			{9, "OUT clerk", "granted clerk"},
			{10, "IN fitter", "denied fitter area_full"},
			{11, "open D-1", ""},
			{12, "IN fitter", "granted fitter"},
		}},
		{"an entry that was not recorded takes none", two, []line{
			{0, "waits", ""}, {0, "IN clerk", "granted clerk"}, {1, "undone", ""}, {2, "IN fitter", "granted fitter"}, {3, "IN mason", "granted mason"},
		}},
		{"who is inside and waits is one", access.Rules{InOut: true, Most: 2, TwoPerson: true}, []line{
			{0, "IN clerk", "pending clerk second_person_required"},
			{1, "IN fitter", "granted clerk, granted fitter"},
			{2, "open D-1", ""},
			{20, "OUT fitter", "granted fitter, rule_broken fitter left_alone"},
			{21, "open D-1", ""},
			{30, "IN clerk", "pending clerk second_person_required"},
			{31, "IN fitter", "granted clerk, granted fitter"},
		}},
		{"who waits takes room", access.Rules{InOut: true, Most: 2, TwoPerson: true}, []line{
			{0, "IN clerk", "pending clerk second_person_required"}, {1, "IN guide", "granted clerk, granted guide"}, {2, "IN mason", "denied mason area_full"},
		}},
	})
}
