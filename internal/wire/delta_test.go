package wire_test

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// anyPolicy draws few things out of few, so that two policies have much in common.
func anyPolicy(t *rapid.T, n uint64) access.Spec {
	s := access.Spec{Version: access.Version{Epoch: 1, N: n}, Lease: access.Lease{Staff: rapid.SampledFrom([]int64{0, 3600}).Draw(t, "lease")}}
	some := func(label string) []int {
		return rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 5, rapid.ID).Draw(t, label)
	}
	small := func(label string) int64 { return rapid.Int64Range(0, 1).Draw(t, label) }
	for _, i := range some("areas") {
		s.Areas = append(s.Areas, access.Area{ID: fmt.Sprint("a", i), Grade: int(small("grade")), Record: access.Strict})
	}
	for _, i := range some("doors") {
		s.Doors = append(s.Doors, access.Door{ID: fmt.Sprint("d", i), HeldMS: int(small("held"))})
	}
	for _, i := range some("readers") {
		r := access.Reader{Name: fmt.Sprint("r", i), Trust: access.TrustMemory}
		for _, bits := range some("frames") {
			r.Frames = append(r.Frames, access.Frame{Format: access.FormatBits, Bits: bits, Parity: rapid.Bool().Draw(t, "parity")})
		}
		s.Readers = append(s.Readers, r)
	}
	for _, i := range some("schedules") {
		s.Schedules = append(s.Schedules, access.Schedule{ID: fmt.Sprint("s", i), Special: []access.SpecialDay{{Date: fmt.Sprint("2027-01-0", i)}}})
	}
	for _, i := range some("holidays") {
		s.Calendar, s.CalendarUntil = append(s.Calendar, fmt.Sprint("2027-01-0", i)), "2028-04-01"
	}
	for _, i := range some("people") {
		s.People = append(s.People, access.Person{ID: fmt.Sprint("p", i), Until: small("until")})
	}
	for _, i := range some("cards") { // a card's number may change hands, and two cards may bear one name
		s.Credentials = append(s.Credentials, access.Credential{
			Key: access.Key{byte(i)}, Card: fmt.Sprint("c", i/2), Person: fmt.Sprint("p", small("whose")), State: access.Active,
		})
	}
	for range rapid.IntRange(0, 6).Draw(t, "rights") {
		s.Rights = append(s.Rights, access.Right{Person: fmt.Sprint("p", small("whose")), Area: fmt.Sprint("a", small("area")), From: small("from")})
	}
	for _, i := range some("pins") { // a PIN of one person may become another's: its hash stays
		p := access.PIN{Person: fmt.Sprint("p", small("whose")), Area: fmt.Sprint("a", i), Key: access.Key{1, byte(i)}, Until: small("until")}
		if rapid.Bool().Draw(t, "duress") {
			p.Duress = access.Key{2, byte(i)}
		}
		s.PINs = append(s.PINs, p)
	}
	for _, i := range some("revocations") {
		r := lost(uint64(i) + 1)
		r.Version.N += uint64(small("again")) * 10
		s.Revocations = append(s.Revocations, r)
	}
	access.Order(&s)
	return s
}

func bytesOf(t *rapid.T, s access.Spec) string {
	b, err := wire.PolicyBytes(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A delta, sent over the wire, makes the very policy it was made for out of its base, and nothing out of any other.
func TestADeltaMakesItsPolicyOutOfItsBaseOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from, to, other := anyPolicy(rt, 1), anyPolicy(rt, 2), anyPolicy(rt, 1)
		base := hash(t, from)
		m := travel(t, wire.NewDelta(from, base, to, manifest(t, to)))
		if m.Delta == nil || m.Part != nil {
			rt.Fatal("no delta came")
		}
		before := bytesOf(rt, from)
		got, err := m.Delta.Apply(from, base, m.Manifest)
		if err != nil || bytesOf(rt, got) != bytesOf(rt, to) {
			rt.Fatalf("%+v is not %+v (%v)", got, to, err)
		}
		if bytesOf(rt, from) != before {
			rt.Fatal("the base was changed")
		}
		if h := hash(t, other); h != base {
			if got, err := m.Delta.Apply(other, h, m.Manifest); fault.KindOf(err) != fault.Conflict || !reflect.DeepEqual(got, access.Spec{}) {
				rt.Fatalf("another base: %+v, %v", got, err)
			}
			// and who lies about the base gets the target or nothing
			if got, err := m.Delta.Apply(other, base, m.Manifest); err == nil && bytesOf(rt, got) != bytesOf(rt, to) {
				rt.Fatalf("another base under a false name: %+v", got)
			}
		}
		if got, err := m.Delta.Apply(to, base, m.Manifest); err == nil {
			rt.Fatalf("a second time: %+v", got)
		}
	})
}

