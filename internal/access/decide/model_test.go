package decide_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// model decides by reading the Spec from top to bottom, with the calendar of package time. heard are the revocations that came
// after the policy, in their order.
func model(s access.Spec, heard []access.Revocation, r decide.Request, now time.Time) access.Reason {
	var area string
	for _, d := range s.Doors {
		for _, reader := range append(append([]string{}, d.EntryReads...), d.ExitReads...) {
			if reader == r.Reader {
				area = d.Area
			}
		}
	}
	if area == "" {
		return access.UnknownReader
	}
	word, spoken := lastWord(append(append([]access.Revocation{}, s.Revocations...), heard...), r.Key)
	for _, c := range s.Credentials {
		if c.Key == r.Key {
			if spoken && (c.State == access.Active || c.State == access.Suspended) {
				c.State = word
			}
			said := modelCard(s, c, area, r.Lapsed, now)
			if strings.HasPrefix(r.Reader, "OUT") && said == access.EscortRequired {
				return access.Granted // a rule of the way in
			}
			return said
		}
	}
	if spoken && word == access.Revoked {
		return access.CredentialRevoked
	}
	if spoken && word == access.Suspended {
		return access.CredentialSuspend
	}
	return access.UnknownCredential
}

// lastWord is what the entries say of a key, whatever their order: revoked once is revoked; else the highest version counts.
func lastWord(entries []access.Revocation, key access.Key) (state access.CredentialState, spoken bool) {
	var last access.Version
	for _, e := range entries {
		switch {
		case e.Key != key || state == access.Revoked:
			continue
		case e.State == access.Revoked || !spoken || last.Less(e.Version):
			state, last, spoken = e.State, e.Version, true
		}
	}
	return state, spoken
}

func modelCard(s access.Spec, c access.Credential, area string, lapsed access.Classes, now time.Time) access.Reason {
	if c.State == access.Suspended {
		return access.CredentialSuspend
	}
	if c.State != access.Active {
		return access.CredentialRevoked
	}
	var who access.Person
	for _, p := range s.People {
		if p.ID == c.Person {
			who = p
		}
	}
	if who.Class == "" {
		who.Class = access.Staff
	}
	if lapsed.Contains(who.Class) {
		return access.LeaseOver
	}
	if !now.IsZero() {
		t := now.Unix()
		switch {
		case c.From != 0 && t < c.From:
			return access.CredentialEarly
		case c.Until != 0 && t >= c.Until:
			return access.CredentialExpired
		case who.From != 0 && t < who.From:
			return access.PersonEarly
		case who.Until != 0 && t >= who.Until:
			return access.PersonExpired
		}
	}
	limited := c.From != 0 || c.Until != 0 || who.From != 0 || who.Until != 0
	reason := access.NoRight
	for _, r := range s.Rights {
		if r.Person != who.ID || r.Area != area {
			continue
		}
		switch verdict := modelRight(s, r, limited, now); verdict {
		case access.Granted:
			if who.Class == access.Visitor { // and nobody is there to bring them
				return access.EscortRequired
			}
			return access.Granted
		case access.NoRight:
		default:
			reason = verdict
		}
	}
	return reason
}

func modelRight(s access.Spec, r access.Right, limited bool, now time.Time) access.Reason {
	if now.IsZero() {
		if limited || r.From != 0 || r.Until != 0 || r.Schedule != "" {
			return access.TimeUnknown
		}
		return access.Granted
	}
	if (r.From != 0 && now.Unix() < r.From) || (r.Until != 0 && now.Unix() >= r.Until) {
		return access.NoRight
	}
	if r.Schedule == "" {
		return access.Granted
	}
	local := now.In(time.FixedZone("JST", 9*3600))
	today, minute := int(local.Weekday()), local.Hour()*60+local.Minute()
	for _, sc := range s.Schedules {
		for _, w := range sc.Windows {
			within := w.Day == today && minute >= w.From && minute < w.Until
			if w.Until <= w.From {
				within = (w.Day == today && minute >= w.From) || ((w.Day+1)%7 == today && minute < w.Until)
			}
			if sc.ID == r.Schedule && within {
				return access.Granted
			}
		}
	}
	return access.OutsideSchedule
}

