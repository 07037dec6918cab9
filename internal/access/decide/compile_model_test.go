package decide_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// everyRule is a policy in which every rule is used, and which is right: each case below changes one thing of it.
func everyRule() access.Spec {
	s := vault(access.Rules{
		Factors: access.FactorsCardPIN, Trust: access.TrustMutual, InOut: true, Passback: access.PassbackHard, ResetAt: 240, TwoPerson: true, WindowS: 10,
		Visitors: 3, Most: 20, First: true, Recovery: []string{"sato", "suzuki"},
	})
	s.Areas[1].Rules = access.Rules{Factors: access.FactorsPIN, Unlock: "day", UnlockBy: true, Passback: access.PassbackTimed, PassbackS: 60}
	s.Areas[1].Lockdown = true
	s.Schedules = []access.Schedule{{ID: "day", Windows: []access.Window{{Day: 3, From: 0, Until: 1440}}}}
	s.PINs = []access.PIN{
		{Person: "clerk", Key: hashed(access.PersonScope("clerk"), "1111", 1), Duress: hashed(access.PersonScope("clerk"), "2222", 1), Until: noon.Unix()},
		{Person: "clerk", Area: "lobby", Key: hashed(access.AreaScope("lobby"), "1111", 1)},
		{Person: "sato", Key: hashed(access.PersonScope("sato"), "1111", 1)},
	}
	return s
}

func recoveryHolders(n int) (s access.Spec) {
	s = everyRule()
	s.Areas[0].Recovery = nil
	for i := range n {
		id := fmt.Sprint("R-", i)
		s.People = append(s.People, access.Person{ID: id})
		s.Areas[0].Recovery = append(s.Areas[0].Recovery, id)
	}
	return s
}

