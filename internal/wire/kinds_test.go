package wire_test

import (
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// refused seals each payload with the right key and expects that it is refused for what it says.
func refused[T any](t *testing.T, name string, cases map[string]func(*T)) {
	t.Helper()
	e := examples(t)[name]
	for what, spoil := range cases {
		v := e.body.(T)
		spoil(&v)
		b, err := wire.Seal(e.at, v, e.by)
		if err != nil {
			t.Fatalf("%s with %s: %v", name, what, err)
		}
		if got, err := e.open(b); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s with %s: %+v, %v", name, what, got, err)
		}
	}
}

func TestAnAckNeedsItsEpochs(t *testing.T) {
	refused(t, "ack", map[string]func(*wire.AckUpTo){
		"no epoch of the journal": func(a *wire.AckUpTo) { a.Epoch = 0 },
		"no epoch of the centre":  func(a *wire.AckUpTo) { a.Centre = 0 },
	})
}

func TestAStatusThatCannotBeIsRefused(t *testing.T) {
	refused(t, "status", map[string]func(*wire.ControllerStatus){
		"a short nonce":                 func(s *wire.ControllerStatus) { s.Nonce = "00" },
		"a nonce in capitals":           func(s *wire.ControllerStatus) { s.Nonce = strings.ToUpper(nonce) },
		"a nonce of other signs":        func(s *wire.ControllerStatus) { s.Nonce = strings.Repeat("g", 32) },
		"a journal more than full":      func(s *wire.ControllerStatus) { s.FillPerMil = 1001 },
		"a journal less than empty":     func(s *wire.ControllerStatus) { s.FillPerMil = -1 },
		"a lease from the future":       func(s *wire.ControllerStatus) { s.LeaseAge = -1 },
		"a policy's hash that is none":  func(s *wire.ControllerStatus) { s.PolicyHash = "x" },
		"a set's hash in capitals":      func(s *wire.ControllerStatus) { s.RevokedSum = strings.ToUpper(s.RevokedSum) },
		"a hash with more behind":       func(s *wire.ControllerStatus) { s.PolicyHash += "00" },
		"a hash that is not hex at all": func(s *wire.ControllerStatus) { s.PolicyHash = strings.Repeat("z", 64) },
	})
}

// R75-3: a receipt says what is refused, and since when.
func TestR75_3_AReceiptIsComplete(t *testing.T) {
	refused(t, "receipt", map[string]func(*wire.RevokedReceipt){
		"no version": func(r *wire.RevokedReceipt) { r.Upto = access.Version{} },
		"no hash":    func(r *wire.RevokedReceipt) { r.Hash = "" },
		"half a hash": func(r *wire.RevokedReceipt) {
			r.Hash = r.Hash[:32]
		},
		"no time": func(r *wire.RevokedReceipt) { r.AppliedAt = time.Time{} },
	})
}

func TestALeaseNeedsItsNonceAndEpoch(t *testing.T) {
	refused(t, "lease", map[string]func(*wire.LeaseGrant){
		"no nonce":    func(l *wire.LeaseGrant) { l.Nonce = "" },
		"a bad nonce": func(l *wire.LeaseGrant) { l.Nonce = nonce + "0" },
		"no epoch":    func(l *wire.LeaseGrant) { l.Centre = 0 },
	})
}

// R75-3: a run of the revocation set has nothing that does not belong to it.
func TestR75_3_ARunOfRevocationsIsChecked(t *testing.T) {
	entry := func(spoil func(*access.Revocation)) func(*wire.RevokedSet) {
		return func(s *wire.RevokedSet) {
			r := s.Entries[0]
			spoil(&r)
			s.Entries = []access.Revocation{r}
		}
	}
	refused(t, "revoked", map[string]func(*wire.RevokedSet){
		"no epoch":                   func(s *wire.RevokedSet) { s.Upto.Epoch = 0 },
		"an end before its start":    func(s *wire.RevokedSet) { s.From, s.Entries = 8, []access.Revocation{} },
		"an entry beyond its end":    entry(func(r *access.Revocation) { r.Version.N = 8 }),
		"an entry before its start":  entry(func(r *access.Revocation) { r.Version.N = 6 }),
		"an entry of the next epoch": entry(func(r *access.Revocation) { r.Version.Epoch = 2 }),
		"an entry of no epoch":       entry(func(r *access.Revocation) { r.Version.Epoch = 0 }),
		"an entry without a number":  entry(func(r *access.Revocation) { r.Version.N = 0 }),
		"an entry without a card":    entry(func(r *access.Revocation) { r.Card = "" }),
		"a card as long as a letter": entry(func(r *access.Revocation) { r.Card = strings.Repeat("x", access.MaxID+1) }),
		"a state nobody knows":       entry(func(r *access.Revocation) { r.State = "lost" }),
		"no state":                   entry(func(r *access.Revocation) { r.State = "" }),
		"an earlier epoch in a later run": func(s *wire.RevokedSet) {
			s.Upto.Epoch = 2 // the entry is of epoch 1, From is 6
		},
		"too many": func(s *wire.RevokedSet) {
			s.Entries = make([]access.Revocation, wire.MaxRevoked+1)
			for i := range s.Entries {
				s.Entries[i] = lost(7)
			}
		},
	})
}

