package wire_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// big makes a policy of n people, each with a card and two rights, and a door for each hundred.
func big(n int) access.Spec {
	s := spec()
	for i := range n / 100 {
		s.Doors = append(s.Doors, access.Door{
			ID: fmt.Sprintf("D-%d", i+2), Name: "扉", Area: "server", EntryReads: []string{fmt.Sprintf("IN-%d", i+2)},
			ReleaseMS: 3000, HeldMS: 20_000,
		})
	}
	for i := range n {
		person := fmt.Sprintf("S-%06d", i)
		s.People = append(s.People, access.Person{ID: person})
		s.Rights = append(s.Rights, access.Right{Person: person, Area: "server"}, access.Right{Person: person, Area: "server", Schedule: "weekdays"})
		s.Credentials = append(s.Credentials, access.Credential{
			Key: access.Key(sha256.Sum256([]byte(person))), Card: fmt.Sprintf("C-%06d", i), Person: person, State: access.Active,
		})
	}
	return s
}

// travel encodes and decodes a part, as the broker would carry it.
func travel(tb testing.TB, p wire.PolicyPart) wire.PolicyPart {
	tb.Helper()
	b, err := wire.Encode(p)
	if err != nil {
		tb.Fatal(err)
	}
	back, err := wire.DecodePolicyPart(b)
	if err != nil {
		tb.Fatal(err)
	}
	return back
}

func TestAPolicyArrivesWholeInAnyOrderAndDoubled(t *testing.T) {
	s := big(100)
	for i := range 40 {
		s.Areas = append(s.Areas, access.Area{ID: fmt.Sprint("area-", i), Name: strings.Repeat("域", 5000), Record: access.Strict})
	}
	parts, err := wire.SplitPolicy(s)
	if err != nil || len(parts) < 4 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	carried := make([]wire.PolicyPart, len(parts))
	for i, p := range parts {
		if p.N != i+1 || p.Of != len(parts) || p.Hash != parts[0].Hash {
			t.Errorf("part %d says it is %d of %d", i+1, p.N, p.Of)
		}
		carried[i] = travel(t, p)
	}
	want, err := wire.PolicyBytes(s)
	if err != nil {
		t.Fatal(err)
	}
	numbers := make([]int, len(parts))
	for i := range numbers {
		numbers[i] = i
	}
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation(numbers).Draw(t, "order")
		doubled := rapid.SliceOfN(rapid.SampledFrom(numbers[1:]), 0, 5).Draw(t, "doubled")
		var a wire.Assembler
		seen := map[int]bool{}
		for _, n := range append(doubled, order...) {
			seen[n] = true
			whole, done, err := a.Add(carried[n])
			if err != nil || done != (len(seen) == len(parts)) {
				t.Fatalf("with %d of %d parts: done %t, %v", len(seen), len(parts), done, err)
			}
			if !done {
				continue
			}
			if got, err := wire.PolicyBytes(whole); err != nil || string(got) != string(want) {
				t.Fatalf("another policy came out (%v)", err)
			}
			break
		}
	})
}

