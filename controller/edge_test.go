package controller

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kanmon/controller/core"
	"kanmon/controller/journal"
	"kanmon/internal/access"
	"kanmon/internal/wire"
)

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

func siteConfig(t *testing.T) Config {
	t.Helper()
	cfg, err := LoadConfig(writeSite(t, exampleConfig))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Started and stopped many times, at any moment: nothing leaks, nothing is lost, the numbering goes on.
func TestAControllerStartsAndStopsCleanlyManyTimes(t *testing.T) {
	cfg := siteConfig(t)
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
	cfg := siteConfig(t)
	spec := siteSpec(9)
	hash, err := wire.PolicyHash(spec)
	if err != nil {
		t.Fatal(err)
	}
	runEdge(t, cfg, func(e *Edge) bool { return e.Status().LastSeq > 0 && len(e.Status().Trouble) > 0 })
	store, err := os.Create(filepath.Join(cfg.DataDir, "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.PolicyBytes(spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.WriteString(`{"v":1,"hash":"` + hash + `","spec":` + string(b) + `}`); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	runEdge(t, cfg, func(e *Edge) bool {
		st := e.Status()
		return st.Policy != nil && st.Policy.N == 9 && st.PolicyHash == hash && len(st.Trouble) == 0
	})
}

// R84-1: without a disk the controller starts all the same, says so, and lets people out.
func TestAControllerWithoutADiskStillLetsPeopleOut(t *testing.T) {
	cfg := siteConfig(t)
	if err := os.WriteFile(cfg.DataDir, []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	runEdge(t, cfg, func(e *Edge) bool {
		e.controller.Post(inputsOf(core.Inactive, core.Inactive))
		e.controller.Post(inputsOf(core.Inactive, core.Active))
		st := e.Status()
		return st.Doors != nil && st.Doors[0].State == "released" && slices.Contains(st.Trouble, "journal")
	})
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
				j.Submit(e.Events, journal.Change{Policy: e.Policy}, func(_ journal.Position, err error) { answers <- core.Recorded{e.ID, err} })
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
		s, effects = rules.Step(s, core.Presented{"IN-1", keyAlways}, at)
		carryOut(effects)
		s, effects = rules.Step(s, <-answers, at)
		if !carryOut(effects) {
			b.Fatal("not released")
		}
	}
}

// BenchmarkStep is the decision alone, without the disk.
func BenchmarkStep(b *testing.B) {
	rules := core.NewCore(siteWiring())
	s, _ := rules.Start(core.Saved{Policy: sitePolicy(b, 1), Floor: started}, core.Moment{Wall: started})
	s, _ = rules.Step(s, core.Recorded{ID: 1}, core.Moment{Wall: started})
	id := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		id++
		s, _ = rules.Step(s, core.Presented{"IN-1", access.Key{9}}, core.Moment{Wall: started})
		s, _ = rules.Step(s, core.Recorded{ID: id}, core.Moment{Wall: started})
	}
}
