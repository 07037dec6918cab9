// Package controller is the runtime beside the doors: it decides by itself, writes before it opens, and reports
// when it can.
//
// The rules are in Core, which is pure: Step(state, input, moment) gives the next state and the effects. Controller
// owns the one goroutine that steps, and carries the effects out: records go to the journal, commands to readers
// and strikes, each device in a lane of its own, so that neither a slow disk nor a dead device holds up a door.
// Edge puts a whole controller together from its configuration.
//
// What is promised:
//
//   - No record, no entry: a strike is energised for an entry only after the journal has said that the decision
//     is on disk, or, in an area of record mode best_effort, has failed to.
//   - Nothing denies an exit. The exit button and exit readers wait for no disk, no policy and no clock.
//   - The same card at the same reader within a second, while the release it earned is still running, is one
//     presentation.
//   - A clock below the last journalled time is not believed (clock.go).
package controller

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"kanmon/controller/journal"
	"kanmon/controller/output"
	"kanmon/internal/event"
	"kanmon/internal/wire"
	"kanmon/reader"
)

// commandTime bounds a command to a device, waiting included.
const commandTime = 2500 * time.Millisecond

// Journal is what the controller needs of a journal; *journal.Journal is one. Submit must not wait, must keep the
// order of its calls, and must call done once, from another goroutine.
type Journal interface {
	Submit(events []event.Event, change journal.Change, done func(journal.Position, error))
}

// Panel shows people at readers what became of their card.
type Panel interface {
	Show(ctx context.Context, readerName string, f reader.Feedback) error
}

// Parts are what a controller works with. All but Now are required.
type Parts struct {
	Wiring  Wiring
	Journal Journal
	Strikes map[string]output.Strike // by door
	Panel   Panel
	Now     func() Moment // nil: the machine's clocks
	Log     *slog.Logger
}

// Controller runs a Core.
type Controller struct {
	parts   Parts
	core    *Core
	inbox   *inbox
	strikes map[string]lane
	panels  map[string]lane
	status  atomic.Pointer[wire.ControllerStatus]
	changed chan struct{}
}

// New makes a controller; Run sets it to work.
func New(p Parts) *Controller {
	if p.Now == nil {
		p.Now = Clocks()
	}
	c := &Controller{
		parts: p, core: NewCore(p.Wiring), inbox: newInbox(), changed: make(chan struct{}, 1),
		strikes: map[string]lane{}, panels: map[string]lane{},
	}
	for door := range p.Strikes {
		c.strikes[door] = newLane()
	}
	for _, name := range p.Wiring.Devices {
		c.panels[name] = newLane()
	}
	c.status.Store(&wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, Software: p.Wiring.Software})
	return c
}

// Clocks reads the machine's clocks, Mono from now on.
func Clocks() func() Moment {
	start := time.Now()
	return func() Moment {
		now := time.Now()
		return Moment{Wall: now.Round(0).UTC(), Mono: now.Sub(start)}
	}
}

// Post hands an input to the controller. It never waits; false means that it was dropped because thousands are
// waiting already.
func (c *Controller) Post(in Input) bool { return c.inbox.put(in) }

// Status is how the controller is; the caller must not change what it points to.
func (c *Controller) Status() wire.ControllerStatus { return *c.status.Load() }

// Changed receives a value when Status changed. It is for one receiver.
func (c *Controller) Changed() <-chan struct{} { return c.changed }

// Run decides until ctx ends. Then it takes no more inputs but the journal's answers to decisions in hand, lets
// the lanes finish, and returns nil: strikes go to rest by their own timers.
func (c *Controller) Run(ctx context.Context, saved Saved) error {
	work := context.WithoutCancel(ctx)
	var lanes sync.WaitGroup
	for _, group := range []map[string]lane{c.strikes, c.panels} {
		for _, l := range group {
			lanes.Go(func() { l.work(work) })
			defer close(l.jobs)
		}
	}
	defer lanes.Wait() // deferred calls run last first: see finish for the closing
	c.loop(ctx, saved)
	return nil
}
