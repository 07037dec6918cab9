package decide_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// city builds a policy of the peer measurement's shape: 500 doors in 100 areas of 5, 20 weekly schedules, each
// person with four rights of which only the last walked grants now, one card a person.
func city(cards int) access.Spec {
	random := rand.New(rand.NewPCG(1, 2))
	s := access.Spec{Version: access.Version{Epoch: 1, N: 1}}
	for i := range 100 {
		s.Areas = append(s.Areas, access.Area{ID: fmt.Sprintf("A-%03d", i), Grade: 2, Record: access.Strict})
	}
	for i := range 500 {
		s.Doors = append(s.Doors, access.Door{
			ID: fmt.Sprintf("D-%03d", i), Area: s.Areas[i/5].ID, ReleaseMS: 3000, HeldMS: 20_000,
			EntryReads: []string{fmt.Sprintf("IN-%03d", i)}, ExitReads: []string{fmt.Sprintf("OUT-%03d", i)},
		})
	}
	for i := range 20 { // the last is open when asked, the others are not
		w := access.Window{Day: 1, From: 1 + i, Until: 60}
		if i == 19 {
			w = access.Window{Day: 3, From: 8 * 60, Until: 20 * 60}
		}
		s.Schedules = append(s.Schedules, access.Schedule{ID: fmt.Sprintf("S-%02d", i), Windows: []access.Window{w}})
	}
	for i := range cards {
		person := fmt.Sprintf("P-%06d", i)
		home := random.IntN(100)
		s.People = append(s.People, access.Person{ID: person})
		for _, r := range []access.Right{
			{Area: s.Areas[(home+50)%100].ID, Schedule: "S-00"},
			{Area: s.Areas[(home+51)%100].ID, Schedule: "S-01"},
			{Area: s.Areas[home].ID, Schedule: "S-02"},
			{Area: s.Areas[home].ID, Schedule: "S-19"},
		} {
			r.Person = person
			s.Rights = append(s.Rights, r)
		}
		s.Credentials = append(s.Credentials, access.Credential{Key: keyOf(random), Card: fmt.Sprintf("C-%06d", i), Person: person, State: access.Active})
	}
	return s
}

func keyOf(random *rand.Rand) (k access.Key) {
	for i := range k {
		k[i] = byte(random.IntN(256))
	}
	return k
}

// picks are 65,536 requests by random cards, each at a door of the area that its last right names.
func picks(s access.Spec) []decide.Request {
	random := rand.New(rand.NewPCG(3, 4))
	at := map[string]string{}
	for _, d := range s.Doors {
		at[d.Area] = d.EntryReads[0]
	}
	requests := make([]decide.Request, 65_536)
	for i := range requests {
		n := random.IntN(len(s.Credentials))
		requests[i] = decide.Request{Reader: at[s.Rights[4*n+3].Area], Key: s.Credentials[n].Key}
	}
	return requests
}

// noon is a Wednesday, 12:00 JST.
var noon = time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)

func BenchmarkDecide(b *testing.B) {
	for _, cards := range []int{1_000, 100_000, 250_000} {
		s := city(cards)
		p, err := decide.Compile(s)
		if err != nil {
			b.Fatal(err)
		}
		granted := picks(s)
		denied := make([]decide.Request, len(granted))
		for i, r := range granted {
			denied[i] = decide.Request{Reader: granted[(i+1)%len(granted)].Reader, Key: r.Key}
		}
		unknown := []decide.Request{{Reader: granted[0].Reader, Key: access.Key{1}}}
		for _, c := range []struct {
			name     string
			requests []decide.Request
		}{{"granted", granted}, {"granted_64_hot", granted[:64]}, {"another_area", denied}, {"unknown", unknown}} {
			b.Run(fmt.Sprintf("%s/%d", c.name, cards), func(b *testing.B) {
				if d := decide.Decide(p, c.requests[0], noon); d.Allow != (c.name[0] == 'g') {
					b.Fatalf("measures the wrong thing: %+v", d)
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					decide.Decide(p, c.requests[i&(len(c.requests)-1)], noon)
					i++
				}
			})
		}
	}
}

// revocations are n entries of cards that nobody else has.
func revocations(n int) []access.Revocation {
	random := rand.New(rand.NewPCG(5, 6))
	entries := make([]access.Revocation, n)
	for i := range entries {
		entries[i] = access.Revocation{
			Version: access.Version{Epoch: 1, N: uint64(i) + 1}, Key: keyOf(random), Card: fmt.Sprintf("R-%06d", i), State: access.Revoked,
		}
	}
	return entries
}

// With 5,000 revoked cards on top of a city's policy.
func BenchmarkDecideRevoked(b *testing.B) {
	s, set := city(100_000), revocations(5_000)
	p := compile(b, s).Revoke(set...)
	granted := picks(s)
	dead := make([]decide.Request, len(granted))
	for i, r := range granted {
		dead[i] = decide.Request{Reader: r.Reader, Key: set[i%len(set)].Key}
	}
	for _, c := range []struct {
		name     string
		requests []decide.Request
		want     access.Reason
	}{{"granted", granted, access.Granted}, {"revoked", dead, access.CredentialRevoked}} {
		b.Run(c.name+"/5000", func(b *testing.B) {
			if d := decide.Decide(p, c.requests[0], noon); d.Reason != c.want {
				b.Fatalf("measures the wrong thing: %+v", d)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				decide.Decide(p, c.requests[i&(len(c.requests)-1)], noon)
				i++
			}
		})
	}
}

// What a card's revocation costs before it is in force, with 5,000 before it.
func BenchmarkRevoke(b *testing.B) {
	p := compile(b, city(1_000)).Revoke(revocations(5_000)...)
	next := access.Revocation{Version: access.Version{Epoch: 1, N: 9_999}, Key: access.Key{1}, Card: "R-1", State: access.Revoked}
	b.ReportAllocs()
	for b.Loop() {
		p.Revoke(next)
	}
}

func BenchmarkCompile250000(b *testing.B) {
	s := city(250_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decide.Compile(s); err != nil {
			b.Fatal(err)
		}
	}
}