// R43-1, R44-3, R44-6: rules that make no sense refuse the whole policy, and those just on the right side of a bound do not.
func TestRulesThatMakeNoSenseRefuseThePolicy(t *testing.T) {
	const vault, lobby, right, wrong = 0, 1, true, false
	key := func(scope, digits string) access.Key { return hashed(scope, digits, 1) }
	for _, test := range []struct {
		name   string
		change func(s *access.Spec)
		want   bool
	}{
		{"every rule", func(*access.Spec) {}, right},
		{"no rule", func(s *access.Spec) { s.Areas[vault].Rules, s.Areas[lobby].Rules = access.Rules{}, access.Rules{} }, right},
		{"factors nobody knows", func(s *access.Spec) { s.Areas[vault].Factors = "face" }, wrong},
		{"two cards", func(s *access.Spec) { s.Areas[vault].Factors = access.FactorsTwoCards }, right},
		{"number and PIN", func(s *access.Spec) { s.Areas[vault].Factors = access.FactorsNumber }, right},
		{"trust nobody knows", func(s *access.Spec) { s.Areas[vault].Trust = "blind" }, wrong},
		{"trust in memory", func(s *access.Spec) { s.Areas[vault].Trust = access.TrustMemory }, right},
		{"passback nobody knows", func(s *access.Spec) { s.Areas[vault].Passback = "gentle" }, wrong},
		{"hard passback for a time", func(s *access.Spec) { s.Areas[vault].PassbackS = 1 }, wrong},
		{"no passback for a time", func(s *access.Spec) { s.Areas[lobby].Passback = "" }, wrong},
		{"timed passback for no time", func(s *access.Spec) { s.Areas[lobby].PassbackS = 0 }, wrong},
		{"timed passback for less than none", func(s *access.Spec) { s.Areas[lobby].PassbackS = -1 }, wrong},
		{"timed passback for a second", func(s *access.Spec) { s.Areas[lobby].PassbackS = 1 }, right},
		{"timed passback for a day", func(s *access.Spec) { s.Areas[lobby].PassbackS = 86_400 }, right},
		{"timed passback for longer", func(s *access.Spec) { s.Areas[lobby].PassbackS = 86_401 }, wrong},
		{"a reset before midnight", func(s *access.Spec) { s.Areas[vault].ResetAt = -1 }, wrong},
		{"a reset at the day's end", func(s *access.Spec) { s.Areas[vault].ResetAt = 1440 }, right},
		{"a reset after the day's end", func(s *access.Spec) { s.Areas[vault].ResetAt = 1441 }, wrong},
		{"a window before now", func(s *access.Spec) { s.Areas[vault].WindowS = -1 }, wrong},
		{"a window of a minute", func(s *access.Spec) { s.Areas[vault].WindowS = 60 }, right},
		{"a longer window", func(s *access.Spec) { s.Areas[vault].WindowS = 61 }, wrong},
		{"fewer visitors than none", func(s *access.Spec) { s.Areas[vault].Visitors = -1 }, wrong},
		{"10,000 visitors", func(s *access.Spec) { s.Areas[vault].Visitors = 10_000 }, right},
		{"10,001 visitors", func(s *access.Spec) { s.Areas[vault].Visitors = 10_001 }, wrong},
		{"room for fewer than none", func(s *access.Spec) { s.Areas[vault].Most = -1 }, wrong},
		{"room for two", func(s *access.Spec) { s.Areas[vault].Most = 2 }, right},
		{"room for 10,000", func(s *access.Spec) { s.Areas[vault].Most = 10_000 }, right},
		{"room for 10,001", func(s *access.Spec) { s.Areas[vault].Most = 10_001 }, wrong},
		{"two people where there is room for one", func(s *access.Spec) { s.Areas[vault].Most = 1 }, wrong},
		{"one person where there is room for one", func(s *access.Spec) { s.Areas[vault].Most, s.Areas[vault].TwoPerson = 1, false }, right},
		{"hard passback without a way out", func(s *access.Spec) { s.Areas[lobby].Rules = access.Rules{Passback: access.PassbackHard} }, wrong},
		{"soft passback without a way out", func(s *access.Spec) { s.Areas[lobby].Rules = access.Rules{Passback: access.PassbackSoft} }, wrong},
		{"two people without a way out", func(s *access.Spec) { s.Areas[lobby].Rules = access.Rules{TwoPerson: true} }, wrong},
		{"room without a way out", func(s *access.Spec) { s.Areas[lobby].Rules = access.Rules{Most: 9} }, wrong},
		{"the first without a way out", func(s *access.Spec) { s.Areas[lobby].Rules = access.Rules{First: true} }, wrong},
		{"a reset without a way out", func(s *access.Spec) { s.Areas[lobby].Rules = access.Rules{ResetAt: 1} }, wrong},
		{"in and out at a door with no reader out", func(s *access.Spec) { s.Areas[lobby].Rules = access.Rules{InOut: true} }, wrong},
		{"the same at one door of two", func(s *access.Spec) { s.Doors[1].Area = "vault" }, wrong},
		{"a first who unlocks, without hours", func(s *access.Spec) { s.Areas[lobby].Unlock = "" }, wrong},
		{"hours without a first who unlocks", func(s *access.Spec) { s.Areas[lobby].UnlockBy = false }, right},
		{"hours nobody knows", func(s *access.Spec) { s.Areas[lobby].Unlock = "tea" }, wrong},
		{"unlocked in grade 2", func(s *access.Spec) { s.Areas[lobby].Grade = 2 }, wrong},
		{"unlocked for two people", func(s *access.Spec) { unlocked(s, access.Rules{TwoPerson: true}) }, wrong},
		{"unlocked with hard passback", func(s *access.Spec) { unlocked(s, access.Rules{Passback: access.PassbackHard}) }, wrong},
		{"unlocked with room for nine", func(s *access.Spec) { unlocked(s, access.Rules{Most: 9}) }, wrong},
		{"unlocked with soft passback", func(s *access.Spec) { unlocked(s, access.Rules{Passback: access.PassbackSoft}) }, right},
		{"one recovery holder", func(s *access.Spec) { s.Areas[vault].Recovery = []string{"sato"} }, wrong},
		{"the same recovery holder twice", func(s *access.Spec) { s.Areas[vault].Recovery = []string{"sato", "clerk", "sato"} }, wrong},
		{"a recovery holder nobody knows", func(s *access.Spec) { s.Areas[vault].Recovery = []string{"sato", "nobody"} }, wrong},
		{"50 recovery holders", func(s *access.Spec) { *s = recoveryHolders(50) }, right},
		{"51 recovery holders", func(s *access.Spec) { *s = recoveryHolders(51) }, wrong},
		{"an escort who is a contractor", func(s *access.Spec) { escort(s, "fitter") }, wrong},
		{"an escort who is a visitor", func(s *access.Spec) { escort(s, "guest") }, wrong},
		{"an escort who is staff", func(s *access.Spec) { escort(s, "clerk") }, right},
		{"a number twice", func(s *access.Spec) { s.People[1].Number = s.People[0].Number }, wrong},
		{"a number of letters", func(s *access.Spec) { s.People[0].Number = "12a" }, wrong},
		{"a number of wide digits", func(s *access.Spec) { s.People[0].Number = "１２" }, wrong},
		{"a number of 16 digits", func(s *access.Spec) { s.People[0].Number = "1234567890123456" }, right},
		{"a number of 17 digits", func(s *access.Spec) { s.People[0].Number = "12345678901234567" }, wrong},
		{"nobody has a number", func(s *access.Spec) {
			for i := range s.People {
				s.People[i].Number = ""
			}
		}, right},
		{"a PIN of nobody", func(s *access.Spec) { s.PINs[0].Person = "nobody" }, wrong},
		{"a PIN without a person", func(s *access.Spec) { s.PINs[1].Person = "" }, wrong},
		{"a PIN of no area", func(s *access.Spec) { s.PINs[1].Area = "cellar" }, wrong},
		{"a PIN hash twice", func(s *access.Spec) { s.PINs[2].Key = s.PINs[0].Key }, wrong},
		{"a PIN that is another's for threats", func(s *access.Spec) { s.PINs[2].Key = s.PINs[0].Duress }, wrong},
		{"a PIN that is its own for threats", func(s *access.Spec) { s.PINs[0].Duress = s.PINs[0].Key }, wrong},
		{"a PIN that is nothing", func(s *access.Spec) { s.PINs[0].Key = access.Key{} }, wrong},
		{"two own PINs of one person", func(s *access.Spec) {
			s.PINs = append(s.PINs, access.PIN{Person: "clerk", Key: key(access.PersonScope("clerk"), "3333")})
		}, wrong},
		{"two PINs of one person in an area", func(s *access.Spec) {
			s.PINs = append(s.PINs, access.PIN{Person: "clerk", Area: "lobby", Key: key(access.AreaScope("lobby"), "3333")})
		}, wrong},
		{"PINs of one person in two areas", func(s *access.Spec) {
			s.PINs = append(s.PINs, access.PIN{Person: "clerk", Area: "vault", Key: key(access.AreaScope("vault"), "1111")})
		}, right},
		{"an interlock of one door", func(s *access.Spec) { s.Doors[1].Interlock = "another" }, right},
	} {
		s := everyRule()
		test.change(&s)
		if p, err := decide.Compile(s); (err == nil) != test.want || (p != nil) != test.want {
			t.Errorf("%s: accepted %t, %v", test.name, err == nil, err)
		}
	}
}

