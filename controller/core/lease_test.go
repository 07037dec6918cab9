package core

import (
	"slices"
	"testing"
	"time"

	"kanmon/controller/lease"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/wire"
	"kanmon/reader"
)

var keyContractor = access.Key{4}

// contractorPolicy has a visitor beside the others, who may enter always.
func contractorPolicy(t testing.TB, n uint64) *decide.Policy {
	t.Helper()
	s := siteSpec(n)
	s.People = append(s.People, access.Person{ID: "P-3", Class: access.Contractor})
	s.Credentials = append(s.Credentials, access.Credential{Key: keyContractor, Card: "C-3", Person: "P-3", State: access.Active})
	s.Rights = append(s.Rights, access.Right{Person: "P-3", Area: "A-1"})
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func grant(policy, revoked access.Version) wire.LeaseGrant {
	return wire.LeaseGrant{V: wire.V, Type: wire.Lease, Centre: 1, Policy: policy, Revoked: revoked}
}

// away lets time pass with no word from the centre.
func (d *desk) away(t time.Duration) {
	d.pass(t)
	d.answer(nil)
}

// R76-2: a contractor is refused twelve hours after the centre's last word, staff after three days; the alarm comes before, and going out is
// never refused.
func TestADoorBelievesItsPolicyOnlyForTheLease(t *testing.T) {
	d := newDesk(t, contractorPolicy(t, 1))
	d.away(11 * time.Hour)
	if got := d.outcome(keyContractor); got != access.Granted {
		t.Fatal(got)
	}
	d.away(time.Hour)
	if got := d.outcome(keyContractor); got != access.LeaseOver {
		t.Fatal(got)
	}
	if got := d.outcome(keyAlways); got != access.Granted {
		t.Fatal(got)
	}
	d.away(60 * time.Hour)
	if got := d.outcome(keyAlways); got != access.LeaseOver {
		t.Fatal(got)
	}
	d.did()
	d.step(Presented{Reader: "OUT-1", Key: keyContractor})
	if got := d.did(); !slices.Contains(got, Effect(Strike{Door: "D-1", For: 5 * time.Second})) || !slices.Contains(got, Effect(Show{"OUT-1", reader.ShowGranted})) {
		t.Fatalf("the way out: %v", got)
	}
	d.answer(nil)
	if !slices.Contains(d.core.Status(d.state).Trouble, "lease") {
		t.Fatalf("trouble %v", d.core.Status(d.state).Trouble)
	}
	d.step(Leased{grant(ver(1, 1), access.Version{}), d.now.Mono})
	d.answer(nil)
	if got := d.outcome(keyContractor); got != access.Granted {
		t.Fatal(got)
	}
	var alarms []event.Kind
	for _, k := range d.kinds() {
		if k == event.LeaseWarning || k == event.LeaseLapsed || k == event.LeaseRenewed {
			alarms = append(alarms, k)
		}
	}
	want := []event.Kind{
		event.LeaseWarning, event.LeaseWarning, event.LeaseLapsed, event.LeaseLapsed, event.LeaseLapsed, event.LeaseRenewed,
	}
	if !slices.Equal(alarms, want) || slices.Contains(d.core.Status(d.state).Trouble, "lease") {
		t.Fatalf("alarms %v, want %v", alarms, want)
	}
}

// A lease counts only for a controller that has the policy and the revocations it speaks of: a broker that lets leases through and
// withholds revocations gains nothing.
func TestALeaseCountsOnlyForWhoHasEverything(t *testing.T) {
	for name, c := range map[string]struct {
		grant  wire.LeaseGrant
		made   time.Duration // before now
		counts bool
	}{
		"all here":                  {grant(ver(1, 5), ver(1, 2)), 0, true},
		"nothing was ever revoked":  {grant(ver(1, 5), access.Version{}), 0, true},
		"for an older policy":       {grant(ver(1, 4), ver(1, 1)), 0, true},
		"for a newer policy":        {grant(ver(1, 6), ver(1, 2)), 0, false},
		"with a revocation missing": {grant(ver(1, 5), ver(1, 3)), 0, false},
		"from a later epoch":        {grant(ver(2, 1), ver(1, 2)), 0, false},
		"asked for an hour ago":     {grant(ver(1, 5), ver(1, 2)), time.Hour, true},
		"asked for before the last": {grant(ver(1, 5), ver(1, 2)), 12 * time.Hour, false},
		"asked for in the future":   {grant(ver(1, 5), ver(1, 2)), -time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, sitePolicy(t, 5))
			d.step(run(0, ver(1, 2), withdraw(1, 1, keyMonday, "C-2", access.Revoked)))
			d.away(11 * time.Hour)
			d.step(Leased{c.grant, d.now.Mono - c.made})
			want := 11 * time.Hour
			if c.counts {
				want = c.made
			}
			if got := d.state.LeaseAge(); got != want {
				t.Fatalf("age %v, want %v", got, want)
			}
		})
	}
	old := newDesk(t, sitePolicy(t, 5))
	old.step(CentreSeen{2})
	old.away(time.Hour)
	old.step(Leased{grant(ver(1, 5), access.Version{}), old.now.Mono})
	if got := old.state.LeaseAge(); got != time.Hour {
		t.Fatalf("the lease of an earlier centre counts: age %v", got)
	}
}

