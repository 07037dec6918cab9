package cards

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/revocation"
)

type stopIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Reason string     `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
		LostAt *time.Time `json:"lost_at,omitempty" doc:"For a loss: when it was last known to be with its holder"`
	}
}

type liftIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
	}
}

type turnedOut struct {
	Body struct {
		Card       Card           `json:"card"`
		Revocation access.Version `json:"revocation" doc:"The entry that goes to the doors; its receipt is at /revocations/{epoch}/{n}"`
	}
}

func newTurnedOut(c card.Card, v access.Version) *turnedOut {
	out := &turnedOut{}
	out.Body.Card, out.Body.Revocation = newCard(c), v
	return out
}

// turn is for the two actions that stop a card.
func (cfg Config) turn(stop func(r *card.Register, ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time) (card.Card, access.Version, error),
) func(context.Context, auth.Principal, *stopIn) (*turnedOut, error) {
	return func(ctx context.Context, who auth.Principal, in *stopIn) (*turnedOut, error) {
		var lost time.Time
		if in.Body.LostAt != nil {
			lost = in.Body.LostAt.UTC()
		}
		c, v, err := stop(cfg.Cards, ctx, who.Actor(), in.ID, in.Body.Reason, lost)
		return newTurnedOut(c, v), err
	}
}

func (cfg Config) lift(ctx context.Context, who auth.Principal, in *liftIn) (*turnedOut, error) {
	c, v, err := cfg.Cards.Lift(ctx, who.Actor(), in.ID, in.Body.Reason)
	return newTurnedOut(c, v), err
}

type revocationsOut struct {
	Body struct {
		Items []Revocation `json:"items" nullable:"false" doc:"Newest first"`
	}
}

type revocationFilter struct {
	Card        string `query:"card" maxLength:"64"`
	BeforeEpoch uint64 `query:"before_epoch" maximum:"4611686018427387904" doc:"With before_n: only older than this version"`
	BeforeN     uint64 `query:"before_n" maximum:"4611686018427387904"`
	Limit       int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

type revocationID struct {
	Epoch uint64 `path:"epoch" maximum:"4611686018427387904"`
	N     uint64 `path:"n" maximum:"4611686018427387904"`
}

type receiptOut struct {
	Body struct {
		Revocation
		Controllers []Confirmation `json:"controllers" nullable:"false"`
		Uses        []view.Event   `json:"uses" nullable:"false" doc:"With the card since the loss (without one: since the action), newest first, at most 200"`
	}
}

func (cfg Config) revocations(ctx context.Context, who auth.Principal, in *revocationFilter) (*revocationsOut, error) {
	if in.BeforeN > 0 && in.BeforeEpoch == 0 {
		return nil, fault.BadField("before_epoch", "request.form", "before_n without before_epoch")
	}
	all, err := cfg.Revocations.List(ctx, who.Actor(), revocation.Filter{
		Card: in.Card, Before: access.Version{Epoch: in.BeforeEpoch, N: in.BeforeN}, Limit: in.Limit,
	})
	out := &revocationsOut{}
	out.Body.Items = view.List(all, newRevocation)
	return out, err
}

func (cfg Config) receipt(ctx context.Context, who auth.Principal, in *revocationID) (*receiptOut, error) {
	r, err := cfg.Revocations.Receipt(ctx, who.Actor(), access.Version{Epoch: in.Epoch, N: in.N})
	out := &receiptOut{}
	out.Body.Revocation = newRevocation(r.Item)
	out.Body.Controllers = view.List(r.Doors, func(l revocation.ControllerLine) Confirmation { return newConfirmation(r.At, l) })
	out.Body.Uses = view.List(r.Uses, view.NewEvent)
	return out, err
}
