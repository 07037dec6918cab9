package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/controller/controllertest"
	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/controller/journal"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

var started = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

var quietLog = slog.New(slog.DiscardHandler)

// runEdge runs a controller with no line and no centre until started has seen what it wants.
func runEdge(t *testing.T, cfg Config, until func(*Edge) bool) {
	t.Helper()
	e, err := NewEdge(cfg, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	deadline := time.Now().Add(20 * time.Second)
	for !until(e) {
		if time.Now().After(deadline) {
			t.Errorf("never came: %+v", e.Status())
			break
		}
		<-time.After(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// siteConfig is a configuration whose controller is enrolled.
func siteConfig(t *testing.T) (Config, *controllertest.Centre) {
	t.Helper()
	cfg, err := LoadConfig(writeSite(t, exampleConfig))
	if err != nil {
		t.Fatal(err)
	}
	centre := controllertest.StartCentre(t, cfg.Site)
	centre.Enrol(t, cfg.Controller, cfg.DataDir)
	return cfg, centre
}

// Started and stopped many times, at any moment: nothing leaks, nothing is lost, the numbering goes on.
func TestAControllerStartsAndStopsCleanlyManyTimes(t *testing.T) {
	cfg, _ := siteConfig(t)
	var seq, epoch uint64
	for i := range 15 {
		runEdge(t, cfg, func(e *Edge) bool {
			st := e.Status()
			if i%3 == 0 {
				return true // at once
			}
			if st.LastSeq <= seq {
				return false
			}
			if epoch != 0 && st.Epoch != epoch {
				t.Errorf("run %d opened epoch %d after %d", i, st.Epoch, epoch)
			}
			seq, epoch = st.LastSeq, st.Epoch
			return true
		})
	}
	if seq < 10 {
		t.Fatalf("%d events of ten starts", seq)
	}
}

func TestAStartFindsThePolicyOfTheLastRun(t *testing.T) {
	cfg, centre := siteConfig(t)
	spec := siteSpec(9)
	hash, err := wire.PolicyHash(spec)
	if err != nil {
		t.Fatal(err)
	}
	runEdge(t, cfg, func(e *Edge) bool { return e.Status().LastSeq > 0 && len(e.Status().Trouble) > 0 })
	keepPolicy(t, cfg, centre, spec, time.Now())
	runEdge(t, cfg, func(e *Edge) bool {
		st := e.Status()
		return st.Policy != nil && st.Policy.N == 9 && st.PolicyHash == hash && len(st.Trouble) == 0
	})
}

// R76-2: a card revoked in one run is refused in the next, before the centre has said a word, under the same policy as before.
func TestARevocationOutlivesARestart(t *testing.T) {
	cfg, centre := siteConfig(t)
	keepPolicy(t, cfg, centre, siteSpec(9), time.Now())
	upto := access.Version{Epoch: 1, N: 1}
	set := wire.NewRevokedSet(0, upto, []access.Revocation{{Version: upto, Key: keyAlways, Card: "C-1", State: access.Revoked}})
	var sum string
	runEdge(t, cfg, func(e *Edge) bool {
		e.controller.Revoke(set)
		sum = e.Status().RevokedSum
		return e.journal.State().Revoked == upto
	})
	var start uint64
	runEdge(t, cfg, func(e *Edge) bool {
		st := e.Status()
		if st.Revoked == nil {
			return false
		}
		if *st.Revoked != upto || st.RevokedSum != sum {
			t.Errorf("status %+v", st)
		}
		start = st.Start
		return true
	})
	runEdge(t, cfg, func(e *Edge) bool {
		if s := e.Status().Start; e.journal.State().Open && s <= start {
			t.Errorf("start %d after start %d", s, start)
		}
		return e.journal.State().Open
	})
}

// R103-1: nobody runs without an identity, or with somebody else's, and is told so in one sentence.
func TestAControllerThatIsNotEnrolledSaysSo(t *testing.T) {
	cfg, err := LoadConfig(writeSite(t, exampleConfig))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewEdge(cfg, quietLog); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "kanmon-controller enroll") {
		t.Fatalf("not enrolled: %v", err)
	}
	cfg, centre := siteConfig(t)
	if err := os.Remove(cfg.SealingKeyFile); err != nil {
		t.Fatal(err)
	}
	if _, err := NewEdge(cfg, quietLog); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "sealing key") {
		t.Fatalf("without a sealing key: %v", err)
	}
	other, err := LoadConfig(writeSite(t, exampleConfig))
	if err != nil {
		t.Fatal(err)
	}
	centre.Enrol(t, "ctl-2", other.DataDir)
	if _, err := NewEdge(other, quietLog); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ctl-2") {
		t.Fatalf("another's identity: %v", err)
	}
}

// R84-1: without a disk the controller starts all the same, says so, and lets people out.
func TestAControllerWithoutADiskStillLetsPeopleOut(t *testing.T) {
	cfg, _ := siteConfig(t)
	if err := os.Mkdir(filepath.Join(cfg.DataDir, "journal-1.db"), 0o700); err != nil { // no journal can be opened there
		t.Fatal(err)
	}
	runEdge(t, cfg, func(e *Edge) bool {
		e.controller.Post(inputsOf(inputs.Inactive, inputs.Inactive))
		e.controller.Post(inputsOf(inputs.Inactive, inputs.Active))
		st := e.Status()
		return st.Doors != nil && st.Doors[0].State == "released" && slices.Contains(st.Trouble, "journal")
	})
}

// R76-2, R84-1: the journal cannot be opened at the start. Whom it refuses stands there, so nobody is let in; when it can be opened, a card
// that was revoked in the last run is refused, under the same policy as before, and another one passes.
func TestAJournalThatOpensLateIsRememberedBeforeAnybodyIsLetIn(t *testing.T) {
	cfg, centre := siteConfig(t)
	spec, good := siteSpec(9), access.Key{9}
	spec.Credentials = append(spec.Credentials, access.Credential{Key: good, Card: "C-9", Person: "P-1", State: access.Active})
	keepPolicy(t, cfg, centre, spec, time.Now())
	upto := access.Version{Epoch: 1, N: 1}
	runEdge(t, cfg, func(e *Edge) bool {
		e.controller.Revoke(wire.NewRevokedSet(0, upto, []access.Revocation{{Version: upto, Key: keyAlways, Card: "C-1", State: access.Revoked}}))
		return e.journal.State().Revoked == upto
	})
	files, err := filepath.Glob(filepath.Join(cfg.DataDir, "journal-*.db"))
	if err != nil || len(files) != 1 {
		t.Fatalf("journals %v, %v", files, err)
	}
	away := filepath.Join(t.TempDir(), "away")
	if err := errors.Join(os.Rename(files[0], away), os.Mkdir(files[0], 0o700)); err != nil {
		t.Fatal(err)
	}
	tap := func(e *Edge) {
		e.controller.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		e.controller.Post(core.Presented{Reader: "IN-1", Key: good})
	}
	begun, back, tapped := false, false, false
	var got []string
	runEdge(t, cfg, func(e *Edge) bool {
		st, j := e.Status(), e.journal.State()
		switch {
		case !begun && slices.Contains(st.Trouble, "journal"):
			begun = true
			tap(e)
		case begun && !back:
			if err := errors.Join(os.Remove(files[0]), os.Rename(away, files[0])); err != nil {
				t.Error(err)
			}
			back = true
		case back && !tapped && st.Policy != nil:
			tapped = true
			if st.Revoked == nil || *st.Revoked != upto {
				t.Errorf("it says it has %v", st.Revoked)
			}
			tap(e)
		case tapped:
			got = decisions(t, e, j.Seq)
		}
		return len(got) >= 4
	})
	if want := "[C-: no_policy C-: no_policy C-1: credential_revoked C-9: granted]"; fmt.Sprint(got) != want {
		t.Fatalf("decided %v, want %v", got, want)
	}
}

// R84-1: a journal that can never be opened again does not keep people out for ever. A technician puts it aside under the name of a broken one,
// while the controller runs or not, and the policy on the disk holds again.
func TestAJournalThatIsLostForGoodIsPutAsideByHand(t *testing.T) {
	cfg, centre := siteConfig(t)
	keepPolicy(t, cfg, centre, siteSpec(9), time.Now())
	lost := filepath.Join(cfg.DataDir, "journal-1.db")
	if err := os.Mkdir(lost, 0o700); err != nil {
		t.Fatal(err)
	}
	aside, tapped := false, false
	var got []string
	runEdge(t, cfg, func(e *Edge) bool {
		st := e.Status()
		switch {
		case !aside && slices.Contains(st.Trouble, "journal"):
			aside = true
			if err := os.Rename(lost, lost+".broken"); err != nil {
				t.Error(err)
			}
		case aside && !tapped && st.Policy != nil:
			tapped = true
			e.controller.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		case tapped:
			got = decisions(t, e, e.journal.State().Seq)
		}
		return len(got) > 0
	})
	if want := "[C-1: granted]"; fmt.Sprint(got) != want {
		t.Fatalf("decided %v, want %v", got, want)
	}
}

// R103-1: a floor that was ever too high does not shut a controller out whose certificate is still good.
func TestAFloorThatIsTooHighLeavesTheCertificateGood(t *testing.T) {
	cfg, _ := siteConfig(t)
	j, err := journal.New(journal.Config{Dir: cfg.DataDir, Controller: cfg.Controller, Log: quietLog})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	_, err = j.Append(t.Context(), nil, journal.Change{Floor: time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)})
	cancel()
	if err = errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	runEdge(t, cfg, func(e *Edge) bool {
		if !e.journal.State().Open {
			return false
		}
		if now, until := e.certificateClock(), e.identity.Until(); !now.Before(until) || now.Before(until.Add(-2*certificateRest)) {
			t.Errorf("it takes %v for now, its certificate is good until %v", now, until)
		}
		return true
	})
}

