package premises_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/area/premises"
)

// faultsOf is a model of CheckRules: every sentence about rules that does not hold, in no order.
func faultsOf(grade int, r access.Rules, doors []premises.Door, least premises.Least) map[string]bool {
	strength := map[access.Factors]int{"pin": 1, "number_pin": 2, "": 3, "card": 3, "two_cards": 4, "card_pin": 5}
	trust := map[access.Trust]int{"": 1, "number": 1, "memory": 2, "mutual": 3}
	exits, controllers := true, map[string]bool{}
	for _, d := range doors {
		exits = exits && len(d.ExitReaders) > 0
		controllers[d.Controller] = true
	}
	people := map[string]bool{}
	for _, p := range r.Recovery {
		people[p] = true
	}
	counts := r.Passback == "hard" || r.TwoPerson || r.Most > 0 || r.First
	between := func(n, most int) bool { return 0 <= n && n <= most }
	broken := map[string]bool{}
	for code, bad := range map[string]bool{
		"area.factors":        strength[r.Factors] == 0,
		"area.trust":          trust[r.Trust] == 0,
		"area.passback":       !slices.Contains([]access.Passback{"", "soft", "hard", "timed"}, r.Passback),
		"area.rule_range":     !between(r.ResetAt, 1440) || !between(r.WindowS, 60) || !between(r.Visitors, 100) || !between(r.Most, 10000),
		"area.passback_s":     (r.Passback == "timed") != (r.PassbackS >= 1 && r.PassbackS <= 86400) || r.Passback != "timed" && r.PassbackS != 0,
		"area.most_two":       r.TwoPerson && r.Most == 1,
		"area.unlock_by":      r.UnlockBy && r.Unlock == "",
		"area.unlock_grade":   r.Unlock != "" && grade > 1,
		"area.unlock_rule":    r.Unlock != "" && (r.TwoPerson || r.Passback == "hard" || r.Most > 0 || r.First && !r.UnlockBy),
		"area.needs_exit":     !r.InOut && (counts || r.Passback == "soft" || r.ResetAt > 0),
		"area.no_exit_reader": r.InOut && !exits,
		"area.one_controller": counts && len(controllers) > 1,
		"area.recovery":       len(r.Recovery) > 0 && (len(people) < 2 || len(people) > 20 || len(people) != len(r.Recovery)),
		"area.weaker":         strength[r.Factors] < strength[least.Factors] || trust[r.Trust] < trust[least.Trust],
	} {
		if bad {
			broken[code] = true
		}
	}
	return broken
}

func drawRules(t *rapid.T) access.Rules {
	good := rapid.Bool().Draw(t, "mostly good") // else hardly any would be accepted
	small := func(name string, values ...int) int {
		if good {
			return 0
		}
		return rapid.SampledFrom(values).Draw(t, name)
	}
	rare := func(name string) bool { return rapid.IntRange(0, 4).Draw(t, name) == 0 }
	r := access.Rules{
		Factors:  rapid.SampledFrom([]access.Factors{"", "card", "card_pin", "pin", "number_pin", "two_cards", "face"}).Draw(t, "factors"),
		Trust:    rapid.SampledFrom([]access.Trust{"", "number", "memory", "mutual", "blind"}).Draw(t, "trust"),
		InOut:    good || rapid.Bool().Draw(t, "in_out"),
		Passback: rapid.SampledFrom([]access.Passback{"", "", "soft", "hard", "timed", "loud"}).Draw(t, "passback"),
	}
	if good {
		r.Factors, r.Trust = "card_pin", "mutual"
	}
	r.PassbackS, r.ResetAt, r.WindowS = small("passback_s", 0, 0, 1, 86_400, 86_401, -1), small("reset_at", 0, 0, 0, 1440, 1441), small("window_s", 0, 0, 5, 60, 61)
	r.Visitors, r.Most = small("visitors", 0, 0, 3, 101), small("most", 0, 0, 0, 1, 2, 10_001)
	r.TwoPerson, r.First, r.UnlockBy = rare("two_person"), rare("first"), rare("unlock_by")
	if rare("unlock") {
		r.Unlock = "office"
	}
	r.Recovery = rapid.SampledFrom([][]string{nil, nil, {"1001"}, {"1001", "1002"}, {"1001", "1001"}}).Draw(t, "recovery")
	return r
}