// moments are few, so that limits are often met exactly.
func moment(t *rapid.T, label string) int64 {
	return rapid.SampledFrom([]int64{0, 0, -1, 1, 1782864000, 1782864001, 1782950400, 1783468800}).Draw(t, label)
}

func anySpec(t *rapid.T) access.Spec {
	s := access.Spec{Areas: []access.Area{{ID: "a", Record: access.Strict}, {ID: "b", Record: access.BestEffort}}}
	for i, a := range s.Areas {
		s.Doors = append(s.Doors, access.Door{
			ID: "D-" + a.ID, Area: a.ID, ReleaseMS: 500, HeldMS: 1000,
			EntryReads: []string{fmt.Sprint("IN-", i)}, ExitReads: []string{fmt.Sprint("OUT-", i)},
		})
	}
	minute := rapid.SampledFrom([]int{0, 1, 539, 540, 720, 1020, 1439})
	for i := range rapid.IntRange(0, 3).Draw(t, "schedules") {
		sc := access.Schedule{ID: fmt.Sprint("s", i)}
		for range rapid.IntRange(0, 4).Draw(t, "windows") {
			until := minute.Draw(t, "until")
			if rapid.Bool().Draw(t, "to the end") {
				until = 1440
			}
			sc.Windows = append(sc.Windows, access.Window{Day: rapid.IntRange(0, 6).Draw(t, "day"), From: minute.Draw(t, "from"), Until: until})
		}
		s.Schedules = append(s.Schedules, sc)
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "people") {
		s.People = append(s.People, access.Person{ID: fmt.Sprint("p", i), Class: anyClass(t), From: moment(t, "p from"), Until: moment(t, "p until")})
	}
	person := func() string { return s.People[rapid.IntRange(0, len(s.People)-1).Draw(t, "whose")].ID }
	for i := range rapid.IntRange(0, 6).Draw(t, "cards") {
		s.Credentials = append(s.Credentials, access.Credential{
			Key: access.Key{31: byte(i)}, Card: fmt.Sprint("c", i), Person: person(), From: moment(t, "c from"), Until: moment(t, "c until"),
			State: rapid.SampledFrom([]access.CredentialState{access.Active, access.Active, access.Active, access.Suspended, access.Revoked, "", "Active"}).Draw(t, "state"),
		})
	}
	for range rapid.IntRange(0, 8).Draw(t, "rights") {
		r := access.Right{Person: person(), Area: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "area"), From: moment(t, "r from"), Until: moment(t, "r until")}
		if n := rapid.IntRange(0, len(s.Schedules)).Draw(t, "when"); n > 0 {
			r.Schedule = s.Schedules[n-1].ID
		}
		s.Rights = append(s.Rights, r)
	}
	for _, r := range anyEntries(t, 0) {
		if !slices.ContainsFunc(s.Revocations, func(o access.Revocation) bool { return o.Key == r.Key }) {
			s.Revocations = append(s.Revocations, r)
		}
	}
	return s
}

func anyClass(t *rapid.T) access.Class {
	return rapid.SampledFrom([]access.Class{"", access.Staff, access.Contractor, access.Visitor}).Draw(t, "class")
}

// anyEntries draws entries of the revocation set, each with a number of its own after the given one.
func anyEntries(t *rapid.T, after uint64) (entries []access.Revocation) {
	states := []access.CredentialState{access.Revoked, access.Suspended, access.Suspended, access.Active, access.Active}
	for i := range rapid.IntRange(0, 5).Draw(t, "entries") {
		entries = append(entries, access.Revocation{
			Version: access.Version{Epoch: rapid.Uint64Range(1, 2).Draw(t, "epoch"), N: after + uint64(i) + 1},
			Key:     access.Key{31: byte(rapid.IntRange(0, 7).Draw(t, "key"))}, Card: "c",
			State: rapid.SampledFrom(states).Draw(t, "word"),
		})
	}
	return entries
}