// A run from 0 is the whole set and may have entries of earlier epochs; the largest run of usual names fits a payload.
func TestAWholeRevocationSetFits(t *testing.T) {
	all := []access.Revocation{lost(1)}
	for n := range uint64(wire.MaxRevoked - 1) {
		r := lost(n + 1)
		r.Version.Epoch, r.State = 2, access.Suspended
		all = append(all, r)
	}
	at := address(wire.Revoked)
	b, err := wire.Seal(at, wire.NewRevokedSet(0, access.Version{Epoch: 2, N: wire.MaxRevoked - 1}, all), centre)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := wire.OpenRevoked(at, b, centre.keys()); err != nil || len(s.Entries) != wire.MaxRevoked || s.Entries[0] != lost(1) {
		t.Errorf("%d entries, %v", len(s.Entries), err)
	}
	b, err = wire.Seal(at, wire.NewRevokedSet(0, access.Version{Epoch: 3}, nil), centre)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := wire.OpenRevoked(at, b, centre.keys()); err != nil || s.Entries == nil || len(s.Entries) != 0 {
		t.Errorf("an empty set of a new epoch: %+v, %v", s, err)
	}
}

func TestACommandIsComplete(t *testing.T) {
	refused(t, "release", map[string]func(*wire.DoCommand){
		"no id":                    func(c *wire.DoCommand) { c.ID = "" },
		"an endless id":            func(c *wire.DoCommand) { c.ID = strings.Repeat("x", 65) },
		"no operation":             func(c *wire.DoCommand) { c.Op = "" },
		"an operation nobody does": func(c *wire.DoCommand) { c.Op = "release_all" },
		"no nonce":                 func(c *wire.DoCommand) { c.Nonce = "" },
		"half a nonce":             func(c *wire.DoCommand) { c.Nonce = nonce[:16] },
		"no door":                  func(c *wire.DoCommand) { c.Door = "" },
		"an endless door":          func(c *wire.DoCommand) { c.Door = strings.Repeat("x", access.MaxID+1) },
		"nobody who gave it":       func(c *wire.DoCommand) { c.By = "" },
		"an endless name":          func(c *wire.DoCommand) { c.By = strings.Repeat("x", access.MaxID+1) },
		"no reason":                func(c *wire.DoCommand) { c.Reason = "" },
		"an endless reason":        func(c *wire.DoCommand) { c.Reason = strings.Repeat("x", wire.MaxReason+1) },
	})
	refused(t, "challenge", map[string]func(*wire.DoCommand){
		"no id":    func(c *wire.DoCommand) { c.ID = "" },
		"a nonce":  func(c *wire.DoCommand) { c.Nonce = nonce },
		"a door":   func(c *wire.DoCommand) { c.Door = "D-1" },
		"a reason": func(c *wire.DoCommand) { c.Reason = "because" },
	})
}

func TestAnAnswerIsOneOfThree(t *testing.T) {
	refused(t, "answer_nonce", map[string]func(*wire.CommandAnswer){
		"no id":                     func(a *wire.CommandAnswer) { a.ID = "" },
		"an endless id":             func(a *wire.CommandAnswer) { a.ID = strings.Repeat("x", 65) },
		"a bad nonce":               func(a *wire.CommandAnswer) { a.Nonce = "x" },
		"nothing":                   func(a *wire.CommandAnswer) { a.Nonce = "" },
		"a nonce and done":          func(a *wire.CommandAnswer) { a.Done = true },
		"a nonce and refused":       func(a *wire.CommandAnswer) { a.Refused = "nonce" },
		"done and refused":          func(a *wire.CommandAnswer) { a.Nonce, a.Done, a.Refused = "", true, "nonce" },
		"refused at endless length": func(a *wire.CommandAnswer) { a.Nonce, a.Refused = "", strings.Repeat("x", 65) },
	})
	b, err := wire.Seal(address(wire.Answer), wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: "cmd-0001", Refused: "nonce"}, device)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := wire.OpenAnswer(address(wire.Answer), b, device.keys()); err != nil || a.Refused != "nonce" {
		t.Errorf("%+v, %v", a, err)
	}
}
