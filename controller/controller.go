// Package controller is the runtime beside the doors: it decides by itself, writes before it opens, and reports
// when it can.
//
// The rules are in package core, which is pure: Step(state, input, moment) gives the next state and the effects. Controller
// owns the one goroutine that steps, and carries the effects out: records go to the journal, commands to readers
// and strikes, each device in a lane of its own, so that neither a slow disk nor a dead device holds up a door.
// Edge puts a whole controller together from its configuration and its identity.
package controller

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kanmon/controller/core"
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

// Parts are what a controller works with. All but Now, Receipt and Answer are required.
type Parts struct {
	Wiring  core.Wiring
	Journal Journal
	Strikes map[string]output.Strike // by door
	Panel   Panel
	Now     func() core.Moment // nil: the machine's clocks
	Log     *slog.Logger
	// Receipt and Answer send to the centre. They must not wait; nil drops.
	Receipt func(wire.RevokedReceipt)
	Answer  func(wire.CommandAnswer)
}

// Controller runs a Core.
type Controller struct {
	parts   Parts
	core    *core.Core
	inbox   *inbox
	strikes map[string]lane
	panels  map[string]lane
	status  atomic.Pointer[wire.ControllerStatus]
	lease   atomic.Int64 // age, as of the last step
	changed chan struct{}
}

// New makes a controller; Run sets it to work.
func New(p Parts) *Controller {
	if p.Now == nil {
		p.Now = Clocks()
	}
	if p.Receipt == nil {
		p.Receipt = func(wire.RevokedReceipt) {}
	}
	if p.Answer == nil {
		p.Answer = func(wire.CommandAnswer) {}
	}
	c := &Controller{
		parts: p, core: core.NewCore(p.Wiring), inbox: newInbox(), changed: make(chan struct{}, 1),
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
func Clocks() func() core.Moment {
	start := time.Now()
	return func() core.Moment {
		now := time.Now()
		return core.Moment{Wall: now.Round(0).UTC(), Mono: now.Sub(start)}
	}
}

// Post hands an input to the controller. It never waits; false means that it was dropped because thousands are
// waiting already.
func (c *Controller) Post(in core.Input) bool { return c.inbox.put(in) }

// Status is how the controller is; the caller must not change what it points to.
func (c *Controller) Status() wire.ControllerStatus { return *c.status.Load() }

// LeaseAge is how long ago the centre confirmed the policy, to some seconds; 0 when there is none.
func (c *Controller) LeaseAge() time.Duration { return time.Duration(c.lease.Load()) }

// Changed receives a value when Status changed. It is for one receiver.
func (c *Controller) Changed() <-chan struct{} { return c.changed }

// Run decides until ctx ends. Then it takes no more inputs but the journal's answers to decisions in hand, lets
// the lanes finish, locks what does not go to rest by a timer of its own, and returns nil. Run is called once.
func (c *Controller) Run(ctx context.Context, saved core.Saved) error {
	work := context.WithoutCancel(ctx)
	var lanes sync.WaitGroup
	for _, l := range c.lanes() {
		lanes.Go(func() { l.work(work) })
	}
	c.finish(work, c.loop(ctx, saved))
	for _, l := range c.lanes() {
		close(l.jobs)
	}
	lanes.Wait()
	c.lockLatching(work)
	return nil
}

// lockLatching locks the doors whose release nobody else ends.
func (c *Controller) lockLatching(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	for _, d := range c.parts.Wiring.Doors {
		if s := c.parts.Strikes[d.ID]; d.Latching && s != nil {
			if err := s.Lock(ctx); err != nil {
				c.parts.Log.ErrorContext(ctx, "the lock may have stayed released", "door", d.ID, "error", err)
			}
		}
	}
}

func (c *Controller) lanes() []lane {
	return slices.AppendSeq(slices.Collect(maps.Values(c.strikes)), maps.Values(c.panels))
}

func (c *Controller) loop(ctx context.Context, saved core.Saved) core.State {
	now := c.parts.Now()
	s, effects := c.core.Start(saved, now)
	c.execute(ctx, effects)
	c.publish(s)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		mono := c.parts.Now().Mono
		timer.Reset(s.Deadline(mono) - mono)
		select {
		case <-ctx.Done():
			return s
		case <-c.inbox.wake:
			s = c.process(ctx, s, c.inbox.take())
		case <-timer.C:
			s = c.process(ctx, s, []core.Input{core.Tick{}})
		}
	}
}

func (c *Controller) process(ctx context.Context, s core.State, inputs []core.Input) core.State {
	var effects []core.Effect
	for _, in := range inputs {
		s, effects = c.core.Step(s, in, c.parts.Now())
		c.execute(ctx, effects)
	}
	c.publish(s)
	return s
}

// finish waits a little for the journal's word on decisions in hand. Whoever stands there has been told nothing
// yet; what comes later is refused by nobody being there.
func (c *Controller) finish(ctx context.Context, s core.State) {
	patience := time.NewTimer(core.RecordTimeout)
	defer patience.Stop()
	for s.Recording() {
		select {
		case <-patience.C:
			return
		case <-c.inbox.wake:
			answers := slices.DeleteFunc(c.inbox.take(), func(in core.Input) bool { _, answer := in.(core.Recorded); return !answer })
			s = c.process(ctx, s, answers)
		}
	}
}

func (c *Controller) execute(ctx context.Context, effects []core.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case core.Record:
			c.record(ctx, e)
		case core.Strike:
			c.drive(e.Door, func(ctx context.Context, s output.Strike) error { return s.Release(ctx, e.For) })
		case core.Keep:
			c.drive(e.Door, func(ctx context.Context, s output.Strike) error { return s.Keep(ctx, e.For) })
		case core.Relock:
			c.drive(e.Door, func(ctx context.Context, s output.Strike) error { return s.Lock(ctx) })
		case core.Rest:
			c.drive(e.Door, func(ctx context.Context, s output.Strike) error { return s.Rest(ctx) })
		case core.Show:
			c.show(ctx, e)
		case core.Receipt:
			c.parts.Receipt(e.RevokedReceipt)
		case core.Answer:
			c.parts.Answer(e.CommandAnswer)
		}
	}
}