// R43-1: rules that contradict each other, or that the doors cannot keep, are refused when they are defined, with the reason.
func TestRulesAreRefusedJustWhenAModelFindsWhy(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		doors := make([]premises.Door, rapid.IntRange(0, 3).Draw(t, "doors"))
		for i := range doors {
			doors[i] = premises.Door{ID: fmt.Sprint("D-", i), Controller: rapid.SampledFrom([]string{"ctl-1", "ctl-1", "ctl-2"}).Draw(t, "controller")}
			if rapid.IntRange(0, 3).Draw(t, "exit") > 0 {
				doors[i].ExitReaders = []string{"OUT"}
			}
		}
		grade := rapid.IntRange(1, 3).Draw(t, "grade")
		least := premises.Least{
			Grade: grade, Factors: rapid.SampledFrom([]access.Factors{"pin", "card", "card_pin"}).Draw(t, "least factors"),
			Trust: rapid.SampledFrom([]access.Trust{"number", "memory"}).Draw(t, "least trust"),
		}
		r := drawRules(t)
		want, err := faultsOf(grade, r, doors, least), premises.CheckRules(grade, r, doors, least)
		if err == nil && len(want) > 0 || err != nil && !want[fault.CodeOf(err)] {
			t.Fatalf("grade %d, %+v, %+v, %+v: %v (%s), the model finds %v", grade, r, doors, least, err, fault.CodeOf(err), want)
		}
		if err == nil {
			accepted++
			if odd := r.Validate(); odd != nil {
				t.Fatalf("%+v is accepted, and a controller would refuse it: %v", r, odd)
			}
		}
	})
	if accepted == 0 {
		t.Error("no rules were accepted: the test says little")
	}
}

// R43-1: the input at fault is named, so that the form can show the sentence there.
func TestARefusalOfRulesNamesTheInput(t *testing.T) {
	entryOnly := []premises.Door{{ID: "D-1", Controller: "ctl-1"}}
	both := []premises.Door{{ID: "D-1", Controller: "ctl-1", ExitReaders: []string{"OUT-1"}}, {ID: "D-2", Controller: "ctl-2", ExitReaders: []string{"OUT-1"}}}
	for _, x := range []struct {
		rules       access.Rules
		doors       []premises.Door
		code, field string
	}{
		{access.Rules{Passback: "soft"}, entryOnly, "area.needs_exit", "passback"},
		{access.Rules{TwoPerson: true}, entryOnly, "area.needs_exit", "two_person"},
		{access.Rules{Most: 3}, nil, "area.needs_exit", "most"},
		{access.Rules{First: true}, nil, "area.needs_exit", "first"},
		{access.Rules{ResetAt: 240}, nil, "area.needs_exit", "reset_at"},
		{access.Rules{InOut: true}, entryOnly, "area.no_exit_reader", "in_out"},
		{access.Rules{InOut: true, Passback: "hard"}, both, "area.one_controller", "passback"},
		{access.Rules{InOut: true, TwoPerson: true}, both, "area.one_controller", "two_person"},
		{access.Rules{WindowS: 61}, nil, "area.rule_range", "window_s"},
		{access.Rules{Unlock: "office"}, nil, "area.unlock_grade", "unlock"},
		{access.Rules{Recovery: []string{"1001"}}, nil, "area.recovery", "recovery"},
		{access.Rules{Factors: "pin"}, nil, "area.weaker", "factors"},
	} {
		err := premises.CheckRules(2, x.rules, x.doors, premises.DefaultLeast(2))
		if e, ok := err.(*fault.Error); !ok || e.Code != x.code || e.Field != x.field || e.Kind != fault.Invalid { //nolint:errorlint // it is not wrapped
			t.Errorf("%+v: %v, want %s at %s", x.rules, err, x.code, x.field)
		}
	}
	for _, r := range []access.Rules{{InOut: true, Passback: "soft", ResetAt: 1440}, {Passback: "timed", PassbackS: 300}} {
		if err := premises.CheckRules(2, r, both, premises.DefaultLeast(2)); err != nil {
			t.Errorf("%+v at two controllers: %v", r, err)
		}
	}
}

func TestAnInterlockIsTwoToEightDoorsOfOneController(t *testing.T) {
	for n := range 10 {
		doors := make([]premises.Door, n)
		if err := premises.CheckInterlock(doors); (err == nil) != (n == 0 || n >= 2 && n <= 8) {
			t.Errorf("%d doors: %v", n, err)
		}
	}
	if err := premises.CheckInterlock([]premises.Door{{Controller: "a"}, {Controller: "b"}}); fault.CodeOf(err) != "area.interlock" {
		t.Errorf("two controllers: %v", err)
	}
}
