// Package command gives commands to controllers from afar: to release a door, or to forget who is inside.
//
// The way of a command: it is kept in the register (lifecycle/command); the controller is asked for a nonce; it sends one that it has
// just made; the order goes out signed with that nonce, by which the controller knows it to be fresh, and meant for it; the controller
// writes the event, does what it is told and answers; the outcome is kept. All of it takes at most ten seconds, after which the nonce is
// worth nothing. Nothing is sent again: who wants the door open gives another command.
package command

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/command"
)

// Config of a Releaser. All fields are required.
type Config struct {
	Site     string
	Commands *command.Register
	Signer   wire.Signer // the centre's
	// Publish hands one payload to the broker and returns when the broker has it.
	Publish func(ctx context.Context, topic string, payload []byte) error
	Log     *slog.Logger
}

// Times of a command. Both together are no more than a nonce is good for.
const (
	nonceTime = 4 * time.Second
	allTime   = wire.CommandTime
	keepTime  = 5 * time.Second // for the outcome, whatever became of the caller
)

// mostOpen bounds the commands under way at once.
const mostOpen = 64

// Outcome of a command that was answered.
type Outcome struct {
	Done    bool
	Refused string // the controller's code, when not Done
	Took    time.Duration
	Command string // its id in the register and in the controller's event

	Controller string // which was told
}

// Releaser gives commands. It is safe for concurrent use: many doors at once.
type Releaser struct {
	cfg Config

	mu   sync.Mutex
	open map[string]*order // by id
}

// order is a command under way.
type order struct {
	controller string
	answers    chan wire.CommandAnswer
}

// New prepares a releaser.
func New(cfg Config) *Releaser { return &Releaser{cfg: cfg, open: map[string]*order{}} }

// Answer takes an answer of a controller whose signature holds. One to no open command, or by another controller, is passed over.
func (r *Releaser) Answer(controller string, a wire.CommandAnswer) {
	r.mu.Lock()
	o := r.open[a.ID]
	r.mu.Unlock()
	if o == nil || o.controller != controller {
		return
	}
	select {
	case o.answers <- a:
	default: // more than the two that belong to a command
	}
}

// Release releases a door once. The caller has asked the person for their password again. Errors are those of command.Register.Release, and
// fault.Unavailable "command.no_answer": the door may have been released or not; its event tells. fault.TooMany: too many commands are under way.
func (r *Releaser) Release(ctx context.Context, actor store.Actor, door, reason string) (Outcome, error) {
	if err := r.room(); err != nil {
		return Outcome{}, err
	}
	began := time.Now()
	c, err := r.cfg.Commands.Release(ctx, actor, door, reason)
	if err != nil {
		return Outcome{}, err
	}
	return r.give(ctx, c, began)
}

// Forget has the controllers of an area forget where a person is, or everybody when person is empty, all at the same time. The caller has asked for the
// password again. The outcomes are by controller; there are none when nothing was ordered. Errors are those of command.Register.Forget and Release: with
// "command.no_answer" some controller did not say what it did.
func (r *Releaser) Forget(ctx context.Context, actor store.Actor, area, person, reason string) ([]Outcome, error) {
	if err := r.room(); err != nil {
		return nil, err
	}
	began := time.Now()
	all, err := r.cfg.Commands.Forget(ctx, actor, area, person, reason)
	if err != nil {
		return nil, err
	}
	outcomes, errs := make([]Outcome, len(all)), make([]error, len(all))
	var given sync.WaitGroup
	for i, c := range all {
		given.Go(func() { outcomes[i], errs[i] = r.give(ctx, c, began) })
	}
	given.Wait()
	return outcomes, cmp.Or(errs...)
}

// give carries an order out that is on record, and keeps what became of it.
func (r *Releaser) give(ctx context.Context, c command.Command, began time.Time) (Outcome, error) {
	o := r.begin(c)
	defer r.end(c)
	answer, err := r.run(ctx, c, o)
	out := Outcome{Done: answer.Done, Refused: answer.Refused, Took: time.Since(began), Command: c.ID, Controller: c.Controller}
	r.keep(ctx, c, out, err)
	return out, err
}