func (c *Controller) record(ctx context.Context, r core.Record) {
	for _, e := range r.Events {
		level := slog.LevelInfo
		if e.Kind.Alarm() {
			level = slog.LevelWarn
		}
		c.parts.Log.LogAttrs(ctx, level, "event", slog.String("kind", string(e.Kind)), slog.String("door", e.Door), slog.String("reader", e.Reader),
			slog.String("device", e.Device), slog.String("reason", string(e.Reason)), slog.String("person", e.Person), slog.String("detail", e.Detail))
	}
	c.parts.Journal.Submit(r.Events, change(r.Change), func(_ journal.Position, err error) {
		c.Post(core.Recorded{ID: r.ID, Err: err})
	})
}

func (c *Controller) drive(door string, run func(context.Context, output.Strike) error) {
	failed := func(err error) { c.Post(core.StrikeFailed{Door: door, Detail: err.Error()}) }
	l, ok := c.strikes[door]
	if !ok {
		failed(errNoStrike)
		return
	}
	strike := c.parts.Strikes[door]
	l.add(job{
		expires: time.Now().Add(commandTime), failed: failed,
		run: func(ctx context.Context) error { return run(ctx, strike) },
	})
}

var errNoStrike = errors.New("the door has no strike")

func (c *Controller) show(ctx context.Context, e core.Show) {
	l, ok := c.panels[e.Reader]
	if !ok {
		return
	}
	l.add(job{
		expires: time.Now().Add(commandTime),
		run:     func(ctx context.Context) error { return c.parts.Panel.Show(ctx, e.Reader, e.Feedback) },
		failed: func(err error) {
			c.parts.Log.WarnContext(ctx, "reader could not show its answer", "reader", e.Reader, "error", err)
		},
	})
}

func (c *Controller) publish(s core.State) {
	c.lease.Store(int64(s.LeaseAge()))
	now := c.core.Status(s)
	if !reflect.DeepEqual(now, c.Status()) {
		c.status.Store(&now)
		poke(c.changed)
	}
}