func TestTheHashIsOverTheBytesInTheDocument(t *testing.T) {
	b, err := wire.PolicyBytes(access.Spec{Version: access.Version{Epoch: 1, N: 2}})
	const want = `{"version":{"epoch":1,"n":2},"areas":[],"doors":[],"schedules":[],"people":[],"credentials":[],"rights":[]}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	sum := sha256.Sum256([]byte(want))
	h, err := wire.PolicyHash(access.Spec{Version: access.Version{Epoch: 1, N: 2}})
	if err != nil || h != hex.EncodeToString(sum[:]) {
		t.Errorf("%s, %v", h, err)
	}
	golden, err := os.ReadFile("testdata/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var part struct {
		Hash string          `json:"hash"`
		Spec json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(golden, &part); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(part.Spec); part.Hash != hex.EncodeToString(sum[:]) {
		t.Errorf("the golden part of 1 says %s, its spec has %x", part.Hash, sum)
	}
}

// With the worst names there are, the parts still fit and arrive as they were sent.
func TestEveryPartFitsAPayload(t *testing.T) {
	for _, nasty := range []string{"\x01", "\xff", "\u2028", "<", "関"} {
		id := strings.Repeat(nasty, access.MaxID/len(nasty))
		s := access.Spec{Version: access.Version{Epoch: 1<<64 - 1, N: 1<<64 - 1}}
		for range 250 {
			s.Areas = append(s.Areas, access.Area{ID: id, Name: id, Record: access.BestEffort})
			s.Doors = append(s.Doors, access.Door{ID: id, Name: id, Area: id, EntryReads: []string{id, id}, ExitReads: []string{id}})
			s.People = append(s.People, access.Person{ID: id, From: -1 << 63, Until: -1 << 63})
			s.Credentials = append(s.Credentials, access.Credential{Card: id, Person: id, State: "suspended", From: -1 << 63, Until: -1 << 63})
		}
		parts, err := wire.SplitPolicy(s)
		if err != nil || len(parts) < 2 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		var a wire.Assembler
		for i, p := range parts {
			if _, done, err := a.Add(travel(t, p)); err != nil || done != (i == len(parts)-1) {
				t.Fatalf("%q, part %d of %d: done %t, %v", nasty, i+1, len(parts), done, err)
			}
		}
	}
}

func TestPartsThatDoNotBelongTogetherAreNotJoined(t *testing.T) {
	parts, err := wire.SplitPolicy(big(2_500))
	if err != nil {
		t.Fatal(err)
	}
	newer := big(2_500)
	newer.Version.N++
	newerParts, err := wire.SplitPolicy(newer)
	if err != nil {
		t.Fatal(err)
	}
	var a wire.Assembler
	add := func(p wire.PolicyPart) (bool, error) {
		_, done, err := a.Add(p)
		return done, err
	}
	for _, p := range parts[1:] {
		if done, err := add(p); done || err != nil {
			t.Fatal(done, err)
		}
	}
	for i, p := range newerParts { // a newer one begins; late parts of the older one are passed over
		done, err := add(p)
		if err != nil || done != (i == len(newerParts)-1) {
			t.Fatalf("part %d of the newer: %t, %v", i+1, done, err)
		}
		if !done {
			if done, err := add(parts[0]); done || err != nil {
				t.Fatalf("a late part: %t, %v", done, err)
			}
		}
	}

	a = wire.Assembler{}
	forged := parts[0]
	forged.Spec.Rights = nil
	forged.Spec.People = append([]access.Person{{ID: "intruder"}}, forged.Spec.People...)
	for i, p := range append([]wire.PolicyPart{forged}, parts[1:]...) {
		whole, done, err := a.Add(p)
		if done || (err != nil) != (i == len(parts)-1) || !reflect.DeepEqual(whole, access.Spec{}) {
			t.Fatalf("with a forged part, after %d: %t, %v", i+1, done, err)
		}
	}
	for i, p := range parts { // and the honest ones are welcome afterwards
		if done, err := add(p); err != nil || done != (i == len(parts)-1) {
			t.Fatalf("again, part %d: %t, %v", i+1, done, err)
		}
	}
}

func TestPartNumbersAreChecked(t *testing.T) {
	good, err := wire.SplitPolicy(spec())
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*wire.PolicyPart){
		"part 0":        func(p *wire.PolicyPart) { p.N = 0 },
		"part 2 of 1":   func(p *wire.PolicyPart) { p.N = 2 },
		"of 0":          func(p *wire.PolicyPart) { p.Of = 0 },
		"of a million":  func(p *wire.PolicyPart) { p.Of = 1_000_000 },
		"no hash":       func(p *wire.PolicyPart) { p.Hash = "" },
		"a hash of 'x'": func(p *wire.PolicyPart) { p.Hash = strings.Repeat("x", 64) },
	} {
		p := good[0]
		spoil(&p)
		b, err := wire.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodePolicyPart(b); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The broker is not trusted with the controller's memory.
func TestAnEndlessPolicyIsGivenUp(t *testing.T) {
	var a wire.Assembler
	part := wire.PolicyPart{Hash: strings.Repeat("0", 64), Of: 4096}
	for range 5000 {
		part.Spec.People = append(part.Spec.People, access.Person{ID: strings.Repeat("x", 200)})
	}
	for n := 1; n <= 4096; n++ {
		part.N = n
		if _, _, err := a.Add(part); err != nil {
			if fault.KindOf(err) != fault.TooLarge || n > 1000 {
				t.Errorf("given up after %d parts of 1 MB: %v", n, err)
			}
			return
		}
	}
	t.Error("4 GB were collected")
}

func TestAPolicyTooLargeToSendIsNotCut(t *testing.T) {
	s, long := spec(), strings.Repeat("x", 1<<20)
	for range 200 {
		s.People = append(s.People, access.Person{ID: long})
	}
	if _, err := wire.SplitPolicy(s); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("%v", err)
	}
}
