package view

import (
	"time"

	"kanmon/internal/authz"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/staff"
)

// Account is an account in an answer.
type Account struct {
	Login      string       `json:"login"`
	Staff      string       `json:"staff,omitempty" doc:"The member of staff it belongs to"`
	Roles      []authz.Role `json:"roles" nullable:"false"`
	State      string       `json:"state" enum:"active,disabled"`
	MustChange bool         `json:"must_change" doc:"The password must be changed before anything else"`
	Version    int64        `json:"version"`
	Since      time.Time    `json:"since" doc:"When this version was made: since when it holds these roles"`
}

// NewAccount shows one.
func NewAccount(a account.Account) Account {
	return Account{
		Login: a.ID, Staff: a.Staff, Roles: a.Roles, State: string(a.State), MustChange: a.MustChange,
		Version: a.N, Since: a.At.UTC(),
	}
}

// Member is a member of staff in an answer.
type Member struct {
	ID      string `json:"id" doc:"Staff number"`
	Name    string `json:"name"`
	Kana    string `json:"kana,omitempty"`
	Section string `json:"section,omitempty"`
	Cards   int    `json:"cards" doc:"Cards issued and not closed"`
	Version int64  `json:"version"`
	Span
}

// NewMember shows one.
func NewMember(m staff.Member) Member {
	return Member{
		ID: m.ID, Name: m.Name, Kana: m.Kana, Section: m.Section, Cards: m.Cards, Version: m.Version,
		Span: NewSpan(m.Period),
	}
}

// Card is a card in an answer.
type Card struct {
	ID         string     `json:"id"`
	Label      string     `json:"label" doc:"What is printed on it"`
	Kind       string     `json:"kind"`
	State      string     `json:"state"`
	Person     string     `json:"person"`
	PersonName string     `json:"person_name"`
	IssuedAt   *time.Time `json:"issued_at,omitempty"`
	Version    int64      `json:"version"`
	Span
}

// NewCard shows one.
func NewCard(c card.Card) Card {
	return Card{
		ID: c.ID, Label: c.Label, Kind: string(c.Kind), State: string(c.State), Person: c.Person,
		PersonName: c.PersonName, IssuedAt: moment(c.IssuedAt), Version: c.Version, Span: NewSpan(c.Period),
	}
}
