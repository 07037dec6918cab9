package core

import (
	"testing"
	"time"

	"kanmon/controller/lease"
	"kanmon/controller/revoked"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// blind is a controller that could not read its journal at the start.
func blind(t *testing.T, policy *decide.Policy) *desk {
	t.Helper()
	d := &desk{t: t, core: NewCore(siteWiring()), now: Moment{Wall: started}}
	var effects []Effect
	d.state, effects = d.core.Start(Saved{Policy: policy, Floor: started.Add(-time.Hour), Unread: true}, d.now)
	d.collect(effects)
	d.answer(errDisk)
	return d
}

// R76-2: as long as nobody knows who was revoked nobody is let in, whatever policy is on disk or comes; people get out.
func TestNobodyIsLetInBeforeTheJournalCouldBeRead(t *testing.T) {
	d := blind(t, sitePolicy(t, 1))
	for range 2 {
		if got := d.outcome(keyAlways); got != access.NoPolicy {
			t.Fatalf("a card got %s", got)
		}
		d.step(PolicyReady{Policy: sitePolicy(t, 2), Hash: "h2"})
	}
	d.step(run(0, ver(1, 1), withdraw(1, 1, access.Key{8}, "C-8", access.Suspended))) // in force, and not on its way to the disk
	if len(d.records) != 0 && d.records[0].Change.Revoked != nil {
		t.Fatalf("to be saved %+v", d.records[0].Change.Revoked)
	}
	d.step(Recalled{Saved{Policy: sitePolicy(t, 1), Hash: "h1", Revoked: revoked.Kept{
		Entries: []access.Revocation{withdraw(1, 4, keyAlways, "C-1", access.Revoked), withdraw(1, 3, access.Key{8}, "C-8", access.Revoked)}, Upto: ver(1, 4),
	}}})
	if k := d.records[len(d.records)-1].Change.Revoked; k == nil || len(k.Entries) != 1 || k.Entries[0].State != access.Revoked || k.Upto != ver(1, 4) {
		t.Fatalf("to be saved %+v", k)
	}
	if got := d.outcome(keyAlways); got != access.CredentialRevoked {
		t.Fatalf("the revoked card got %s", got)
	}
	st := d.core.Status(d.state)
	if st.Policy.N != 2 || st.PolicyHash != "h2" || *st.Revoked != ver(1, 4) {
		t.Fatalf("status %+v", st)
	}
}

// The policy is as old as the journal says, though a newer one came meanwhile, and the centre's epoch as high.
func TestAJournalThatIsReadLateBringsItsLeaseAndItsEpoch(t *testing.T) {
	d := blind(t, sitePolicy(t, 1))
	d.step(CentreSeen{Epoch: 3})
	d.step(PolicyReady{Policy: sitePolicy(t, 2), Hash: "h2"})
	d.pass(time.Minute)
	d.step(Recalled{Saved{Policy: sitePolicy(t, 1), Hash: "h1", Centre: 2, Lease: &lease.Kept{Age: 100 * time.Hour}}})
	if got := d.outcome(keyAlways); got != access.LeaseOver {
		t.Fatalf("a card got %s", got)
	}
	epochs := 0
	for _, e := range d.onDisk {
		if e.Kind == event.EpochOpened {
			epochs++
		}
	}
	if epochs != 1 {
		t.Errorf("%d alarms of a new epoch", epochs)
	}
	d.step(Recalled{Saved{Policy: sitePolicy(t, 3)}}) // once only
	if st := d.core.Status(d.state); st.Policy.N != 2 {
		t.Errorf("policy %v", st.Policy)
	}
}

// What is written meanwhile leaves in the journal what it may know better: how old the policy is, and what time is certainly past.
func TestABlindControllerOverwritesNothingItDoesNotKnow(t *testing.T) {
	d := blind(t, sitePolicy(t, 1))
	d.step(PolicyReady{Policy: sitePolicy(t, 2), Hash: "h2", Made: started})
	d.step(Leased{grant(ver(1, 2), access.Version{}), d.now.Mono})
	d.pass(RetryRecord)
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	if len(d.records) != 2 {
		t.Fatalf("%d records", len(d.records))
	}
	for _, r := range d.records {
		if c := r.Change; !c.Floor.IsZero() || c.Lease != nil || c.Policy != nil || c.Revoked != nil {
			t.Errorf("to be saved %+v", c)
		}
	}
	d.answer(nil)
	d.step(Recalled{Saved{Policy: sitePolicy(t, 1), Hash: "h1", Floor: started.Add(-time.Hour), Lease: &lease.Kept{Age: time.Hour, Wall: started}}})
	c := d.records[len(d.records)-1].Change
	if c.Floor.IsZero() || c.Lease == nil || c.Lease.Age < time.Hour || c.Policy == nil || c.Policy.N != 2 {
		t.Fatalf("to be saved %+v", c)
	}
}
