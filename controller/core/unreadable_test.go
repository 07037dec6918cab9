package core

import (
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/reader"
)

func kindsOf(events []event.Event) (kinds []event.Kind) {
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// Cases 28 and 30: a card that cannot be read, or is no identifier, lets nobody in, is on record with the reader's word, and becomes no number.
func TestACardThatCannotBeReadIsRefusedAndOnRecord(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	before := len(d.onDisk)
	d.others = nil
	d.step(ReadFailed{Reader: "IN-1", Detail: "credential.random: a UID that the card draws anew each time"})
	d.answer(nil)
	got := d.onDisk[before:]
	if len(got) != 1 || got[0].Kind != event.CardUnreadable || got[0].Door != "D-1" || got[0].Area != "A-1" || got[0].Direction != access.In ||
		got[0].Detail != "credential.random: a UID that the card draws anew each time" || got[0].Credential != "" || got[0].Card != "" {
		t.Errorf("on record: %+v", got)
	}
	if !slices.Equal(d.others, []Effect{Show{"IN-1", reader.ShowDenied}}) {
		t.Errorf("did %+v", d.others)
	}
}

// One that stays half in the field is one event a second; another reader's is its own.
func TestACardHalfInTheFieldIsOneEventASecond(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	before := len(d.onDisk)
	for range 20 { // every 100 ms, for 2 s
		d.step(ReadFailed{Reader: "IN-1", Detail: "no answer"})
		d.now.Mono += 100 * time.Millisecond
		d.now.Wall = d.now.Wall.Add(100 * time.Millisecond)
	}
	d.step(ReadFailed{Reader: "IN-2", Detail: "no answer"})
	d.answer(nil)
	if got := d.onDisk[before:]; len(got) != 3 || d.state.Counts().Repeats != 18 {
		t.Errorf("%v, %d repeats", kindsOf(got), d.state.Counts().Repeats)
	}
}

// Nothing denies an exit, not even a card that cannot be read; also without a policy.
func TestWhoHoldsACardThatCannotBeReadGetsOut(t *testing.T) {
	for name, policy := range map[string]*decide.Policy{"by the policy": sitePolicy(t, 1), "without one": nil} {
		d := newDesk(t, policy)
		before := len(d.onDisk)
		d.others = nil
		d.step(ReadFailed{Reader: "OUT-1", Detail: "no answer"})
		if len(d.others) == 0 || d.others[0] != (Strike{Door: "D-1", For: map[bool]time.Duration{true: defaultRelease, false: 5 * time.Second}[policy == nil]}) {
			t.Errorf("%s: did %+v", name, d.others)
		}
		d.answer(nil)
		if got := d.onDisk[before:]; !slices.Equal(kindsOf(got), []event.Kind{event.CardUnreadable, event.AccessGranted}) || got[1].Direction != access.Out || got[1].Person != "" {
			t.Errorf("%s: on record %+v", name, got)
		}
	}
}

// R44-1: a read for which the reader was not commissioned is refused and on record with its shape; the right one counts as much as the profile says.
func TestAReadIsOnRecordWithItsShapeAndWhatItProves(t *testing.T) {
	s := siteSpec(1)
	s.Readers = []access.Reader{{Name: "IN-1", Trust: access.TrustMemory, Frames: []access.Frame{{Format: access.FormatBits, Bits: 26, Parity: true}}}}
	policy, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, policy)
	before := len(d.onDisk)
	good := access.Shape{Format: access.FormatBits, Bits: 26, Parity: access.ParityRight}
	bad := access.Shape{Format: access.FormatBits, Bits: 26, Parity: access.ParityWrong}
	d.step(Presented{Reader: "IN-1", Key: keyAlways, Trust: access.TrustMutual, Shape: bad})
	d.step(Presented{Reader: "IN-1", Key: keyAlways, Trust: access.TrustMutual, Shape: good})
	d.answer(nil)
	got := d.onDisk[before:]
	if len(got) != 2 {
		t.Fatalf("on record: %+v", got)
	}
	refused, granted := got[0], got[1]
	if refused.Reason != access.FrameUnexpected || refused.Card != "" || refused.Person != "" || refused.Facts == nil || *refused.Facts != (access.Facts{Shape: bad}) {
		t.Errorf("on record: %+v", refused)
	}
	if granted.Reason != access.Granted || granted.Card != "C-1" || granted.Facts == nil || *granted.Facts != (access.Facts{Trust: access.TrustMemory, Shape: good}) {
		t.Errorf("on record: %+v, %+v", granted, granted.Facts)
	}
}

// Bytes that came broken from an exit reader say nothing of a card: a loose wire at night must not open the door again and again. They are on record.
func TestNoiseAtAnExitReaderMovesNoDoor(t *testing.T) {
	for name, policy := range map[string]*decide.Policy{"by the policy": sitePolicy(t, 1), "without one": nil} {
		d := newDesk(t, policy)
		before := len(d.onDisk)
		d.others = nil
		d.step(ReadFailed{Reader: "OUT-1", Detail: "frame.check", Noise: true})
		d.answer(nil)
		shown := map[bool]reader.Feedback{true: reader.ShowTrouble, false: reader.ShowDenied}[policy == nil]
		if !slices.Equal(d.others, []Effect{Show{"OUT-1", shown}}) {
			t.Errorf("%s: did %+v", name, d.others)
		}
		if got := d.onDisk[before:]; !slices.Equal(kindsOf(got), []event.Kind{event.CardUnreadable}) || got[0].Direction != access.Out {
			t.Errorf("%s: on record %+v", name, got)
		}
	}
}