// The age goes to the disk with every record, and once a minute without one: not at every status.
func TestTheAgeIsKeptOnceAMinute(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	written := 0
	for range 60 {
		d.pass(10 * time.Second)
		d.step(Leased{grant(ver(1, 1), access.Version{}), d.now.Mono - time.Second})
		for _, r := range d.records {
			written++
			if l := r.Change.Lease; l == nil || l.Age > 11*time.Second || !l.Wall.Equal(d.now.Wall) || len(r.Events) != 0 {
				t.Fatalf("record %+v", r)
			}
		}
		d.answer(nil)
	}
	if written != 10 {
		t.Fatalf("%d records in ten minutes", written)
	}
}

func TestTheAgeGoesOnAfterARestart(t *testing.T) {
	kept := &lease.Kept{Age: 10 * time.Hour, Wall: started.Add(-3 * time.Hour)}
	for name, c := range map[string]struct {
		wall time.Time
		want time.Duration
	}{
		"the time without power counts": {started, 13 * time.Hour},
		"in 1970, a minute at least":    {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), 10*time.Hour + lease.SaveEvery},
	} {
		core := NewCore(siteWiring())
		s, _ := core.Start(Saved{Policy: sitePolicy(t, 1), Floor: started.Add(-4 * time.Hour), Lease: kept}, Moment{Wall: c.wall})
		if s.LeaseAge() != c.want {
			t.Errorf("%s: age %v, want %v", name, s.LeaseAge(), c.want)
		}
	}
	core := NewCore(siteWiring())
	s, _ := core.Start(Saved{Policy: sitePolicy(t, 1), Made: started.Add(-5 * time.Hour), Floor: started.Add(-6 * time.Hour)}, Moment{Wall: started})
	if s.LeaseAge() != 5*time.Hour {
		t.Errorf("never confirmed: age %v", s.LeaseAge())
	}
}

// R76-2: a controller that has never had a policy does not take an old one, which the centre did sign once, for a new one.
func TestAnOldPolicyIsOldForANewController(t *testing.T) {
	for age, want := range map[time.Duration]access.Reason{71 * time.Hour: access.Granted, 72 * time.Hour: access.LeaseOver} {
		d := newDesk(t, nil)
		d.step(PolicyReady{Policy: sitePolicy(t, 1), Hash: "h1", Made: started.Add(-age)})
		if got := d.outcome(keyAlways); got != want {
			t.Errorf("signed %v ago: %s, want %s", age, got, want)
		}
	}
}
