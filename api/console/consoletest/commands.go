package consoletest

import (
	"context"
	"time"

	"kanmon/api/command"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	record "kanmon/lifecycle/command"
)

// Commands is a register of commands in memory, and gives them.
type Commands struct {
	All  []record.Command // newest first
	Next record.Command   // what becomes of the next order
	Fail error            // answered by Release, where set
}

// SomeCommands are what was ordered lately.
func SomeCommands() *Commands {
	return &Commands{All: []record.Command{
		{ID: "C3", At: Now.Add(-3 * time.Minute), Actor: "account:yamada", Reason: "カード忘れ、本人確認済み", Door: "D-1", Outcome: record.Done, Took: 41 * time.Millisecond},
		{ID: "C2", At: Now.Add(-50 * time.Minute), Actor: "account:suzuki", Reason: "清掃", Door: "D-1", Outcome: record.Refused, Detail: "not_recorded"},
		{ID: "C1", At: Now.Add(-51 * time.Minute), Actor: "account:suzuki", Reason: "清掃", Door: "D-1", Outcome: record.Unanswered},
	}}
}

// List implements areas.Commands.
func (c *Commands) List(_ context.Context, _ store.Actor, f record.Filter) ([]record.Command, error) {
	var out []record.Command
	for _, x := range c.All {
		if (f.Door == "" || x.Door == f.Door) && (f.Area == "" || x.Area == f.Area) {
			out = append(out, x)
		}
	}
	return out, nil
}

// Release implements areas.Releaser.
func (c *Commands) Release(_ context.Context, actor store.Actor, door, reason string) (command.Outcome, error) {
	if reason == "" {
		return command.Outcome{}, fault.BadField("reason", "field.required", "no reason")
	}
	if c.Fail != nil {
		return command.Outcome{}, c.Fail
	}
	if door != "D-1" && door != "D-2" {
		return command.Outcome{}, fault.New(fault.NotFound, "area.unknown_door", "no such door")
	}
	x := c.Next
	x.ID, x.At, x.Actor, x.Reason, x.Door = "C9", Now, actor.String(), reason, door
	c.All = append([]record.Command{x}, c.All...)
	var err error
	if x.Outcome == record.Unanswered {
		err = fault.New(fault.Unavailable, "command.no_answer", "none")
	}
	return command.Outcome{Done: x.Outcome == record.Done, Refused: x.Detail, Took: x.Took, Command: x.ID}, err
}

// SomeForgets are what A-1 was to forget lately: the last order to two controllers.
func SomeForgets() *Commands {
	at := Now.Add(-3 * time.Minute)
	return &Commands{All: []record.Command{
		{ID: "F4", At: at, Actor: "account:yamada", Reason: "非常口から退室、本人確認済み", Op: record.Forget, Area: "A-1", Person: "S-1001", PersonName: "佐藤 花子", Controller: "ctl-2", Outcome: record.Unanswered},
		{ID: "F3", At: at, Actor: "account:yamada", Reason: "非常口から退室、本人確認済み", Op: record.Forget, Area: "A-1", Person: "S-1001", PersonName: "佐藤 花子", Controller: "ctl-1", Outcome: record.Done},
		{ID: "F2", At: Now.Add(-26 * time.Hour), Actor: "account:suzuki", Reason: "避難訓練", Op: record.Forget, Area: "A-1", Controller: "ctl-2", Outcome: record.Refused, Detail: "expired"},
		{ID: "F1", At: Now.Add(-26 * time.Hour), Actor: "account:suzuki", Reason: "避難訓練", Op: record.Forget, Area: "A-1", Controller: "ctl-1", Outcome: record.Done},
		{ID: "F0", At: at, Actor: "account:yamada", Reason: "x", Op: record.Forget, Area: "A-2", Controller: "ctl-1"},
	}}
}

// Forget implements forget.Releaser: two controllers are told.
func (c *Commands) Forget(_ context.Context, actor store.Actor, area, person, reason string) ([]command.Outcome, error) {
	switch {
	case reason == "":
		return nil, fault.BadField("reason", "field.required", "no reason")
	case c.Fail != nil:
		return nil, c.Fail
	}
	var out []command.Outcome
	var err error
	for _, name := range []string{"ctl-1", "ctl-2"} {
		x := c.Next
		x.ID, x.At, x.Actor, x.Reason, x.Op, x.Area, x.Person, x.Controller = "F9-"+name, Now, actor.String(), reason, record.Forget, area, person, name
		c.All = append([]record.Command{x}, c.All...)
		if x.Outcome == record.Unanswered {
			err = fault.New(fault.Unavailable, "command.no_answer", "none")
		}
		out = append(out, command.Outcome{Done: x.Outcome == record.Done, Refused: x.Detail, Took: x.Took, Command: x.ID, Controller: name})
	}
	return out, err
}