// unlocked lets the lobby's doors stand open by hours, with readers on both sides and more rules.
func unlocked(s *access.Spec, more access.Rules) {
	more.Unlock, more.InOut = "day", true
	s.Areas[1].Rules = more
	s.Doors[1].ExitReads = []string{"LOBBY-OUT"}
}

func escort(s *access.Spec, who string) {
	i := slices.IndexFunc(s.Rights, func(r access.Right) bool { return r.Person == who })
	s.Rights[i].Escort = true
}

// What a compiled policy says of its areas and doors is what was given.
func TestAPolicyTellsTheRulesItWasMadeOf(t *testing.T) {
	s := everyRule()
	p := compile(t, s)
	if got := fmt.Sprint(p.Rules("vault")); got != fmt.Sprint(s.Areas[0].Rules) {
		t.Errorf("%s", got)
	}
	if got := p.Interlock("D-2"); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"D-1", "D-2"}) || p.Interlock("D-9") != nil {
		t.Errorf("interlock %v, %v", got, p.Interlock("D-9"))
	}
	if p.Lockdown("vault") || !p.Lockdown("lobby") || p.Lockdown("cellar") {
		t.Error("lockdown of another area")
	}
	if p.Rules("vault").Window() != 10*time.Second || p.Rules("cellar").Window() != 5*time.Second {
		t.Error("windows", p.Rules("vault").Window(), p.Rules("cellar").Window())
	}
	s.Areas[1].Lockdown = false
	calm := compile(t, s)
	for now, want := range map[time.Time]bool{noon: true, noon.AddDate(0, 0, 1): false, {}: false} {
		if calm.Unlocked("lobby", now) != want || p.Unlocked("lobby", now) || calm.Unlocked("vault", now) {
			t.Errorf("unlocked at %v: %t, in a lockdown %t", now, calm.Unlocked("lobby", now), p.Unlocked("lobby", now))
		}
	}
}
