package core

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/controller/revoked"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/wire"
	"kanmon/reader"
)

func ver(epoch, n uint64) access.Version { return access.Version{Epoch: epoch, N: n} }

func withdraw(epoch, n uint64, key access.Key, card string, state access.CredentialState) access.Revocation {
	return access.Revocation{Version: ver(epoch, n), Key: key, Card: card, State: state}
}

// run is a run of the set as the centre sends it.
func run(from uint64, upto access.Version, entries ...access.Revocation) RevocationsCame {
	return RevocationsCame{wire.NewRevokedSet(from, upto, entries)}
}

// outcome taps a card at IN-1 and says what became of it; the journal answers.
func (d *desk) outcome(key access.Key) access.Reason {
	d.t.Helper()
	d.pass(10 * time.Second)
	d.answer(nil)
	d.step(Presented{Reader: "IN-1", Key: key})
	d.answer(nil)
	for _, e := range slices.Backward(d.onDisk) {
		if e.Kind == event.AccessDenied || e.Kind == event.AccessGranted {
			return e.Reason
		}
	}
	d.t.Fatal("no decision on disk")
	return ""
}

// receipts takes the receipts out of what was done.
func (d *desk) receipts() (list []wire.RevokedReceipt) {
	for _, e := range d.did() {
		if r, ok := e.(Receipt); ok {
			list = append(list, r.RevokedReceipt)
		}
	}
	return list
}

// R75-3, R76-2: the next card after the message is refused, though the disk has not answered; the receipt waits for the disk.
func TestARevokedCardIsRefusedAtOnceAndConfirmedOnlyFromTheDisk(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.did()
	d.step(run(0, ver(1, 1), withdraw(1, 1, keyAlways, "C-1", access.Revoked)))
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.expect(Show{"IN-1", reader.ShowDenied})
	saved := d.records[0].Change.Revoked
	if saved == nil || saved.Upto != ver(1, 1) || len(saved.Entries) != 1 || saved.Entries[0].Key != keyAlways {
		t.Fatalf("to be saved %+v", saved)
	}
	d.answer(nil)
	receipts := d.receipts()
	want := wire.RevokedReceipt{
		V: wire.V, Type: wire.Receipt, Upto: ver(1, 1), Hash: access.Revocations{keyAlways: withdraw(1, 1, keyAlways, "C-1", access.Revoked)}.Hash(), AppliedAt: started,
	}
	if len(receipts) != 1 || receipts[0] != want {
		t.Fatalf("receipts %+v, want %+v", receipts, want)
	}
	e := d.onDisk[len(d.onDisk)-2]
	if e.Kind != event.RevocationApplied || e.Card != "C-1" || *e.Policy != ver(1, 1) || e.Reason != access.CredentialRevoked || e.Credential != keyAlways.Fingerprint() {
		t.Fatalf("recorded %+v", e)
	}
	if st := d.core.Status(d.state); *st.Revoked != ver(1, 1) || st.RevokedSum != want.Hash {
		t.Fatalf("status %+v", st)
	}
}

func TestASuspendedCardIsLiftedByALaterEntryAndARevokedOneByNothing(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	for i, c := range []struct {
		in   Input
		want access.Reason
	}{
		{run(0, ver(1, 1), withdraw(1, 1, keyAlways, "C-1", access.Suspended)), access.CredentialSuspend},
		{run(1, ver(1, 2), withdraw(1, 2, keyAlways, "C-1", access.Active)), access.Granted},
		{run(0, ver(1, 1), withdraw(1, 1, keyAlways, "C-1", access.Suspended)), access.Granted}, // late
		{run(2, ver(1, 3), withdraw(1, 3, keyAlways, "C-1", access.Revoked)), access.CredentialRevoked},
		{run(3, ver(1, 4), withdraw(1, 4, keyAlways, "C-1", access.Active)), access.CredentialRevoked},
		{PolicyReady{Policy: sitePolicy(t, 2), Hash: "h2"}, access.CredentialRevoked},                  // made before it was lost
		{run(0, ver(2, 1), withdraw(2, 1, keyAlways, "C-1", access.Active)), access.CredentialRevoked}, // a centre from yesterday
	} {
		d.step(c.in)
		if got := d.outcome(keyAlways); got != c.want {
			t.Fatalf("step %d: %s, want %s", i, got, c.want)
		}
	}
}

