package controller

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"

	"kanmon/controller/core"
	"kanmon/controller/policystore"
	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// fakeStore counts saves and fails on demand.
type fakeStore struct {
	mu    sync.Mutex
	saves int
	err   error
	hold  chan struct{} // a save waits here, when set
}

func (s *fakeStore) Save(spec access.Spec, hash string) (policystore.Stored, error) {
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves++
	if s.err != nil {
		return policystore.Stored{}, s.err
	}
	p, err := access.Compile(spec)
	return policystore.Stored{Policy: p, Hash: hash}, err
}

func runKeeper(t *testing.T, s *fakeStore) (*PolicyKeeper, *inbox) {
	t.Helper()
	posted := newInbox()
	k := NewPolicyKeeper(s, policystore.Stored{}, posted.put, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return k, posted
}

func TestAPolicyComesIntoForceOnlyFromTheDiskAndOnlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		k, posted := runKeeper(t, s)
		for range 3 {
			k.Offer(siteSpec(4), "h4")
			synctest.Wait()
		}
		in := posted.take()
		if len(in) != 1 || in[0].(core.PolicyReady).Policy.Version().N != 4 || in[0].(core.PolicyReady).Hash != "h4" || s.saves != 1 {
			t.Fatalf("posted %v after %d saves", in, s.saves)
		}
		k.Offer(siteSpec(4), "h4b") // the same version with other bytes: the centre knows what it wants
		synctest.Wait()
		if in := posted.take(); len(in) != 1 || in[0].(core.PolicyReady).Hash != "h4b" {
			t.Fatalf("posted %v", in)
		}
	})
}

func TestOnlyTheNewestOfWaitingPoliciesIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{hold: make(chan struct{})}
		k, posted := runKeeper(t, s)
		for n := range uint64(10) {
			k.Offer(siteSpec(n+1), "h")
			synctest.Wait()
		}
		close(s.hold)
		synctest.Wait()
		in := posted.take()
		if len(in) != 2 || in[1].(core.PolicyReady).Policy.Version().N != 10 {
			t.Fatalf("posted %v", in)
		}
	})
}

// A policy that is refused is one alarm, however often the centre sends it; a full disk is none of the policy's.
func TestARefusedPolicyIsOneAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{err: fault.New(fault.Conflict, "", "older")}
		k, posted := runKeeper(t, s)
		for range 3 {
			k.Offer(siteSpec(4), "h4")
			synctest.Wait()
		}
		k.Refuse("does not fit")
		k.Refuse("does not fit")
		if in := posted.take(); len(in) != 2 {
			t.Fatalf("posted %v", in)
		}
		s.err = fault.New(fault.Unavailable, "", "disk full")
		k.Offer(siteSpec(5), "h5")
		synctest.Wait()
		s.err = nil
		k.Offer(siteSpec(5), "h5")
		synctest.Wait()
		in := posted.take()
		if len(in) != 1 || in[0].(core.PolicyReady).Hash != "h5" {
			t.Fatalf("posted %v", in)
		}
	})
}
