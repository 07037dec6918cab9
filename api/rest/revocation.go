package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
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
		Card       cardView       `json:"card"`
		Revocation access.Version `json:"revocation" doc:"The entry that goes to the doors; its receipt is at /revocations/{epoch}/{n}"`
	}
}

func newTurnedOut(c card.Card, v access.Version) *turnedOut {
	out := &turnedOut{}
	out.Body.Card, out.Body.Revocation = newCardView(c), v
	return out
}

// turn is for the two actions that stop a card.
func (a *API) turn(stop func(r *card.Register, ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time) (card.Card, access.Version, error),
) func(context.Context, auth.Principal, *stopIn) (*turnedOut, error) {
	return func(ctx context.Context, who auth.Principal, in *stopIn) (*turnedOut, error) {
		var lost time.Time
		if in.Body.LostAt != nil {
			lost = in.Body.LostAt.UTC()
		}
		c, v, err := stop(a.cfg.Cards, ctx, who.Actor(), in.ID, in.Body.Reason, lost)
		return newTurnedOut(c, v), err
	}
}

func (a *API) lift(ctx context.Context, who auth.Principal, in *liftIn) (*turnedOut, error) {
	c, v, err := a.cfg.Cards.Lift(ctx, who.Actor(), in.ID, in.Body.Reason)
	return newTurnedOut(c, v), err
}

// RevocationView is one entry of the revocation set in an answer.
type RevocationView struct {
	Version    access.Version `json:"version"`
	Card       string         `json:"card"`
	Label      string         `json:"label"`
	Person     string         `json:"person"`
	PersonName string         `json:"person_name"`
	State      string         `json:"state" enum:"revoked,suspended,active" doc:"active: a suspension was lifted"`
	At         time.Time      `json:"at"`
	Actor      string         `json:"actor" doc:"Kind and id, such as account:yamada"`
	Reason     string         `json:"reason"`
	LostAt     *time.Time     `json:"lost_at,omitempty" doc:"Left out: no loss was reported"`
	Confirmed  int            `json:"confirmed" doc:"Controllers that confirmed it, of targets"`
	Targets    int            `json:"targets" doc:"Controllers that could know the card when the entry was made"`
}

func newRevocationView(i revocation.Item) RevocationView {
	return RevocationView{
		Version: i.Version, Card: i.Card, Label: i.Label, Person: i.Person, PersonName: i.PersonName, State: string(i.State),
		At: i.At.UTC(), Actor: i.Actor, Reason: i.Reason, LostAt: moment(i.LostAt), Confirmed: i.Confirmed, Targets: i.Targets,
	}
}

type revocationsOut struct {
	Body struct {
		Items []RevocationView `json:"items" nullable:"false" doc:"Newest first"`
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

// confirmationView is one controller of a receipt.
type confirmationView struct {
	Controller  string     `json:"controller"`
	Place       string     `json:"place"`
	Doors       []string   `json:"doors" nullable:"false" doc:"Names"`
	Online      bool       `json:"online"`
	Confirmed   bool       `json:"confirmed" doc:"It refuses the card, now and after a restart, and signed that it does"`
	PublishedAt *time.Time `json:"published_at,omitempty" doc:"When the centre last sent it the entry"`
	AppliedAt   *time.Time `json:"applied_at,omitempty" doc:"By the controller's clock"`
	ReceivedAt  *time.Time `json:"received_at,omitempty" doc:"When its signed word came"`
	PublishedMS *float64   `json:"published_ms,omitempty" doc:"Since the action"`
	AppliedMS   *float64   `json:"applied_ms,omitempty" doc:"Since the action; negative where its clock is behind"`
	ReceivedMS  *float64   `json:"received_ms,omitempty" doc:"Since the action"`
	Key         string     `json:"key,omitempty" doc:"Id of the key that signed"`
	Payload     []byte     `json:"payload,omitempty" doc:"The signed message as it came"`
	LeaseEnds   *time.Time `json:"lease_ends,omitempty" doc:"Not confirmed: then it refuses the holder by itself, unless it hears from the centre before"`
}

func newConfirmationView(at time.Time, l revocation.ControllerLine) confirmationView {
	v := confirmationView{
		Controller: l.Controller, Place: l.Place, Doors: append([]string{}, l.Doors...), Online: l.Online, Confirmed: l.Confirmed,
		PublishedAt: moment(l.PublishedAt), AppliedAt: moment(l.AppliedAt), ReceivedAt: moment(l.ReceivedAt),
		PublishedMS: since(at, l.PublishedAt), AppliedMS: since(at, l.AppliedAt), ReceivedMS: since(at, l.ReceivedAt),
		Key: l.Signature, Payload: l.Payload,
	}
	if !l.Confirmed {
		v.LeaseEnds = moment(l.LeaseEnds)
	}
	return v
}

// since is in milliseconds; nothing for a time that is not there.
func since(at, t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	ms := float64(t.Sub(at).Microseconds()) / 1000
	return &ms
}

type receiptOut struct {
	Body struct {
		RevocationView
		Controllers []confirmationView `json:"controllers" nullable:"false"`
		Uses        []eventView        `json:"uses" nullable:"false" doc:"With the card since the loss (without one: since the action), newest first, at most 200"`
	}
}

func revocationRoutes(a *API) {
	add(a, route{http.MethodGet, "/revocations", "listRevocations", "cards", "Cards that were stopped, and how many controllers confirmed it", 0}, a.revocations)
	add(a, route{http.MethodGet, "/revocations/{epoch}/{n}", "getReceipt", "cards", "The receipt: which door refuses the card since when", 0}, a.receipt)
}

func (a *API) revocations(ctx context.Context, who auth.Principal, in *revocationFilter) (*revocationsOut, error) {
	if in.BeforeN > 0 && in.BeforeEpoch == 0 {
		return nil, fault.BadField("before_epoch", "request.form", "before_n without before_epoch")
	}
	all, err := a.cfg.Revocations.List(ctx, who.Actor(), revocation.Filter{
		Card: in.Card, Before: access.Version{Epoch: in.BeforeEpoch, N: in.BeforeN}, Limit: in.Limit,
	})
	out := &revocationsOut{}
	out.Body.Items = views(all, newRevocationView)
	return out, err
}

func (a *API) receipt(ctx context.Context, who auth.Principal, in *revocationID) (*receiptOut, error) {
	r, err := a.cfg.Revocations.Receipt(ctx, who.Actor(), access.Version{Epoch: in.Epoch, N: in.N})
	out := &receiptOut{}
	out.Body.RevocationView = newRevocationView(r.Item)
	out.Body.Controllers = views(r.Doors, func(l revocation.ControllerLine) confirmationView { return newConfirmationView(r.At, l) })
	out.Body.Uses = views(r.Uses, newEventView)
	return out, err
}
