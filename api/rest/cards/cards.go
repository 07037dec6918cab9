// Package cards is the cards, their revocations, and the receipts of these.
package cards

import (
	"cmp"
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/card/number"
	"kanmon/lifecycle/revocation"
	"kanmon/reader/credential"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Cards       *card.Register
	Revocations *revocation.Register
	HashKey     credential.HashKey // makes keys of card numbers, which go no further
}

// Card is a card in an answer.
type Card struct {
	ID         string     `json:"id"`
	Label      string     `json:"label" doc:"What is printed on it"`
	Kind       string     `json:"kind" enum:"personal,biometric" doc:"biometric: no card, but a person enrolled at a biometric terminal"`
	State      string     `json:"state"`
	Person     string     `json:"person"`
	PersonName string     `json:"person_name"`
	Terminal   string     `json:"terminal,omitempty" doc:"Of an enrolment at a terminal: controller/name of the terminal"`
	IssuedAt   *time.Time `json:"issued_at,omitempty"`
	Version    int64      `json:"version"`
	view.Span
}

// newCard shows one.
func newCard(c card.Card) Card {
	return Card{
		ID: c.ID, Label: c.Label, Kind: string(c.Kind), State: string(c.State), Person: c.Person,
		PersonName: c.PersonName, Terminal: c.Terminal, IssuedAt: view.Moment(c.IssuedAt), Version: c.Version, Span: view.NewSpan(c.Period),
	}
}

type cardOut struct{ Body Card }

type cardsOut struct {
	Body struct {
		Items []Card `json:"items" nullable:"false"`
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
		Label    string `json:"label" maxLength:"32"`
		Person   string `json:"person" maxLength:"64" doc:"Staff number of the holder"`
		Kind     string `json:"kind,omitempty" enum:"personal,biometric" doc:"Left out: personal. biometric: an enrolment at a terminal, whose credential is of the format verdict"`
		Terminal string `json:"terminal,omitempty" maxLength:"80" doc:"Of an enrolment at a terminal: controller/name of the terminal"`
		Number
		view.Span
	}
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("cards")
	frame.Get(s, "/cards", "listCards", "Who holds which card, now or at a past date", cfg.cards)
	frame.Create(s, "/cards", "issueCard", "Issue a card to a person", cfg.issue)
	frame.Get(s, "/cards/{id}", "getCard", "One card", cfg.card)
	frame.Get(s, "/cards/{id}/credentials", "listCredentials", "What readers read a card by", cfg.credentials)
	frame.Create(s, "/cards/{id}/credentials", "enrolCredential", "Give a card one more credential", cfg.enrol)
	frame.Post(s, "/cards/{id}/credentials/{credential}/end", "endCredential", "Take a credential from a card for good", cfg.end)
	frame.Post(s, "/cards/{id}/suspend", "suspendCard", "Stop a card at every door for a time", cfg.turn((*card.Register).Suspend))
	frame.Post(s, "/cards/{id}/revoke", "revokeCard", "Stop a card at every door for good", cfg.turn((*card.Register).Revoke))
	frame.Post(s, "/cards/{id}/lift", "liftCard", "End the suspension of a card", cfg.lift)
	frame.Get(s, "/revocations", "listRevocations", "Cards that were stopped, and how many controllers confirmed it", cfg.revocations)
	frame.Get(s, "/revocations/{epoch}/{n}", "getReceipt", "The receipt: which door refuses the card since when", cfg.receipt)
}

func (cfg Config) cards(ctx context.Context, who auth.Principal, in *cardFilter) (*cardsOut, error) {
	all, err := cfg.Cards.List(ctx, who.Actor(), card.Filter{
		Query: in.Query, Person: in.Person, State: card.State(in.State), AsOf: in.AsOf, After: in.After, Limit: in.Limit,
	})
	out := &cardsOut{}
	out.Body.Items = view.List(all, newCard)
	return out, err
}

// issue has a card number in the clear between the body and its hash, as enrol does.
func (cfg Config) issue(ctx context.Context, who auth.Principal, in *cardIn) (*cardOut, error) {
	b := in.Body
	shown, err := credential.Parse(b.Credential)
	if err != nil {
		return nil, err
	}
	n := card.Issue{Label: b.Label, Kind: card.Kind(cmp.Or(b.Kind, string(card.Personal))), Person: b.Person, Terminal: b.Terminal, Apart: b.Apart, Period: b.Period()}
	made, err := cfg.Cards.Issue(ctx, who.Actor(), number.Issue(n, shown, cfg.HashKey))
	return &cardOut{Body: newCard(made)}, err
}

func (cfg Config) card(ctx context.Context, who auth.Principal, in *cardID) (*cardOut, error) {
	c, err := cfg.Cards.Get(ctx, who.Actor(), in.ID)
	return &cardOut{Body: newCard(c)}, err
}