// The decision agrees with a model that only reads the lists; on the way out it always allows.
func TestDecideAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpec(t)
		p, err := decide.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		heard := anyEntries(t, 10)
		p = p.Revoke(rapid.Permutation(heard).Draw(t, "order")...)
		for range 20 {
			request := decide.Request{
				Reader: rapid.SampledFrom([]string{"IN-0", "IN-1", "IN-1", "OUT-0", "IN-2"}).Draw(t, "reader"),
				Key:    access.Key{31: byte(rapid.IntRange(0, 7).Draw(t, "key"))},
			}
			for range rapid.IntRange(0, 2).Draw(t, "lapsed") {
				request.Lapsed = request.Lapsed.With(anyClass(t))
			}
			var now time.Time
			if seconds := moment(t, "now"); seconds != 0 {
				now = time.Unix(seconds+rapid.Int64Range(-700_000, 700_000).Draw(t, "off"), 0)
			}
			d, want := decide.Decide(p, request, now), model(s, heard, request, now)
			allow := want == access.Granted || request.Reader == "OUT-0"
			if d.Reason != want || d.Allow != allow {
				t.Fatalf("%v at %v: %+v, the model says %s", request, now, d, want)
			}
		}
	})
}

// Whatever arrives as a policy either compiles and decides without a panic, and never lets an unknown card in, or is refused.
func FuzzCompile(f *testing.F) {
	for _, s := range []access.Spec{smallCity(), everyRule()} {
		seed, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Add([]byte(`{"areas":[{"id":"a","record":"strict"}],"doors":[{"id":"d","area":"a","entry_readers":["r"],"release_ms":500,"held_ms":1000}],"rights":[{"person":"p","area":"a"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s access.Spec
		if json.Unmarshal(b, &s) != nil {
			return
		}
		p, err := decide.Compile(s)
		if (err == nil) != (p != nil) {
			t.Fatalf("policy %v with error %v", p, err)
		}
		for _, d := range s.Doors {
			for _, reader := range d.EntryReads {
				for _, key := range []access.Key{{0xFF, 31: 0xFF}, {}} {
					known := false
					for _, c := range s.Credentials {
						known = known || c.Key == key
					}
					got := decide.Decide(p, decide.Request{Reader: reader, Key: key}, jst(1, 12, 0))
					if got.Allow && !known {
						t.Fatalf("%s lets an unknown card in: %+v", reader, got)
					}
				}
				nobody := decide.Request{Reader: reader, NoCard: true, Number: "31415926535", Code: typed{"0", 2}}
				if got := decide.Decide(p, nobody, jst(1, 12, 0)); got.Allow && !slices.ContainsFunc(s.People, func(p access.Person) bool { return p.Number == nobody.Number }) {
					t.Fatalf("%s lets nobody in: %+v", reader, got)
				}
			}
			for _, reader := range d.ExitReads {
				for _, c := range append(s.Credentials, access.Credential{}) {
					if got := decide.Decide(p, decide.Request{Reader: reader, Key: c.Key}, time.Time{}); p != nil && !got.Allow {
						t.Fatalf("%s holds somebody back: %+v", reader, got)
					}
				}
			}
		}
	})
}

// Many cards whose hashes meet in the index are all found, and no other is.
func TestEveryCardOfACityIsFound(t *testing.T) {
	s := city(20_000)
	p := compile(t, s)
	at := map[string]string{}
	for _, d := range s.Doors {
		at[d.Area] = d.EntryReads[0]
	}
	for i, c := range s.Credentials {
		d := decide.Decide(p, decide.Request{Reader: at[s.Rights[4*i+3].Area], Key: c.Key}, noon)
		if !d.Allow || d.Card != c.Card || d.Person != c.Person {
			t.Fatalf("%s: %+v", c.Card, d)
		}
		c.Key[31] ^= 1
		if d := decide.Decide(p, decide.Request{Reader: "IN-000", Key: c.Key}, noon); d.Reason != access.UnknownCredential {
			t.Fatalf("a card that differs in one bit: %+v", d)
		}
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	p := compile(t, smallCity()).Revoke(revocations(5_000)...)
	for _, key := range []access.Key{satoKey, revocations(1)[0].Key} {
		request := decide.Request{
			Reader: "IN-1", Key: access.Key{0xF0}, Older: []access.Key{{0xF1}, key}, Lapsed: access.Classes(0).With(access.Visitor),
		}
		if n := testing.AllocsPerRun(100, func() { decide.Decide(p, request, noon) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}
