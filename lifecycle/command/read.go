package command

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

// row is a row of v_command_line.
type row struct {
	ID, At, Actor, Reason, Door, Controller string
	DoorName                                string `db:"door_name"`
	Op                                      Op
	Area, Person                            string
	PersonName                              string `db:"person_name"`
	Outcome                                 Outcome
	Detail                                  string
	TookUS                                  int64 `db:"took_us"`
}

func (r row) command() (c Command, err error) {
	c = Command{
		ID: r.ID, Actor: r.Actor, Reason: r.Reason, Op: r.Op, Door: r.Door, DoorName: r.DoorName, Area: r.Area, Person: r.Person, PersonName: r.PersonName,
		Controller: r.Controller, Outcome: r.Outcome, Detail: r.Detail, Took: time.Duration(r.TookUS) * time.Microsecond,
	}
	c.At, err = period.Time(r.At)
	return c, err
}

// List returns commands, newest first. Needs authz.EntryRead.
func (r *Register) List(ctx context.Context, actor store.Actor, f Filter) ([]Command, error) {
	var rows []row
	err := r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.EntryRead); err != nil {
			return err
		}
		where, args := f.where()
		return q.Select(ctx, &rows, `SELECT id, at, actor, reason, op, door, door_name, area, person, person_name, controller, outcome, detail, took_us
			FROM v_command_line`+where+` ORDER BY leaf DESC LIMIT ?`, append(args, field.Limit(f.Limit))...)
	})
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	list := make([]Command, len(rows))
	for i, found := range rows {
		if list[i], err = found.command(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (f Filter) where() (where string, args []any) {
	where = ` WHERE 1 = 1`
	if f.Door != "" {
		where, args = where+` AND door = ?`, append(args, f.Door)
	}
	if f.Area != "" {
		where, args = where+` AND area = ?`, append(args, f.Area)
	}
	return where, args
}
