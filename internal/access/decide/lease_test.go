package decide_test

import (
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// The lease is over when the age has reached it, for each class by itself; 0 stands for 72, 12 and 12 hours.
func TestALeaseEndsForEachClassByItself(t *testing.T) {
	const staff, contractor, visitor = access.Staff, access.Contractor, access.Visitor
	for _, test := range []struct {
		name  string
		lease access.Lease
		age   time.Duration
		want  []access.Class
	}{
		{"just confirmed", access.Lease{}, 0, nil},
		{"from the future", access.Lease{}, -time.Hour, nil},
		{"a moment before the guests'", access.Lease{}, 12*time.Hour - 1, nil},
		{"the guests'", access.Lease{}, 12 * time.Hour, []access.Class{contractor, visitor}},
		{"a moment before the staff's", access.Lease{}, 72*time.Hour - 1, []access.Class{contractor, visitor}},
		{"everybody's", access.Lease{}, 72 * time.Hour, []access.Class{staff, contractor, visitor}},
		{"for ever", access.Lease{}, 1<<63 - 1, []access.Class{staff, contractor, visitor}},
		{"an hour for visitors", access.Lease{Visitor: 3600}, time.Hour, []access.Class{visitor}},
		{"an hour for staff", access.Lease{Staff: 3600}, 2 * time.Hour, []access.Class{staff}},
		{"a month for contractors", access.Lease{Contractor: 30 * 86400}, 30*24*time.Hour - 1, []access.Class{staff, visitor}},
		{"the month is over", access.Lease{Contractor: 30 * 86400}, 30 * 24 * time.Hour, []access.Class{staff, contractor, visitor}},
	} {
		got := test.lease.Lapsed(test.age)
		for _, c := range access.AllClasses() {
			if got.Contains(c) != slices.Contains(test.want, c) {
				t.Errorf("%s: %s lapsed %t", test.name, c, got.Contains(c))
			}
		}
	}
}

func TestAClassNobodyKnowsHasNoLease(t *testing.T) {
	if (access.Lease{}).For("king") != 0 || (access.Lease{Staff: 3600}).For("") != time.Hour {
		t.Error("another lease")
	}
	all := access.Classes(0).With(access.Staff).With(access.Contractor).With(access.Visitor)
	if all.Contains("king") || access.Classes(0).With("king") != 0 || !access.Classes(0).With("").Contains(access.Staff) {
		t.Error("a class nobody knows is in a set, or the empty one is not staff")
	}
	s := smallCity()
	s.People[0].Class = "king"
	if _, err := decide.Compile(s); err == nil {
		t.Error("a policy with a class nobody knows was accepted")
	}
}

func TestALeaseHasBounds(t *testing.T) {
	for seconds, good := range map[int64]bool{0: true, 3599: false, 3600: true, 30 * 86400: true, 30*86400 + 1: false, -1: false, -1 << 63: false, 1<<63 - 1: false} {
		for i, l := range []access.Lease{{Staff: seconds}, {Contractor: seconds}, {Visitor: seconds}} {
			s := smallCity()
			s.Lease = l
			p, err := decide.Compile(s)
			if (l.Validate() == nil) != good || (err == nil) != good {
				t.Errorf("%d s for class %d: %v, %v", seconds, i, l.Validate(), err)
			}
			if good && p.Lease() != l {
				t.Errorf("lease %+v came back as %+v", l, p.Lease())
			}
		}
	}
}

// The class of the card's holder counts, after the card's own standing and before everything bounded by time.
func TestALapsedLeaseRefusesItsClassOnly(t *testing.T) {
	s := smallCity()
	s.People[2].Class = access.Visitor // the guest
	p := compile(t, s)
	visitors, staff := access.Classes(0).With(access.Visitor), access.Classes(0).With(access.Staff)
	for _, test := range []struct {
		name   string
		key    access.Key
		lapsed access.Classes
		now    time.Time
		want   access.Reason
	}{
		{"a visitor", guestKey, visitors, jst(2, 10, 0), access.LeaseOver},
		{"a visitor while the staff's is over", guestKey, staff, jst(2, 10, 0), access.EscortRequired},
		{"staff while the visitors' is over", satoKey, visitors, noon, access.Granted},
		{"staff", satoKey, staff, noon, access.LeaseOver},
		{"a revoked card", access.Key{4}, staff, noon, access.CredentialRevoked},
		{"a suspended card", access.Key{5}, staff, noon, access.CredentialSuspend},
		{"without a clock", satoKey, staff, time.Time{}, access.LeaseOver},
		{"before its time", guestKey, visitors, jst(1, 0, 0).Add(-time.Second), access.LeaseOver},
		{"an unknown card", access.Key{99}, staff, noon, access.UnknownCredential},
	} {
		d := decide.Decide(p, decide.Request{Reader: "IN-2", Key: test.key, Lapsed: test.lapsed}, test.now)
		if d.Reason != test.want || d.Allow != (test.want == access.Granted) {
			t.Errorf("%s: %+v, want %s", test.name, d, test.want)
		}
	}
	if d := decide.Decide(p, decide.Request{Reader: "OUT-1", Key: satoKey, Lapsed: staff}, noon); !d.Allow || d.Reason != access.LeaseOver {
		t.Errorf("out: %+v", d)
	}
}
