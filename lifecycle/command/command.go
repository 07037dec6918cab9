// Package command is the register of commands to doors from afar (Art. 44, 112): who ordered what, why, and what became of it. A command is
// kept before it is sent, so that there is none without a record; whether it is carried out is the controller's to say. A command releases a door,
// or has a controller forget where somebody is.
package command

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
)

// Outcome of a command.
type Outcome string

// Outcomes. The empty one stands for a command that was under way when the centre stopped.
const (
	Done       Outcome = "done"       // the controller says it did it
	Refused    Outcome = "refused"    // it says why it did not
	Unanswered Outcome = "unanswered" // it said nothing in time: it may have been done
)

// Op is what was ordered.
type Op string

// Operations.
const (
	Release Op = "release" // a door, once
	Forget  Op = "forget"  // where somebody, or everybody, is in an area
)

// mostDetail is how many characters of a controller's words are kept.
const mostDetail = 200

// Command is one command with what is known of it.
type Command struct {
	ID         string
	At         time.Time
	Actor      string // kind and id, such as "account:yamada"
	Reason     string
	Op         Op
	Door       string // of a Release
	DoorName   string
	Area       string // of a Forget
	Person     string // of a Forget; empty: everybody
	PersonName string
	Controller string
	Outcome    Outcome
	Detail     string        // with Refused: the controller's code
	Took       time.Duration // from the record to the answer
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	Door  string
	Area  string // only what was to be forgotten there
	Limit int    // at most 500; 0: 100
}

// Register is the register of commands.
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }

// Release records the order to release a door once, and returns it with its id and the door's controller. Needs authz.DoorRelease and a
// reason of at most 200 characters. Errors: NotFound "area.unknown_door"; Conflict "command.no_controller" when the controller was never enrolled or
// was revoked; Unavailable "command.offline".
func (r *Register) Release(ctx context.Context, actor store.Actor, door, reason string) (Command, error) {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return Command{}, fmt.Errorf("release door: %w", err)
	}
	c := Command{ID: rand.Text(), Actor: actor.String(), Reason: reason, Op: Release, Door: door}
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.DoorRelease); err != nil {
			return err
		}
		if c.Controller, err = reachable(ctx, tx, door); err != nil {
			return err
		}
		return c.keep(ctx, tx)
	})
	if err != nil {
		return Command{}, fmt.Errorf("release door: %w", err)
	}
	return c, nil
}

// keep writes an order down.
func (c *Command) keep(ctx context.Context, tx *store.Tx) error {
	c.At = tx.Now()
	row := store.Row{
		{Name: "actor", Value: c.Actor},
		{Name: "at", Value: store.FormatTime(c.At)},
		{Name: "controller", Value: c.Controller},
		{Name: "door", Value: c.Door},
		{Name: "id", Value: c.ID},
		{Name: "op", Value: string(c.Op)},
		{Name: "reason", Value: c.Reason},
	}
	if c.Op == Forget {
		row = append(row, store.Col("area", c.Area), store.Col("person", c.Person))
	}
	_, err := tx.Append(ctx, "door_command", row)
	return err
}

// reachable returns the controller of a door if a command can reach it.
func reachable(ctx context.Context, q store.Queryer, door string) (string, error) {
	var at struct {
		Controller, State string
		Online            bool
	}
	err := q.Get(ctx, &at, `SELECT controller, state, online FROM v_command_door WHERE id = ?`, door)
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil:
		return "", fault.New(fault.NotFound, "area.unknown_door", fmt.Sprintf("no door %.40q", door))
	case err != nil:
		return "", err
	case at.State != "enrolled":
		return "", fault.New(fault.Conflict, "command.no_controller", at.Controller+" is not enrolled")
	case !at.Online:
		return "", fault.New(fault.Unavailable, "command.offline", at.Controller+" is not connected")
	}
	return at.Controller, nil
}

// End records what became of a command. A second outcome of the same command is an error and changes nothing.
func (r *Register) End(ctx context.Context, id string, outcome Outcome, detail string, took time.Duration) error {
	err := r.store.Write(ctx, store.System("command"), "", func(tx *store.Tx) error {
		_, err := tx.Append(ctx, "door_command_outcome", store.Row{
			{Name: "at", Value: store.FormatTime(tx.Now())},
			{Name: "detail", Value: plain(detail)},
			{Name: "id", Value: id},
			{Name: "outcome", Value: string(outcome)},
			{Name: "took_us", Value: took.Microseconds()},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("record the outcome of command %s: %w", id, err)
	}
	return nil
}

// plain bounds a controller's words, and takes out what a database cannot keep.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if utf8.RuneCountInString(s) > mostDetail {
		s = string([]rune(s)[:mostDetail])
	}
	return s
}
