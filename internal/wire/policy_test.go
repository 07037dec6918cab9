package wire_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

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
		s.Readers = append(s.Readers, access.Reader{Name: fmt.Sprintf("IN-%d", i+2), Trust: access.TrustMemory, Frames: []access.Frame{{Format: access.FormatFeliCa}}})
	}
	for i := range n {
		person := fmt.Sprintf("S-%06d", i)
		s.People = append(s.People, access.Person{ID: person})
		s.Rights = append(s.Rights, access.Right{Person: person, Area: "server"}, access.Right{Person: person, Area: "server", Schedule: "weekdays"})
		s.PINs = append(s.PINs, access.PIN{Person: person, Key: access.Key(sha256.Sum256([]byte("pin of " + person))), Until: 1806418800})
		s.Credentials = append(s.Credentials, access.Credential{
			Key: access.Key(sha256.Sum256([]byte(person))), Card: fmt.Sprintf("C-%06d", i), Person: person, State: access.Active,
		})
	}
	return s
}

// travel encodes and decodes a part or a delta, as the broker would carry it.
func travel(tb testing.TB, p any) wire.PolicyMessage {
	tb.Helper()
	b, err := wire.Encode(p)
	if err != nil {
		tb.Fatal(err)
	}
	back, err := wire.DecodePolicy(address(wire.Policy), b, centre.keys())
	if err != nil {
		tb.Fatal(err)
	}
	return back
}

