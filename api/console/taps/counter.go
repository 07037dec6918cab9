package taps

import (
	"context"

	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/internal/store"
	"kanmon/lifecycle/desk"
)

// Desks is what the pages ask of the register of desks.
type Desks interface {
	List(ctx context.Context, actor store.Actor) ([]desk.Desk, error)
}

// Seats is what the pages ask of the desks themselves; *seat.Service is one.
type Seats interface {
	Seen(name string) (seen seat.Seen, online bool)
	Ask(account, name string) (*seat.Question, error)
	End(q *seat.Question)
	Read(account, id string) (seat.Tap, error)
	Done(id string)
}

// Counter is the desks as a page uses them that waits for a card. The zero Counter has none.
type Counter struct {
	Desks Desks
	Seats Seats
}

// Choice is a desk that can be chosen.
type Choice struct{ Name, Place string }

// Choices are the desks that are there now, by name.
func (c Counter) Choices(ctx context.Context, v ui.Visitor) ([]Choice, error) {
	if c.Desks == nil {
		return nil, nil
	}
	all, err := c.Desks.List(ctx, v.Actor())
	var list []Choice
	for _, d := range all {
		if c.there(d) {
			list = append(list, Choice{d.Name, d.Place})
		}
	}
	return list, err
}

func (c Counter) there(d desk.Desk) bool {
	_, online := c.Seats.Seen(d.Name)
	return online && d.State == desk.Enrolled
}

// Read returns what was held to the reader for a page of the visitor.
func (c Counter) Read(v ui.Visitor, id string) (seat.Tap, error) {
	if c.Seats == nil {
		return (&seat.Questions{}).Read(v.Session.Made, v.Login(), id)
	}
	return c.Seats.Read(v.Login(), id)
}

// Done uses it up.
func (c Counter) Done(id string) {
	if c.Seats != nil {
		c.Seats.Done(id)
	}
}