func TestRevocationsWaitForAPolicy(t *testing.T) {
	d := newDesk(t, nil)
	d.step(run(0, ver(1, 1), withdraw(1, 1, keyAlways, "C-1", access.Revoked)))
	d.answer(nil)
	if got := d.receipts(); len(got) != 1 {
		t.Fatalf("receipts %v", got)
	}
	d.step(PolicyReady{Policy: sitePolicy(t, 1), Hash: "h1"})
	if got := d.outcome(keyAlways); got != access.CredentialRevoked {
		t.Fatalf("with the policy: %s", got)
	}
}

// What a policy brings is in force and on the record, but only a run without a gap is confirmed.
func TestARevocationThatComesWithAPolicyCounts(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	s := siteSpec(2)
	s.Revocations = []access.Revocation{withdraw(1, 7, keyAlways, "C-1", access.Revoked)}
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d.step(PolicyReady{Policy: p, Hash: "h2"})
	if got := d.outcome(keyAlways); got != access.CredentialRevoked {
		t.Fatal(got)
	}
	if !slices.Contains(d.kinds(), event.RevocationApplied) || len(d.receipts()) != 0 || d.core.Status(d.state).Revoked != nil {
		t.Fatalf("on disk %v", d.kinds())
	}
	d.step(run(0, ver(1, 7), s.Revocations...))
	if saved := d.records[0].Change.Revoked; saved == nil || len(saved.Entries) != 1 {
		t.Fatalf("to be saved %+v: a restart with another policy would forget it", saved)
	}
	d.answer(nil)
	if got := d.receipts(); len(got) != 1 || got[0].Upto != ver(1, 7) {
		t.Fatalf("receipts %+v", got)
	}
}

func TestAGapIsInForceButNotConfirmedUntilItIsFilled(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.did()
	d.step(run(2, ver(1, 3), withdraw(1, 3, keyAlways, "C-1", access.Revoked)))
	d.answer(nil)
	if got := d.receipts(); len(got) != 0 {
		t.Fatalf("confirmed with a gap: %+v", got)
	}
	if got := d.outcome(keyAlways); got != access.CredentialRevoked {
		t.Fatal(got)
	}
	d.step(run(0, ver(1, 3), withdraw(1, 1, keyMonday, "C-2", access.Suspended), withdraw(1, 3, keyAlways, "C-1", access.Revoked)))
	d.answer(nil)
	if got := d.receipts(); len(got) != 1 || got[0].Upto != ver(1, 3) {
		t.Fatalf("receipts %+v", got)
	}
	d.step(run(0, ver(1, 3), withdraw(1, 1, keyMonday, "C-2", access.Suspended)))
	if got := d.receipts(); len(d.records) != 0 || len(got) != 1 || got[0].Upto != ver(1, 3) {
		t.Fatalf("asked again: %d records, receipts %+v", len(d.records), got)
	}
}

// R84-1: the card is refused whether or not the disk can be written; the receipt comes when it can.
func TestAJournalThatFailsDelaysTheReceiptAndNotTheRefusal(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.did()
	d.step(run(0, ver(1, 1), withdraw(1, 1, keyAlways, "C-1", access.Revoked)))
	d.answer(errDisk)
	for range 3 {
		d.step(Presented{Reader: "IN-1", Key: keyAlways})
		d.pass(RetryRecord)
		d.answer(errDisk)
	}
	if got := d.did(); slices.ContainsFunc(got, func(e Effect) bool { _, strike := e.(Strike); _, receipt := e.(Receipt); return strike || receipt }) {
		t.Fatalf("did %v", got)
	}
	d.pass(RetryRecord)
	saved := d.records[0].Change.Revoked
	d.answer(nil)
	if got := d.receipts(); len(got) != 1 || got[0].Upto != ver(1, 1) || len(saved.Entries) != 1 {
		t.Fatalf("receipts %+v, saved %+v", got, saved)
	}
	if n := slices.Index(d.kinds(), event.RevocationApplied); n < 0 {
		t.Fatalf("on disk %v", d.kinds())
	}
}

