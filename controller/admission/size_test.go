package admission_test

import (
	"strings"
	"testing"

	"kanmon/controller/admission"
	"kanmon/controller/site"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// An event of a decision fits whatever the ids are called, and however many people are about.
func TestEveryDecisionFitsItsEvent(t *testing.T) {
	long := func(s string) string { return s + strings.Repeat("x", access.MaxID-len(s)) }
	rules := access.Rules{InOut: true, Passback: access.PassbackSoft, Factors: access.FactorsCardPIN}
	pin := access.PIN{Person: long("person"), Key: code("1234").Forms(access.PersonScope(long("person")))[0]}
	policy, err := decide.Compile(access.Spec{
		Version: access.Version{Epoch: 1<<63 - 1, N: 1<<63 - 1},
		Areas:   []access.Area{{ID: long("area"), Record: access.Strict, Rules: rules}},
		Doors: []access.Door{{
			ID: long("door"), Area: long("area"), EntryReads: []string{long("reader")}, ExitReads: []string{long("exit")}, ReleaseMS: 500, HeldMS: 1000,
		}},
		People:      []access.Person{{ID: long("person")}},
		Credentials: []access.Credential{{Key: sum("card"), Card: long("card"), Person: long("person"), State: access.Active}},
		Rights:      []access.Right{{Person: long("person"), Area: long("area")}},
		PINs:        []access.PIN{pin},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := scene{site: site.New(), policy: policy}
	o := admission.Shown(s.site, decide.Request{Reader: long("reader"), Key: sum("card"), Trust: access.TrustMutual}, s.around())
	events := o.Events
	o = admission.Typed(s.site, long("reader"), code("1234"), s.around())
	events = append(append(events, o.Events...), o.Grants[0].Event)
	o = admission.Shown(s.site, decide.Request{Reader: long("exit"), Key: sum("nobody"), Trust: access.TrustMutual}, s.around())
	events = append(events, o.Events...)
	if len(events) != 3 {
		t.Fatalf("%+v", events)
	}
	for _, e := range events {
		version := policy.Version()
		const n = 10_000 // people at most, in a policy
		e.Epoch, e.Seq, e.At, e.Policy, e.Unsure = 1<<63-1, 1<<63-1, noon.Add(1234567000), &version, true
		e.Reason = access.PersonEarly // the longest
		e.Facts = &access.Facts{
			Trust: access.TrustMutual, Shape: access.Shape{Format: access.FormatVerdict, Bits: access.MaxBits, Parity: access.ParityRight}, Typed: access.TypedDuress, Lapsed: 15, Blocked: true, Gas: true, Open: true, Place: access.Outside, SinceS: 1<<63 - 1,
			Staff: n, Escorts: n, Visitors: n, Coming: n,
			Party: access.Party{Twin: true, Staff: n, Escorts: n, Visitors: n, First: true, Recovery: n, Waiting: n, Guests: n},
		}
		b, err := event.Encode(e)
		if err != nil || len(b) > event.MaxBytes {
			t.Errorf("%s of %d bytes: %v", e.Kind, len(b), err)
		}
	}
}