// A delta is not signed, its manifest is: whatever a broker changes in it comes to nothing.
func TestAForgedDeltaComesToNothing(t *testing.T) {
	base := hash(t, spec())
	intruder := access.Right{Person: "V-0003", Area: "server", Until: 1}
	for name, spoil := range map[string]func(*wire.PolicyDelta){
		"another version":       func(d *wire.PolicyDelta) { d.Head.Version.N++ },
		"another lease":         func(d *wire.PolicyDelta) { d.Head.Lease.Staff = 30 * 86400 },
		"a holiday more":        func(d *wire.PolicyDelta) { d.Head.Calendar = append(d.Head.Calendar, "2026-12-29") },
		"a longer calendar":     func(d *wire.PolicyDelta) { d.Head.CalendarUntil = "2099-04-01" },
		"a door's time":         func(d *wire.PolicyDelta) { d.Head.Doors[0].ReleaseMS = 30_000 },
		"a right more":          func(d *wire.PolicyDelta) { d.Set.Rights = append(d.Set.Rights, intruder) },
		"a right not taken":     func(d *wire.PolicyDelta) { d.Gone.Rights = nil },
		"a revocation left out": func(d *wire.PolicyDelta) { d.Set.Revocations = nil },
		"a revocation taken":    func(d *wire.PolicyDelta) { d.Gone.Revocations = append(d.Gone.Revocations, lost(6)) },
		"a card twice":          func(d *wire.PolicyDelta) { d.Set.Credentials = append(d.Set.Credentials, d.Set.Credentials...) },
		"a person gone":         func(d *wire.PolicyDelta) { d.Gone.People = append(d.Gone.People, access.Person{ID: "S-0012"}) },
	} {
		d := wire.NewDelta(spec(), base, later(), manifest(t, later()))
		spoil(&d)
		m := travel(t, d)
		if got, err := m.Delta.Apply(spec(), base, m.Manifest); err == nil || !reflect.DeepEqual(got, access.Spec{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	d := wire.NewDelta(spec(), base, later(), manifest(t, later()))
	d.Base = "x"
	b, err := wire.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.DecodePolicy(address(wire.Policy), b, centre.keys()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a base that is no hash: %v", err)
	}
}

// R44-3: a broker neither brings an old PIN back, nor lets one last.
func TestAForgedPINComesToNothing(t *testing.T) {
	from, to := spec(), later()
	from.PINs = []access.PIN{{Person: "S-0012", Key: access.Key{1}, Until: 100}, {Person: "V-0003", Area: "server", Key: access.Key{2}}}
	to.PINs = []access.PIN{{Person: "S-0012", Key: access.Key{3}, Duress: access.Key{4}, Until: 200}}
	base := hash(t, from)
	if m := travel(t, wire.NewDelta(from, base, to, manifest(t, to))); len(m.Delta.Set.PINs) != 1 || len(m.Delta.Gone.PINs) != 2 || len(m.Delta.Head.PINs) != 0 {
		t.Errorf("%+v", m.Delta)
	}
	for name, spoil := range map[string]func(*wire.PolicyDelta){
		"none": func(*wire.PolicyDelta) {},
		"one more": func(d *wire.PolicyDelta) {
			d.Set.PINs = append(d.Set.PINs, access.PIN{Person: "V-0003", Key: access.Key{9}})
		},
		"one twice":      func(d *wire.PolicyDelta) { d.Set.PINs = append(d.Set.PINs, d.Set.PINs...) },
		"one not taken":  func(d *wire.PolicyDelta) { d.Gone.PINs = d.Gone.PINs[:1] },
		"one that lasts": func(d *wire.PolicyDelta) { d.Set.PINs[0].Until = 0 },
		"one for all":    func(d *wire.PolicyDelta) { d.Set.PINs[0].Person = "V-0003" },
		"no duress":      func(d *wire.PolicyDelta) { d.Set.PINs[0].Duress = access.Key{} },
		"in the head":    func(d *wire.PolicyDelta) { d.Head.PINs = d.Set.PINs },
	} {
		d := wire.NewDelta(from, base, to, manifest(t, to))
		spoil(&d)
		m := travel(t, d)
		got, err := m.Delta.Apply(from, base, m.Manifest)
		if harmless := name == "none" || name == "in the head"; harmless {
			if err != nil || !reflect.DeepEqual(got.PINs, to.PINs) {
				t.Errorf("%s: %+v, %v", name, got.PINs, err)
			}
		} else if err == nil || !reflect.DeepEqual(got, access.Spec{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// What does not change is not sent.
func TestADeltaIsSmall(t *testing.T) {
	from := big(2_500)
	access.Order(&from)
	to := from
	to.Version.N++
	to.Revocations = append([]access.Revocation{}, from.Revocations...)
	to.Revocations = append(to.Revocations, lost(9))
	d := wire.NewDelta(from, hash(t, from), to, manifest(t, to))
	if n := len(d.Set.People) + len(d.Set.Credentials) + len(d.Set.Rights) + len(d.Set.PINs) + len(d.Gone.People) + len(d.Gone.Rights); n != 0 || len(d.Set.Revocations) != 1 {
		t.Errorf("%d records for one revocation", n+len(d.Set.Revocations))
	}
}
