package wire

import (
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// A part is filled by estimates; each must be at least what the record takes with its comma.
func TestSizesAreEstimatedFromAbove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			return string(rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\x00\xff<>&\"\\\n"))), 0, 20).Draw(t, label))
		}
		number := func(label string) int64 { return rapid.Int64().Draw(t, label) }
		list := func(label string) (l []string) {
			for range rapid.IntRange(0, 4).Draw(t, label) {
				l = append(l, text(label))
			}
			return l
		}
		a := access.Area{ID: text("id"), Name: text("name"), Grade: int(number("grade")), Record: access.RecordMode(text("record"))}
		d := access.Door{
			ID: text("id"), Name: text("name"), Area: text("area"), EntryReads: list("in"), ExitReads: list("out"),
			ReleaseMS: int(number("release")), HeldMS: int(number("held")),
		}
		rd := access.Reader{Name: text("name"), Trust: access.Trust(text("trust"))}
		for range rapid.IntRange(0, 3).Draw(t, "frames") {
			rd.Frames = append(rd.Frames, access.Frame{Format: text("format"), Bits: int(number("bits")), Parity: rapid.Bool().Draw(t, "parity")})
		}
		s := access.Schedule{ID: text("id"), Name: text("name")}
		for range rapid.IntRange(0, 5).Draw(t, "windows") {
			s.Windows = append(s.Windows, access.Window{Day: int(number("day")), From: int(number("from")), Until: int(number("until"))})
		}
		s.Holidays = rapid.Bool().Draw(t, "holidays")
		for range rapid.IntRange(0, 3).Draw(t, "special days") {
			special := access.SpecialDay{Date: text("date")}
			for range rapid.IntRange(0, 3).Draw(t, "special windows") {
				special.Windows = append(special.Windows, access.Span{From: int(number("from")), Until: int(number("until"))})
			}
			s.Special = append(s.Special, special)
		}
		holiday := text("holiday")
		p := access.Person{ID: text("id"), Class: access.Class(text("class")), From: number("from"), Until: number("until")}
		c := access.Credential{Card: text("card"), Person: text("person"), State: access.CredentialState(text("state")), From: number("from"), Until: number("until")}
		v := access.Revocation{
			Version: access.Version{Epoch: rapid.Uint64().Draw(t, "epoch"), N: rapid.Uint64().Draw(t, "n")},
			Card:    text("card"), State: access.CredentialState(text("state")),
		}
		i := access.PIN{Person: text("person"), Area: text("area"), Key: access.Key{1}, Duress: access.Key{byte(number("duress"))}, Until: number("until")}
		r := access.Right{Person: text("person"), Area: text("area"), Schedule: text("schedule"), From: number("from"), Until: number("until")}
		for _, e := range []struct {
			record   any
			estimate int
		}{{a, areaSize(&a)}, {d, doorSize(&d)}, {rd, readerSize(&rd)}, {s, scheduleSize(&s)}, {holiday, dateSize(&holiday)}, {p, personSize(&p)}, {c, credentialSize(&c)}, {r, rightSize(&r)}, {i, pinSize(&i)}, {v, revocationSize(&v)}} {
			b, err := event.Marshal(e.record)
			if err != nil {
				t.Fatal(err)
			}
			if len(b)+1 > e.estimate {
				t.Fatalf("%s takes %d bytes, estimated %d", b, len(b)+1, e.estimate)
			}
		}
	})
}
