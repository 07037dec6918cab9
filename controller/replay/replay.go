// Package replay makes the decisions of a controller's journal again, from the policies that were in force and the facts that the events keep, and
// compares. It changes nothing, and may run beside the controller.
package replay

import (
	"context"
	"log/slog"

	"kanmon/controller/journal"
	"kanmon/controller/policystore"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/again"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// Replayed is a decision of the journal made again.
type Replayed struct {
	Event event.Event
	again.Made
	NoPolicy bool // the policy of that time is no longer on the disk, or was signed with a key that has left: nothing can be said
}

// Config of a run. All fields but First and Last are required.
type Config struct {
	Dir, Site, Controller string
	Keys                  wire.Keys // the command keys that signed the policies
	First, Last           uint64    // numbers of events; a Last of 0 is the newest
	Log                   *slog.Logger
}

// Run makes the decisions again, oldest first. A folder without a journal is fault.NotFound.
func Run(ctx context.Context, cfg Config, each func(Replayed)) error {
	r := run{
		store: policystore.New(policystore.Config{Dir: cfg.Dir, Site: cfg.Site, Controller: cfg.Controller, Keys: cfg.Keys}),
		first: cfg.First, last: cfg.Last, each: each,
	}
	journalConfig := journal.Config{Dir: cfg.Dir, Controller: cfg.Controller, Log: cfg.Log}
	// What is kept, and which no event of the journal brought, was in force before all of them.
	heard := map[access.Version]bool{}
	kept, err := journal.Look(ctx, journalConfig, func(e event.Event) error {
		if e.Kind == event.RevocationApplied && e.Policy != nil {
			heard[*e.Policy] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, entry := range kept {
		if !heard[entry.Version] {
			r.revoked = append(r.revoked, entry)
		}
	}
	_, err = journal.Look(ctx, journalConfig, r.event)
	return err
}

// run walks the journal with the policy in force beside it.
type run struct {
	store       *policystore.Store
	first, last uint64
	each        func(Replayed)

	revoked []access.Revocation // in force so far
	version access.Version      // of the policy
	policy  *decide.Policy      // nil: not on the disk
}

func (r *run) event(e event.Event) error {
	if e.Kind == event.RevocationApplied {
		r.revocation(e)
		return nil
	}
	if e.Seq < r.first || r.last != 0 && e.Seq > r.last || !again.Decides(e) {
		return nil
	}
	if e.Policy != nil && *e.Policy != r.version {
		if err := r.load(*e.Policy); err != nil {
			return err
		}
	}
	out := Replayed{Event: e}
	p := r.policy
	if e.Policy == nil {
		p = nil
	}
	if out.NoPolicy = e.Policy != nil && p == nil; !out.NoPolicy {
		out.Made, _ = again.Decision(p, e)
	}
	r.each(out)
	return nil
}

func (r *run) revocation(e event.Event) {
	if e.Entry == nil {
		return
	}
	r.revoked = append(r.revoked, *e.Entry)
	r.policy = r.policy.Revoke(*e.Entry)
}

func (r *run) load(v access.Version) error {
	r.version, r.policy = v, nil
	spec, err := r.store.Past(v)
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Denied) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := decide.Compile(spec)
	if err != nil {
		return err
	}
	r.policy = p.Revoke(r.revoked...)
	return nil
}