// The journal fails at the n-th record, whichever that is: nothing is confirmed too early, and everything is in the end.
func TestTheJournalFailsAtAnyRecord(t *testing.T) {
	for fails := range 12 {
		d := newDesk(t, sitePolicy(t, 1))
		d.did()
		disk, record, confirmed := map[access.Key]bool{}, 0, uint64(0)
		settle := func() {
			for len(d.records) > 0 {
				r := d.records[0]
				d.records = d.records[1:]
				var err error
				if record == fails {
					err = errDisk
				} else if c := r.Change.Revoked; c != nil {
					for _, e := range c.Entries {
						disk[e.Key] = true
					}
				}
				record++
				d.step(Recorded{ID: r.ID, Err: err})
				for _, receipt := range d.receipts() {
					if receipt.Upto.N <= confirmed || len(disk) < int(receipt.Upto.N) {
						t.Fatalf("failing at %d: receipt for %v after %d, %d on disk", fails, receipt.Upto, confirmed, len(disk))
					}
					confirmed = receipt.Upto.N
				}
			}
		}
		for n := range uint64(8) {
			d.step(run(n, ver(1, n+1), withdraw(1, n+1, access.Key{50, byte(n)}, "C-5", access.Revoked)))
			if n%3 == 2 { // several are under way together
				settle()
			}
		}
		for range 3 {
			settle()
			d.pass(RetryRecord)
		}
		if confirmed != 8 || len(disk) != 8 {
			t.Fatalf("failing at %d: confirmed %d, %d on disk", fails, confirmed, len(disk))
		}
	}
}

