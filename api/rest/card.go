package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/card"
	"kanmon/reader/credential"
)

type cardOut struct{ Body view.Card }

type cardsOut struct {
	Body struct {
		Items []view.Card `json:"items" nullable:"false"`
	}
}

type cardFilter struct {
	Query  string    `query:"query" maxLength:"64" doc:"Part of the label, or of the holder's number or name"`
	Person string    `query:"person" maxLength:"64"`
	State  string    `query:"state" maxLength:"32"`
	AsOf   time.Time `query:"as_of" doc:"The register as it stood at this moment"`
	After  string    `query:"after" maxLength:"64" doc:"The last label of the page before"`
	Limit  int       `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

type cardID struct {
	ID string `path:"id" maxLength:"64"`
}

type cardIn struct {
	Body struct {
		Label      string `json:"label" maxLength:"32"`
		Person     string `json:"person" maxLength:"64" doc:"Staff number of the holder"`
		Credential string `json:"credential" maxLength:"128" writeOnly:"true" doc:"bits:<count>:<hex>, as the reader sends it. It is hashed at once and never kept, logged or answered" example:"bits:26:bdd93740"`
		view.Span
	}
}

func cardRoutes(a *API) {
	add(a, route{http.MethodGet, "/cards", "listCards", "cards", "Who holds which card, now or at a past date", 0}, a.cards)
	add(a, route{http.MethodPost, "/cards", "issueCard", "cards", "Issue a card to a person", http.StatusCreated}, a.issue)
	add(a, route{http.MethodGet, "/cards/{id}", "getCard", "cards", "One card", 0}, a.card)
	add(a, route{http.MethodPost, "/cards/{id}/suspend", "suspendCard", "cards", "Stop a card at every door for a time", 0}, a.turn((*card.Register).Suspend))
	add(a, route{http.MethodPost, "/cards/{id}/revoke", "revokeCard", "cards", "Stop a card at every door for good", 0}, a.turn((*card.Register).Revoke))
	add(a, route{http.MethodPost, "/cards/{id}/lift", "liftCard", "cards", "End the suspension of a card", 0}, a.lift)
}

func (a *API) cards(ctx context.Context, who auth.Principal, in *cardFilter) (*cardsOut, error) {
	all, err := a.cfg.Cards.List(ctx, who.Actor(), card.Filter{
		Query: in.Query, Person: in.Person, State: card.State(in.State), AsOf: in.AsOf, After: in.After, Limit: in.Limit,
	})
	out := &cardsOut{}
	out.Body.Items = view.List(all, view.NewCard)
	return out, err
}

// issue is the only place where a card number is in the clear at the centre, between the body and its hash.
func (a *API) issue(ctx context.Context, who auth.Principal, in *cardIn) (*cardOut, error) {
	b := in.Body
	number, err := credential.Parse(b.Credential)
	if err != nil {
		return nil, err
	}
	made, err := a.cfg.Cards.Issue(ctx, who.Actor(), card.Issue{
		Label: b.Label, Kind: card.Personal, Person: b.Person, Key: number.Key(a.cfg.HashKey), Period: b.Period(),
	})
	return &cardOut{Body: view.NewCard(made)}, err
}

func (a *API) card(ctx context.Context, who auth.Principal, in *cardID) (*cardOut, error) {
	c, err := a.cfg.Cards.Get(ctx, who.Actor(), in.ID)
	return &cardOut{Body: view.NewCard(c)}, err
}