// decisions reads what was decided about cards out of the journal.
func decisions(t *testing.T, e *Edge, upto uint64) (list []string) {
	t.Helper()
	b, err := e.journal.Read(t.Context(), 0, int(upto), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range b.Events {
		ev, err := event.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == event.AccessGranted || ev.Kind == event.AccessDenied {
			list = append(list, cmp.Or(ev.Card, "C-")+": "+string(ev.Reason))
		}
	}
	return list
}

// BenchmarkTapToRecord is the part of a tap that is ours: decision, chain, commit on disk, and the way back to the
// release. It grows with the disk's fsync, measured by journal.BenchmarkAppend.
func BenchmarkTapToRecord(b *testing.B) {
	j, err := journal.New(journal.Config{Dir: b.TempDir(), Controller: "ctl-1", Log: quietLog})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-ended })
	rules := core.NewCore(siteWiring())
	s, effects := rules.Start(core.Saved{Policy: sitePolicy(b, 1), Floor: started}, core.Moment{Wall: started})
	answers := make(chan core.Recorded, 1)
	carryOut := func(effects []core.Effect) (released bool) {
		for _, e := range effects {
			switch e := e.(type) {
			case core.Record:
				j.Submit(e.Events, change(e.Change), func(_ journal.Position, err error) { answers <- core.Recorded{ID: e.ID, Err: err} })
			case core.Strike:
				released = true
			}
		}
		return released
	}
	carryOut(effects)
	s, _ = rules.Step(s, <-answers, core.Moment{Wall: started})
	mono := time.Duration(0)
	for b.Loop() {
		mono += 10 * time.Second // every tap finds the door locked again
		at := core.Moment{Wall: started.Add(mono), Mono: mono}
		s, effects = rules.Step(s, core.Presented{Reader: "IN-1", Key: keyAlways}, at)
		carryOut(effects)
		s, effects = rules.Step(s, <-answers, at)
		if !carryOut(effects) {
			b.Fatal("not released")
		}
	}
}
