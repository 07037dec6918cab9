package controller

import (
	"errors"
	"testing"

	"kanmon/controller/core"
	"kanmon/controller/policystore"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// fakeStore compiles and says what it is told to say. The manifest's key stands for its hash.
type fakeStore struct {
	t     testing.TB
	saves int
	err   error
}

func (s *fakeStore) Save(spec access.Spec, manifest wire.Signed) (policystore.Stored, error) {
	s.saves++
	if s.err != nil {
		return policystore.Stored{}, s.err
	}
	p, err := decide.Compile(spec)
	if err != nil {
		s.t.Fatal(err)
	}
	return policystore.Stored{Policy: p, Hash: manifest.Key, Made: started}, nil
}

func (s *fakeStore) Spec(hash string) (access.Spec, error) {
	return access.Spec{}, errors.New("the one with hash " + hash)
}

func TestAPolicyComesIntoForceOnlyFromTheDisk(t *testing.T) {
	s := &fakeStore{t: t}
	posted := newInbox()
	k := NewPolicyKeeper(s, policystore.Stored{Policy: sitePolicy(t, 3), Hash: "h3"}, posted.put, quietLog)
	if k.InForce() != "h3" {
		t.Fatalf("in force %q", k.InForce())
	}
	k.Offer(t.Context(), siteSpec(4), wire.Signed{Key: "h4"})
	in := posted.take()
	if len(in) != 1 || in[0].(core.PolicyReady).Policy.Version().N != 4 || in[0].(core.PolicyReady).Hash != "h4" || k.InForce() != "h4" {
		t.Fatalf("posted %+v after %d saves", in, s.saves)
	}
	if made := in[0].(core.PolicyReady).Made; !made.Equal(started) {
		t.Errorf("signed %v, want %v", made, started)
	}
	if _, err := k.Spec(); err == nil || err.Error() != "the one with hash h4" {
		t.Fatalf("the base of a delta: %v", err)
	}
}

// A policy that found no room on its way to the doors is not called in force, so it is taken when it comes again.
func TestAPolicyThatDidNotReachTheDoorsIsTakenAgain(t *testing.T) {
	room := false
	var posted []core.Input
	k := NewPolicyKeeper(&fakeStore{t: t}, policystore.Stored{Hash: "h3"}, func(in core.Input) bool {
		if room {
			posted = append(posted, in)
		}
		return room
	}, quietLog)
	k.Offer(t.Context(), siteSpec(4), wire.Signed{Key: "h4"})
	if k.InForce() != "h3" {
		t.Fatalf("in force %q", k.InForce())
	}
	room = true
	k.Offer(t.Context(), siteSpec(4), wire.Signed{Key: "h4"})
	if k.InForce() != "h4" || len(posted) != 1 {
		t.Fatalf("in force %q, posted %d", k.InForce(), len(posted))
	}
}

// R76-2: what is refused is an alarm, once; what the disk could not take is not the policy's fault.
func TestARefusedPolicyIsOneAlarm(t *testing.T) {
	s := &fakeStore{t: t, err: fault.New(fault.Conflict, "policy.older", "older")}
	posted := newInbox()
	k := NewPolicyKeeper(s, policystore.Stored{}, posted.put, quietLog)
	for range 3 {
		k.Offer(t.Context(), siteSpec(4), wire.Signed{Key: "h4"})
	}
	k.Refuse("another")
	if in := posted.take(); len(in) != 2 || in[0] != (core.PolicyRejected{Detail: s.err.Error()}) || k.InForce() != "" {
		t.Fatalf("posted %+v", in)
	}
	s.err = fault.New(fault.Unavailable, "", "disk full")
	k.Offer(t.Context(), siteSpec(5), wire.Signed{Key: "h5"})
	if in := posted.take(); len(in) != 0 {
		t.Fatalf("posted %+v", in)
	}
	s.err = nil
	k.Offer(t.Context(), siteSpec(5), wire.Signed{Key: "h5"})
	if in := posted.take(); len(in) != 1 || in[0].(core.PolicyReady).Hash != "h5" {
		t.Fatalf("posted %+v", in)
	}
}
