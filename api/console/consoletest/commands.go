package consoletest

import (
	"context"
	"time"

	"kanmon/api/command"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	record "kanmon/lifecycle/command"
)

// Commands is a register of commands in memory, and releases doors.
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
		if f.Door == "" || x.Door == f.Door {
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
