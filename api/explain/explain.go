// Package explain says why a door decided as it did, and how it would decide: it puts together what the registers said then, or say now, of one reader
// and one person, and has the same decision made from it (package decide).
//
// The centre keeps no old policies. It keeps how many leaves its ledger had when each version of a policy was compiled, and its registers keep
// every version with its leaf: what stands before that leaf is what the policy was made of.
package explain

import (
	"context"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/again"
	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
)

// Explainer reads the registers. It writes nothing.
type Explainer struct {
	store *store.Store
	forms access.Forms
}

// New makes an explainer; forms are those in which doors may know a card.
func New(s *store.Store, forms access.Forms) *Explainer { return &Explainer{store: s, forms: forms} }

// State is how far an entry could be explained.
type State string

// States.
const (
	Agrees     State = "agrees"      // made again, and the same came out
	Differs    State = "differs"     // made again, and something else came out
	NoDecision State = "no_decision" // the entry is none: nothing was decided
	NotKept    State = "not_kept"    // what the policy was made of is not known: it is of before that was kept
)

// Past is an entry of the log explained.
type Past struct {
	Entry  entrylog.Entry
	Facts  access.Facts    // that the door went by
	Policy *access.Version // nil: the door had none
	State  State
	Made   decide.Decision // of Agrees and Differs: what came out
	Checks []Check         // of Agrees and Differs
}

// Past makes the decision of an entry again from what the door's policy was made of and the facts that the entry keeps. Needs authz.EntryRead. An
// entry that is not there is fault.NotFound.
func (x *Explainer) Past(ctx context.Context, actor store.Actor, id int64) (Past, error) {
	var p Past
	err := x.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.EntryRead); err != nil {
			return err
		}
		var err error
		p, err = x.past(ctx, q, id)
		return err
	})
	if err != nil {
		return Past{}, fmt.Errorf("explain entry %d: %w", id, err)
	}
	return p, nil
}

func (x *Explainer) past(ctx context.Context, q store.Queryer, id int64) (Past, error) {
	found, err := entrylog.Of(ctx, q, []int64{id})
	if err != nil {
		return Past{}, err
	}
	if len(found) == 0 {
		return Past{}, fault.New(fault.NotFound, "entry.unknown", fmt.Sprintf("no entry %d", id))
	}
	p := Past{Entry: found[0], State: NoDecision}
	if p.Entry.Kind == entrylog.Quarantined {
		return p, nil
	}
	var body []byte
	if err := q.Get(ctx, &body, `SELECT body FROM v_explain_event WHERE leaf = ?`, id); err != nil {
		return Past{}, err
	}
	e, err := event.Decode(body)
	if err != nil {
		return Past{}, fault.Wrap(fault.Internal, err, "read the entry")
	}
	if e.Facts != nil {
		p.Facts = *e.Facts
	}
	p.Policy = e.Policy
	if !again.Decides(e) {
		return p, nil
	}
	return p, x.decide(ctx, q, &p, e)
}

// decide makes the decision again.
func (x *Explainer) decide(ctx context.Context, q store.Queryer, p *Past, e event.Event) error {
	var policy *decide.Policy
	s := &scene{}
	if e.Policy != nil {
		before, kept, err := madeFrom(ctx, q, p.Entry.Controller, *e.Policy)
		if err != nil {
			return err
		}
		if !kept {
			p.State = NotKept
			return nil
		}
		r := &reading{q: q, before: before, forms: x.forms}
		s, err = r.scene(ctx, asked{controller: p.Entry.Controller, reader: e.Reader, card: e.Card, person: e.Person, fingerprint: e.Credential})
		if err != nil {
			return err
		}
		if err := r.heard(ctx, s, p.Entry.Controller, e); err != nil {
			return err
		}
		s.spec.Version = *e.Policy
		if policy, err = decide.Compile(s.spec); err != nil {
			return fault.Wrap(fault.Internal, err, "what the registers said then")
		}
	}
	made, _ := again.Decision(policy, e) // it is one
	p.Made, p.State = made.Decision, Differs
	if made.Agrees {
		p.State = Agrees
	}
	p.Checks = s.checks(made.Decision)
	return nil
}

// madeFrom is how many leaves the ledger had when a policy was compiled; false when that was not kept.
func madeFrom(ctx context.Context, q store.Queryer, controller string, v access.Version) (size int64, kept bool, err error) {
	err = q.Get(ctx, &size, `SELECT size FROM v_explain_made WHERE controller = ? AND epoch = ? AND n = ?`, controller, int64(v.Epoch), int64(v.N)) // as stored
	if fault.KindOf(err) == fault.NotFound {
		return 0, false, nil
	}
	return size, err == nil, err
}
