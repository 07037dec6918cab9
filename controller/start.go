package controller

import (
	"context"
	"path/filepath"
	"runtime/debug"
	"time"

	"kanmon/controller/clock"
	"kanmon/controller/core"
	"kanmon/controller/journal"
	"kanmon/controller/lease"
	"kanmon/controller/policystore"
	"kanmon/controller/revoked"
	"kanmon/controller/timeservice"
	"kanmon/controller/uplink"
	"kanmon/internal/fault"
)

// runOnJournal reads what the last run left, and runs everything that stands on the journal.
func (e *Edge) runOnJournal(ctx context.Context) error {
	state, err := e.journal.Opened(ctx)
	if err != nil {
		return err
	}
	store, stored := e.policies(ctx, state)
	saved := e.saved(ctx, state, stored)
	e.uplink = uplink.New(uplink.Config{
		Site: e.cfg.Site, Controller: e.cfg.Controller, Journal: e.journal, Client: e.client, Signer: e.identity.Identity().Key,
		Centre: e.identity.CommandKey, CentreEpoch: saved.Centre, Status: e.Status, Changed: e.controller.Changed(),
		Mono: func() time.Duration { return e.now().Mono }, Doors: e.controller, Log: e.log,
		Policies: NewPolicyKeeper(store, stored, e.controller.Post, e.log),
	})
	parts := []part{{"certificate", e.identity.Run}, {"mqtt", e.client.Run}, {"uplink", e.uplink.Run}}
	parts = append(parts, part{"keys", e.settleKeys}, part{"clock", e.watchClock})
	parts = append(parts, e.field.parts()...)
	for _, b := range e.buses {
		parts = append(parts, part{"line", b.Run})
	}
	parts = append(parts, part{"readers", e.readers.Run})
	if saved.Unread {
		parts = append(parts, part{"recall", e.recall})
	}
	parts = append(parts, part{"controller", func(ctx context.Context) error { return e.controller.Run(ctx, saved) }})
	return nest(ctx, parts...)
}

// recallEvery is how often a journal that could not be opened at the start is looked at.
const recallEvery = 200 * time.Millisecond

// recall waits until the journal can be read and hands on what the last run left there: whom it refuses, and how old the policy is.
func (e *Edge) recall(ctx context.Context) error {
	if ctx.Err() == nil {
		e.log.ErrorContext(ctx, "the journal cannot be read: nobody is let in before it can", "error", e.journal.State().Trouble)
	}
	tick := time.NewTicker(recallEvery)
	defer tick.Stop()
	for done := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if state := e.journal.State(); !done && state.Open {
			_, stored := e.policies(ctx, state)
			saved := e.saved(ctx, state, stored)
			done = !saved.Unread && e.controller.Post(core.Recalled{Saved: saved})
		}
	}
}

// policies opens the policy store and loads the newest policy that holds.
func (e *Edge) policies(ctx context.Context, state journal.State) (*policystore.Store, policystore.Stored) {
	store := policystore.New(policystore.Config{
		Dir: e.cfg.DataDir, Site: e.cfg.Site, Controller: e.cfg.Controller, Keys: e.identity.CommandKey, Last: state.Policy, Log: e.log,
	})
	defer debug.FreeOSMemory() // reading and compiling a large policy takes several times what it leaves
	return store, e.loadPolicy(ctx, store)
}

// saved is what the last run left for the core.
func (e *Edge) saved(ctx context.Context, state journal.State, stored policystore.Stored) core.Saved {
	saved := core.Saved{
		Policy: stored.Policy, Hash: stored.Hash, Floor: clock.Later(buildTime(), state.Floor), Made: stored.Made, Lease: (*lease.Kept)(state.Lease),
		Clock:   timeservice.Kept(state.Clock),
		Centre:  max(state.Centre, stored.Policy.Version().Epoch),
		Revoked: revoked.Kept{Upto: state.Revoked, At: state.RevokedAt},
	}
	entries, err := e.journal.Revocations(ctx)
	if err != nil {
		if ctx.Err() == nil {
			e.log.ErrorContext(ctx, "revocations cannot be read", "error", err)
		}
		saved.Unread = true
	}
	saved.Revoked.Entries = entries
	if saved.Site, err = e.journal.Site(ctx); err != nil && ctx.Err() == nil {
		e.log.ErrorContext(ctx, "where people are cannot be read", "error", err)
	}
	return saved
}

func (e *Edge) loadPolicy(ctx context.Context, store *policystore.Store) policystore.Stored {
	stored, err := store.Load()
	switch {
	case err == nil:
	case stored.Policy == nil && fault.KindOf(err) == fault.NotFound:
		e.log.InfoContext(ctx, "no policy yet", "folder", filepath.Clean(e.cfg.DataDir))
	default:
		e.log.WarnContext(ctx, "policy on disk is not what it was", "error", err)
		e.controller.Post(core.PolicyRejected{Detail: err.Error()})
	}
	return stored
}
