package decide_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// keyed is a PIN whose forms were hashed before, as a keypad's are when the decision is asked for. It is an access.Code.
type keyed []access.Key

// Forms gives them for the one scope they were made in.
func (c keyed) Forms(string) []access.Key { return c }

// strictCity is city with every rule in every area: card and PIN, readers on both sides, two people, escorts, room, the first, recovery holders, a
// lockdown that everybody's last right lets pass, and all doors of an area in one interlock.
func strictCity(cards int) access.Spec {
	s := city(cards)
	for i := range s.Areas {
		s.Areas[i].Lockdown = true
		s.Areas[i].Rules = access.Rules{
			Factors: access.FactorsCardPIN, Trust: access.TrustMutual, InOut: true, Passback: access.PassbackHard, ResetAt: 240, TwoPerson: true, WindowS: 10,
			Visitors: 2, Most: 100, First: true,
		}
		for n := range 50 {
			s.Areas[i].Recovery = append(s.Areas[i].Recovery, s.People[(7*n+i)%len(s.People)].ID)
		}
	}
	for i := range s.Doors {
		s.Doors[i].Interlock = s.Doors[i].Area
		s.Readers = append(s.Readers, proven(append(s.Doors[i].EntryReads, s.Doors[i].ExitReads...)...)...)
	}
	random := rand.New(rand.NewPCG(7, 8))
	for i := range s.People {
		last := &s.Rights[4*i+3]
		last.Escort, last.First, last.Lockdown = true, true, true
		s.PINs = append(s.PINs, access.PIN{Person: s.People[i].ID, Key: keyOf(random), Until: noon.Unix() + 1})
	}
	return s
}

// strictly are the requests of picks with a PIN each, in the second of three forms of the door's keys.
func strictly(s access.Spec) []decide.Request {
	requests := picks(s)
	whose := make(map[access.Key]int, len(s.Credentials))
	for n, c := range s.Credentials {
		whose[c.Key] = n
	}
	for i := range requests {
		r := &requests[i]
		r.Trust, r.Shape = access.TrustMutual, bits26
		r.Code = keyed{{1}, s.PINs[whose[r.Key]].Key, {2}}
	}
	return requests
}

// busy are facts in which every rule has something to count, and lets pass.
func busy(f access.Facts) access.Facts {
	f.Place, f.Staff, f.Escorts, f.Visitors, f.Coming = access.Outside, 4, 1, 2, 1
	f.Party = access.Party{Staff: 2, Escorts: 1, Visitors: 1, First: true, Waiting: 2, Guests: 1}
	return f
}

func BenchmarkDecideAllRules(b *testing.B) {
	for _, cards := range []int{1_000, 100_000, 250_000} {
		s := strictCity(cards)
		p, requests := compile(b, s), strictly(s)
		b.Run(fmt.Sprintf("granted/%d", cards), func(b *testing.B) {
			id := decide.Identify(p, requests[0])
			if d := id.Decide(busy(id.Facts()), noon); !d.Allow || !d.Guests {
				b.Fatalf("measures the wrong thing: %+v", d)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				id := decide.Identify(p, requests[i&(len(requests)-1)])
				id.Decide(busy(id.Facts()), noon)
				i++
			}
		})
	}
}

// Every rule together, granted, waiting, refused and on the way out, allocates nothing.
func TestDecideAllRulesDoesNotAllocate(t *testing.T) {
	s := strictCity(1_000)
	p, request := compile(t, s), strictly(s)[0]
	var recovery decide.Request
	for _, r := range strictly(s) {
		if d := decide.Decide(p, r, noon); slices.Contains(p.Rules(d.Area).Recovery, d.Person) {
			recovery = r
		}
	}
	out, lapsed := request, recovery
	out.Reader, lapsed.Lapsed = "OUT"+request.Reader[len("IN"):], access.Lease{}.Lapsed(access.StaffLease)
	for _, test := range []struct {
		name    string
		request decide.Request
		facts   func(access.Facts) access.Facts
		want    access.Reason
	}{
		{"granted", request, busy, access.Granted},
		{"alone", request, func(f access.Facts) access.Facts { return f }, access.PersonRequired},
		{"inside", request, func(f access.Facts) access.Facts { f.Place = access.Inside; return f }, access.PassedBack},
		{"out", out, busy, access.Granted},
		{"recovery", lapsed, busy, access.Granted},
	} {
		run := func() decide.Decision {
			id := decide.Identify(p, test.request)
			return id.Decide(test.facts(id.Facts()), noon)
		}
		if d := run(); d.Reason != test.want || d.Recovery != (test.name == "recovery") {
			t.Errorf("%s: measures the wrong thing: %+v", test.name, d)
		}
		if n := testing.AllocsPerRun(100, func() { run() }); n != 0 {
			t.Errorf("%s: %v allocations", test.name, n)
		}
	}
}