func TestAPolicyArrivesWholeInAnyOrderAndDoubled(t *testing.T) {
	s := big(100)
	for i := range 400 {
		s.Calendar = append(s.Calendar, fmt.Sprint("2027-", i))
	}
	for i := range 40 {
		s.Areas = append(s.Areas, access.Area{ID: fmt.Sprint("area-", i), Name: strings.Repeat("域", 5000), Record: access.Strict})
	}
	parts := split(t, s)
	if len(parts) < 4 {
		t.Fatalf("%d parts", len(parts))
	}
	carried := make([]wire.PolicyMessage, len(parts))
	for i, p := range parts {
		if p.N != i+1 || p.Of != len(parts) {
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

// The hash, and the size, are over the bytes that docs/wire.md describes.
func TestTheHashIsOverTheBytesInTheDocument(t *testing.T) {
	const want = `{"version":{"epoch":1,"n":2},"lease":{},"areas":[],"doors":[{"id":"D-1","name":"","area":"","entry_readers":[],"release_ms":0,"held_ms":0}],` +
		`"schedules":[{"id":"never","name":"","windows":[]}],"people":[],"credentials":[],"rights":[],"revocations":[]}`
	s := access.Spec{Version: access.Version{Epoch: 1, N: 2}, Doors: []access.Door{{ID: "D-1"}}, Schedules: []access.Schedule{{ID: "never"}}}
	b, err := wire.PolicyBytes(s)
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	s.Readers = []access.Reader{
		{Name: "IN-1", Trust: access.TrustMemory, Frames: []access.Frame{{Format: access.FormatBits, Bits: 26, Parity: true}, {Format: access.FormatFeliCa}}},
	}
	const readers = `"readers":[{"name":"IN-1","trust":"memory","frames":[{"format":"bits","bits":26,"parity":true},{"format":"felica"}]}],`
	b, err = wire.PolicyBytes(s)
	if with := strings.Replace(want, `"schedules"`, readers+`"schedules"`, 1); err != nil || string(b) != with {
		t.Errorf("%s, %v", b, err)
	}
	s.Readers = []access.Reader{}
	if s.Areas != nil || s.Doors[0].EntryReads != nil || s.Schedules[0].Windows != nil {
		t.Errorf("the policy itself was changed: %+v", s)
	}
	sum := sha256.Sum256([]byte(want))
	if h := hash(t, s); h != hex.EncodeToString(sum[:]) {
		t.Errorf("%s", h)
	}
	var part struct {
		Manifest struct {
			Body struct {
				Hash string `json:"hash"`
				Size int    `json:"size"`
			} `json:"body"`
		} `json:"manifest"`
		Spec json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(golden(t, "policy"), &part); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(part.Spec); part.Manifest.Body.Hash != hex.EncodeToString(sum[:]) || part.Manifest.Body.Size != len(part.Spec) {
		t.Errorf("the golden part of 1 says %+v, its spec has %d bytes and %x", part.Manifest.Body, len(part.Spec), sum)
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
			s.Readers = append(s.Readers, access.Reader{Name: id, Trust: access.TrustMutual, Frames: []access.Frame{{Format: access.FormatVerdict, Bits: 256, Parity: true}}})
			s.People = append(s.People, access.Person{ID: id, From: -1 << 63, Until: -1 << 63})
			s.Credentials = append(s.Credentials, access.Credential{Card: id, Person: id, State: "suspended", From: -1 << 63, Until: -1 << 63})
			s.PINs = append(s.PINs, access.PIN{Person: id, Area: id, Duress: access.Key{1}, Until: -1 << 63})
			s.Revocations = append(s.Revocations, access.Revocation{Version: s.Version, Card: id, State: access.Suspended})
		}
		parts := split(t, s)
		if len(parts) < 2 {
			t.Fatalf("%d parts", len(parts))
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
	parts := split(t, big(2_500))
	newer := big(2_500)
	newer.Version.N++
	newerParts := split(t, newer)
	var a wire.Assembler
	add := func(p wire.PolicyPart) (bool, error) {
		_, done, err := a.Add(travel(t, p))
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
		whole, done, err := a.Add(travel(t, p))
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

func TestAPolicyMessageIsChecked(t *testing.T) {
	good := split(t, spec())[0]
	signed := func(m wire.Manifest) wire.Signed {
		body, err := wire.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		var s wire.Signed
		if err := json.Unmarshal(forge(address(wire.Policy), body, centre), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	m := wire.Manifest{V: wire.V, Type: "manifest", Version: spec().Version, Hash: hash(t, spec()), Size: 1, At: at}
	for name, spoil := range map[string]func(*wire.PolicyPart){
		"part 0":        func(p *wire.PolicyPart) { p.N = 0 },
		"part 2 of 1":   func(p *wire.PolicyPart) { p.N = 2 },
		"of 0":          func(p *wire.PolicyPart) { p.Of = 0 },
		"of a million":  func(p *wire.PolicyPart) { p.Of = 1_000_000 },
		"no hash":       func(p *wire.PolicyPart) { m := m; m.Hash = ""; p.Manifest = signed(m) },
		"a hash of 'x'": func(p *wire.PolicyPart) { m := m; m.Hash = strings.Repeat("x", 64); p.Manifest = signed(m) },
		"of no size":    func(p *wire.PolicyPart) { m := m; m.Size = 0; p.Manifest = signed(m) },
		"of all sizes":  func(p *wire.PolicyPart) { m := m; m.Size = 1 << 62; p.Manifest = signed(m) },
		"no manifest":   func(p *wire.PolicyPart) { p.Manifest = wire.Signed{} },
		"an ack for a manifest": func(p *wire.PolicyPart) {
			p.Manifest.Body = json.RawMessage(`{"v":1,"type":"ack","centre":1,"epoch":7,"up_to":2}`)
		},
		"a policy for a manifest": func(p *wire.PolicyPart) {
			m := m
			m.Type = wire.Policy
			p.Manifest = signed(m)
		},
	} {
		p := good
		spoil(&p)
		b, err := wire.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodePolicy(address(wire.Policy), b, centre.keys()); fault.KindOf(err) != fault.Invalid && name != "an ack for a manifest" || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// a manifest by itself is no message on the topic that it is signed for
	b, err := wire.Encode(good.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for kind, open := range openers {
		if v, err := open(address(wire.Policy), b, centre.keys()); err == nil {
			t.Errorf("a manifest was read as %s: %+v", kind, v)
		}
	}
}

// The centre may sign one policy twice; parts of both sendings belong together, and a late one costs nothing.
func TestOnePolicySignedTwiceIsOnePolicy(t *testing.T) {
	s := big(2_500)
	early := split(t, s)
	again, err := wire.SignPolicy(address(wire.Policy), s, at.Add(time.Minute), centre)
	if err != nil {
		t.Fatal(err)
	}
	late, err := wire.SplitPolicy(s, again)
	if err != nil || len(late) < 2 {
		t.Fatalf("%d parts, %v", len(late), err)
	}
	var a wire.Assembler
	for i := range early {
		p := early[i]
		if i%2 == 1 {
			p = late[i]
		}
		if _, done, err := a.Add(travel(t, p)); err != nil || done != (i == len(early)-1) {
			t.Fatalf("part %d: %t, %v", i+1, done, err)
		}
	}
}

// Of two policies of one version, which only a broken centre makes, the one signed later is collected.
func TestALatePartOfAPolicyOfTheSameVersionIsPassedOver(t *testing.T) {
	old, s := big(2_500), big(2_500)
	s.People = s.People[:1_000]
	s.Credentials, s.Rights = nil, nil
	s.People = append(s.People, big(9_000).People[2_000:]...)
	now, err := wire.SignPolicy(address(wire.Policy), s, at.Add(time.Minute), centre)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := wire.SplitPolicy(s, now)
	if err != nil || len(parts) < 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	var a wire.Assembler
	for i, p := range parts {
		_, done, err := a.Add(travel(t, p))
		if err != nil || done != (i == len(parts)-1) {
			t.Fatalf("part %d: %t, %v", i+1, done, err)
		}
		if done {
			break
		}
		if _, done, err := a.Add(travel(t, split(t, old)[0])); err != nil || done {
			t.Fatalf("the late part: %t, %v", done, err)
		}
	}
}

// The broker is not trusted with the controller's memory: what the signed size does not allow is not collected.
func TestAnEndlessPolicyIsGivenUp(t *testing.T) {
	s := big(500)
	part := wire.PolicyPart{V: wire.V, Type: wire.Policy, Of: 400, Manifest: manifest(t, s), Spec: split(t, s)[0].Spec}
	for range 4000 {
		part.Spec.People = append(part.Spec.People, access.Person{ID: strings.Repeat("x", 200)})
	}
	m := travel(t, func() wire.PolicyPart { p := part; p.N = 1; return p }())
	var a wire.Assembler
	for n := 1; n <= part.Of; n++ {
		p := *m.Part
		p.N = n
		m.Part = &p
		if _, _, err := a.Add(m); err != nil {
			if fault.KindOf(err) != fault.TooLarge || n > 3 {
				t.Errorf("given up after %d parts of 1 MB: %v", n, err)
			}
			return
		}
	}
	t.Error("400 MB were collected for a policy of 200 KB")
}

// A part that says another number of parts costs what was collected, and nothing more.
func TestAWrongNumberOfPartsIsLeftBehind(t *testing.T) {
	parts := split(t, big(2_500))
	if len(parts) < 3 {
		t.Fatalf("%d parts", len(parts))
	}
	wrong := parts[0]
	wrong.Of = len(parts) - 1
	var a wire.Assembler
	for i, p := range append([]wire.PolicyPart{wrong}, parts...) {
		if _, done, err := a.Add(travel(t, p)); err != nil || done != (i == len(parts)) {
			t.Fatalf("after %d: %t, %v", i+1, done, err)
		}
	}
}

// A manifest whose version is not its policy's, which only a broken centre signs, names nothing.
func TestAManifestAndItsPolicyHaveOneVersion(t *testing.T) {
	m := wire.Manifest{Version: spec().Version, Hash: hash(t, spec())}
	if err := m.Check(spec()); err != nil {
		t.Error(err)
	}
	m.Version.N++
	if err := m.Check(spec()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

// A part again and again is kept once.
func TestAPartOftenRepeatedIsNoFlood(t *testing.T) {
	parts := split(t, big(2_500))
	first := travel(t, parts[0])
	var a wire.Assembler
	for range 1000 {
		if _, _, err := a.Add(first); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range parts[1:] {
		if _, done, err := a.Add(travel(t, p)); err != nil || done != (i == len(parts)-2) {
			t.Fatalf("part %d: %t, %v", i+2, done, err)
		}
	}
	if _, _, err := a.Add(travel(t, examples(t)["delta"].body)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a delta is no part: %v", err)
	}
}

func TestAPolicyTooLargeToSendIsNotCut(t *testing.T) {
	s, long := spec(), strings.Repeat("x", 1<<20)
	for range 200 {
		s.People = append(s.People, access.Person{ID: long})
	}
	if _, err := wire.SplitPolicy(s, wire.Signed{}); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("%v", err)
	}
}