// room refuses another order while there are too many.
func (r *Releaser) room() error {
	if r.underWay() >= mostOpen {
		return fault.New(fault.TooMany, "command.too_many", "too many commands are under way")
	}
	return nil
}

func (r *Releaser) underWay() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

func (r *Releaser) begin(c command.Command) *order {
	o := &order{controller: c.Controller, answers: make(chan wire.CommandAnswer, 2)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[c.ID] = o
	return o
}

func (r *Releaser) end(c command.Command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c.ID)
}

// run asks for the nonce and gives the command. The answer is Done or Refused when the error is nil.
func (r *Releaser) run(ctx context.Context, c command.Command, o *order) (wire.CommandAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, allTime)
	defer cancel()
	challenge := wire.DoCommand{V: wire.V, Type: wire.Command, ID: c.ID, Op: wire.Challenge}
	if err := r.send(ctx, c, challenge); err != nil {
		return wire.CommandAnswer{}, err
	}
	first, cancelFirst := context.WithTimeout(ctx, nonceTime)
	defer cancelFirst()
	answer, err := await(first, o, func(a wire.CommandAnswer) bool { return a.Nonce != "" || a.Refused != "" })
	if err != nil || answer.Refused != "" {
		return answer, err
	}
	if err := r.send(ctx, c, orderOf(c, answer.Nonce)); err != nil {
		return wire.CommandAnswer{}, err
	}
	return await(ctx, o, func(a wire.CommandAnswer) bool { return a.Done || a.Refused != "" })
}

// orderOf is a command as it goes out.
func orderOf(c command.Command, nonce string) wire.DoCommand {
	order := wire.DoCommand{
		V: wire.V, Type: wire.Command, ID: c.ID, Op: wire.Release, Nonce: nonce, Door: c.Door,
		By: cut(c.Actor, access.MaxID), Reason: cut(c.Reason, wire.MaxReason),
	}
	if c.Op == command.Forget {
		order.Op, order.Area, order.Person = wire.Forget, c.Area, c.Person
	}
	return order
}

func (r *Releaser) send(ctx context.Context, c command.Command, body wire.DoCommand) error {
	at := wire.Address{Site: r.cfg.Site, Controller: c.Controller, Kind: wire.Command}
	payload, err := wire.Seal(at, body, r.cfg.Signer)
	if err != nil {
		return err
	}
	if err := r.cfg.Publish(ctx, at.Topic(), payload); err != nil {
		return noAnswer(err.Error())
	}
	return nil
}

// await waits for the answer that belongs to the step.
func await(ctx context.Context, o *order, fits func(wire.CommandAnswer) bool) (wire.CommandAnswer, error) {
	for {
		select {
		case a := <-o.answers:
			if fits(a) {
				return a, nil
			}
		case <-ctx.Done():
			return wire.CommandAnswer{}, noAnswer("no answer in time")
		}
	}
}

func noAnswer(text string) error { return fault.New(fault.Unavailable, "command.no_answer", text) }

// keep records the outcome, also for a caller who has gone away.
func (r *Releaser) keep(ctx context.Context, c command.Command, out Outcome, err error) {
	outcome := command.Done
	switch {
	case err != nil:
		outcome = command.Unanswered
	case !out.Done:
		outcome = command.Refused
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	attrs := []any{
		slog.String("command", c.ID), slog.String("op", string(c.Op)), slog.String("door", c.Door), slog.String("area", c.Area), slog.String("controller", c.Controller), slog.String("actor", c.Actor),
		slog.String("outcome", string(outcome)), slog.String("refused", out.Refused), slog.Duration("took", out.Took),
	}
	if err := r.cfg.Commands.End(ctx, c.ID, outcome, out.Refused, out.Took); err != nil {
		r.cfg.Log.ErrorContext(ctx, "outcome of a command not recorded", append(attrs, slog.Any("error", err))...)
		return
	}
	r.cfg.Log.InfoContext(ctx, "command to a door", attrs...)
}

// cut bounds a text to a number of bytes, at a whole character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}