// A centre that was put back takes a lost entry back from its event: each has its own, with its seal.
func TestEachOfManyRevocationsHasItsOwnEvent(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	var many []access.Revocation
	for i := range uint64(wire.MaxRevoked) {
		r := withdraw(1, i+1, access.Key{9, byte(i), byte(i >> 8)}, "C-9", access.Revoked)
		r.Seal = "sealed"
		many = append(many, r)
	}
	d.onDisk = nil
	d.step(run(0, ver(1, wire.MaxRevoked), many...))
	saved := d.records[0].Change.Revoked
	d.answer(nil)
	if len(d.onDisk) != wire.MaxRevoked || len(saved.Entries) != wire.MaxRevoked {
		t.Fatalf("%d on disk, %d saved", len(d.onDisk), len(saved.Entries))
	}
	for i, e := range d.onDisk {
		if e.Kind != event.RevocationApplied || e.Entry == nil || *e.Entry != many[i] {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
}

// Of a set that takes several messages the first is not all of it.
func TestARunThatGoesOnIsNotConfirmedBeforeItsEnd(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	first := run(0, ver(2, 0), withdraw(1, 1, keyAlways, "C-1", access.Revoked))
	first.Set.More = true
	d.step(first)
	d.answer(nil)
	if got := d.receipts(); len(got) != 0 || d.core.Status(d.state).Revoked != nil {
		t.Fatalf("confirmed %+v", got)
	}
	if got := d.outcome(keyAlways); got != access.CredentialRevoked {
		t.Fatalf("its entries count: %s", got)
	}
	d.step(run(0, ver(2, 0), withdraw(1, 2, access.Key{7}, "C-7", access.Revoked)))
	d.answer(nil)
	if got := d.receipts(); len(got) != 1 || got[0].Upto != ver(2, 0) {
		t.Fatalf("receipts %+v", got)
	}
}

// R76-2: what a policy brought is refused after a restart that finds an older policy, too.
func TestARevocationThatCameWithAPolicyGoesToTheDisk(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	s := siteSpec(2)
	lost := withdraw(1, 7, keyAlways, "C-1", access.Revoked)
	s.Revocations = []access.Revocation{lost}
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d.step(PolicyReady{Policy: p, Hash: "h2"})
	if k := d.records[0].Change.Revoked; k == nil || len(k.Entries) != 1 || k.Entries[0] != lost || k.Upto != (access.Version{}) {
		t.Fatalf("to be saved %+v", k)
	}
	again := &desk{t: t, core: NewCore(siteWiring()), now: Moment{Wall: started}}
	var effects []Effect
	again.state, effects = again.core.Start(Saved{Policy: p, Floor: started.Add(-time.Hour)}, again.now) // it died before that
	again.collect(effects)
	if k := again.records[0].Change.Revoked; k == nil || len(k.Entries) != 1 || k.Entries[0] != lost {
		t.Fatalf("to be saved after the restart %+v", k)
	}
}

// R76-2: a card that is revoked while its entry waits for the disk stays outside, in an area of either record mode.
func TestACardRevokedWhileItsRecordIsWrittenStaysOutside(t *testing.T) {
	for _, c := range []struct {
		reader string
		disk   error
		state  access.CredentialState
		opens  bool
	}{
		{"IN-1", nil, access.Revoked, false},
		{"IN-1", nil, access.Suspended, false},
		{"IN-1", nil, access.Active, true},
		{"IN-2", nil, access.Revoked, false},
		{"IN-2", errDisk, access.Suspended, false},
		{"IN-2", errDisk, access.Active, true},
	} {
		d := newDesk(t, sitePolicy(t, 1))
		d.step(Presented{Reader: c.reader, Key: keyAlways})
		d.step(run(0, ver(1, 1), withdraw(1, 1, keyAlways, "C-1", c.state)))
		d.did()
		d.answer(c.disk)
		opened := slices.ContainsFunc(d.did(), func(e Effect) bool { _, strike := e.(Strike); return strike })
		if opened != c.opens {
			t.Errorf("%+v: opened %v", c, opened)
		}
	}
}

// Nor is it written down that it was let in, however the journal fails meanwhile: at once, or after nobody waited for it any more.
func TestACardThatStayedOutsideIsNotWrittenDownAsLetIn(t *testing.T) {
	for name, late := range map[string]bool{"at once": false, "too late": true} {
		for _, where := range []string{"IN-1", "IN-2"} {
			d := newDesk(t, sitePolicy(t, 1))
			d.onDisk = nil
			d.step(Presented{Reader: where, Key: keyAlways})
			d.step(run(0, ver(1, 1), withdraw(1, 1, keyAlways, "C-1", access.Revoked)))
			if late {
				d.pass(RecordTimeout)
			}
			for len(d.records) > 0 {
				d.answer(errDisk)
			}
			d.pass(RetryRecord)
			d.answer(nil)
			var decided []access.Reason
			for _, e := range d.onDisk {
				if e.Kind == event.AccessGranted || e.Kind == event.AccessDenied {
					decided = append(decided, e.Reason)
				}
			}
			if !slices.Equal(decided, []access.Reason{access.CredentialRevoked}) {
				t.Errorf("%s, %s: on disk %v", name, where, decided)
			}
		}
	}
}

// The seal decides nothing: an entry that comes with one after it came without is no news.
func TestASealThatComesLaterIsNoSecondEvent(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	bare := withdraw(1, 7, keyAlways, "C-1", access.Revoked)
	d.step(run(0, ver(1, 7), bare))
	d.answer(nil)
	d.onDisk = nil
	sealed := bare
	sealed.Seal = "sealed"
	d.step(run(0, ver(1, 7), sealed))
	s := siteSpec(2)
	s.Revocations = []access.Revocation{sealed}
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d.step(PolicyReady{Policy: p, Hash: "h2"})
	d.answer(nil)
	if got := d.kinds(); !slices.Equal(got, []event.Kind{event.PolicyApplied}) {
		t.Fatalf("on disk %v", got)
	}
}

func TestAStartLaysWhatWasKeptOverThePolicy(t *testing.T) {
	d := &desk{t: t, core: NewCore(siteWiring()), now: Moment{Wall: started}}
	var effects []Effect
	d.state, effects = d.core.Start(Saved{
		Policy: sitePolicy(t, 1), Floor: started.Add(-time.Hour), Revoked: revoked.Kept{
			Entries: []access.Revocation{withdraw(1, 4, keyAlways, "C-1", access.Revoked)}, Upto: ver(1, 4), At: started.Add(-time.Minute),
		},
	}, d.now)
	d.collect(effects)
	if d.records[0].Change.Revoked != nil {
		t.Fatal("what is on disk is written again")
	}
	d.answer(nil)
	if got := d.outcome(keyAlways); got != access.CredentialRevoked {
		t.Fatal(got)
	}
	d.step(run(0, ver(1, 4), withdraw(1, 4, keyAlways, "C-1", access.Revoked)))
	if got := d.receipts(); len(got) != 1 || !got[0].AppliedAt.Equal(started.Add(-time.Minute)) {
		t.Fatalf("receipts %+v", got)
	}
}

func TestAHigherEpochOfTheCentreIsAnAlarmOnce(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(CentreSeen{1})
	d.step(CentreSeen{3})
	d.step(CentreSeen{2})
	d.step(run(0, ver(3, 1), withdraw(3, 1, keyUnknown, "C-3", access.Revoked)))
	d.answer(nil)
	n := 0
	for _, e := range d.onDisk {
		if e.Kind == event.EpochOpened {
			n++
		}
	}
	d.step(Tick{})
	if n != 1 || d.state.centre != 3 {
		t.Fatalf("%d alarms, epoch %d", n, d.state.centre)
	}
}

// In any history of messages, taps and disk failures: no card that a message withdrew is let in, no receipt names more than the disk has, and
// when the disk is well again everything is confirmed.
func TestNoReceiptWithoutTheDiskInAnyHistory(t *testing.T) {
	policy, outer := sitePolicy(t, 1), t
	rapid.Check(t, func(t *rapid.T) {
		d := &desk{t: outer, core: NewCore(siteWiring()), now: Moment{Wall: started}}
		var effects []Effect
		d.state, effects = d.core.Start(Saved{Policy: policy, Floor: started.Add(-time.Hour)}, d.now)
		d.collect(effects)
		disk := map[access.Key]access.Revocation{}
		answer := func(err error) {
			r := d.records[0]
			d.records = d.records[1:]
			if c := r.Change.Revoked; err == nil && c != nil {
				for _, e := range c.Entries {
					disk[e.Key] = e
				}
			}
			d.step(Recorded{ID: r.ID, Err: err})
		}
		n, gone := uint64(0), false
		check := func() {
			for _, r := range d.receipts() {
				if uint64(len(disk)) < r.Upto.N {
					t.Fatalf("receipt for %v with %d entries on disk", r.Upto, len(disk))
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			d.now.Mono += 100 * time.Millisecond
			d.now.Wall = d.now.Wall.Add(100 * time.Millisecond)
			switch rapid.IntRange(0, 4).Draw(t, "do") {
			case 0:
				n++
				key := access.Key{100, byte(n)}
				if n == 3 {
					key, gone = keyAlways, true
				}
				d.step(run(n-1, ver(1, n), withdraw(1, n, key, "C-1", access.Revoked)))
			case 1:
				d.step(Presented{Reader: "IN-1", Key: keyAlways})
			case 2:
				d.pass(RetryRecord)
			default:
				if len(d.records) > 0 {
					var err error
					if rapid.Bool().Draw(t, "fails") {
						err = errDisk
					}
					answer(err)
				}
			}
			if gone {
				for _, r := range d.records {
					if d := decide.Decide(d.state.policy, decide.Request{Reader: "IN-1", Key: keyAlways}, started); d.Allow {
						t.Fatalf("a withdrawn card is good, with %+v on its way", r)
					}
				}
			}
			check()
		}
		for range 10 {
			for len(d.records) > 0 {
				answer(nil)
			}
			d.pass(RetryRecord)
			check()
		}
		if n > 0 && d.state.revoked.Kept() != ver(1, n) {
			t.Fatalf("confirmed %v of %d", d.state.revoked.Kept(), n)
		}
	})
}
