package alarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/alarm/raise"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/period"
)

// Escalated is the kind of the notice about an alarm that nobody has acknowledged. Its parameters are the alarm's kind ("alarm"), what it is about
// ("about", "subject", "name") and how often it was escalated ("times").
const Escalated = "alarm_escalated"

// Shortest is the shortest time that a rule of Watch waits.
func (r *Register) Shortest() time.Duration {
	return min(r.limits.Silent, r.limits.Urgent, r.limits.Normal)
}

// heard is how a controller was heard last.
type heard struct {
	ID       string
	Online   bool
	Seen     string
	OffsetMS *int64 `db:"offset_ms"`
}

// states returns the alarms that there are for as long as a controller is as it is. Nobody is silent for the time before started, when the
// centre did not listen.
func (l Limits) states(h heard, started, now time.Time) ([]Kind, error) {
	seen, err := period.Time(h.Seen)
	if err != nil {
		return nil, err
	}
	if seen.Before(started) {
		seen = started
	}
	var list []Kind
	if !h.Online && now.Sub(seen) >= l.Silent {
		list = append(list, ControllerSilent)
	}
	if h.Online && h.OffsetMS != nil && (time.Duration(*h.OffsetMS)*time.Millisecond).Abs() > l.Clock {
		list = append(list, ClockOff)
	}
	return list, nil
}

// due reports whether an alarm is to be escalated: nobody has taken it in time, or not for long since it was escalated last.
func (l Limits) due(o openRow, now time.Time) (bool, error) {
	if o.State != Raised {
		return false, nil
	}
	since, wait := o.RaisedAt, l.Normal
	switch {
	case o.Escalations > 0:
		since, wait = o.EscalatedAt, l.Again
	case o.Severity == Urgent:
		wait = l.Urgent
	}
	at, err := period.Time(since)
	return now.Sub(at) >= wait, err
}

// plan is what a look around has found.
type plan struct {
	raise    []*change // new alarms of controllers, and acknowledged ones that were over and are not any more
	again    []*change // others that were over, and are not any more
	wake     []openRow // acknowledged ones with what nobody can have seen to
	over     []openRow
	escalate []openRow
}

// plan compares the controllers with the open alarms.
func (l Limits) plan(controllers []heard, open map[Key]openRow, started, now time.Time) (plan, error) {
	var p plan
	is := map[Key]bool{}
	for _, h := range controllers {
		kinds, err := l.states(h, started, now)
		if err != nil {
			return plan{}, err
		}
		for _, kind := range kinds {
			key := raise.Of(kind, Controller, h.ID)
			is[key] = true
			c := &change{Key: key, Severity: Normal, Controller: h.ID, Count: 1, First: now, Last: now}
			o, known := open[key]
			rested, err := o.rested(now)
			switch {
			case err != nil:
				return plan{}, err
			case !known || (o.OverAt != "" && o.State == Acknowledged && rested):
				p.raise = append(p.raise, c)
			case o.OverAt != "" && o.State == Raised:
				p.again = append(p.again, c)
			}
		}
	}
	for _, o := range sorted(open) {
		if (o.Kind == ControllerSilent || o.Kind == ClockOff) && o.OverAt == "" && !is[o.key()] {
			p.over = append(p.over, o)
		}
		due, err := l.due(o, now)
		if err != nil {
			return plan{}, err
		}
		rested, err := o.rested(now)
		if err != nil {
			return plan{}, err
		}
		if due {
			p.escalate = append(p.escalate, o)
		}
		if rested && o.waits() {
			p.wake = append(p.wake, o)
		}
	}
	return p, nil
}

func sorted(open map[Key]openRow) []openRow {
	return slices.SortedFunc(maps.Values(open), func(a, b openRow) int { return cmp.Or(cmp.Compare(a.RaisedAt, b.RaisedAt), cmp.Compare(a.ID, b.ID)) })
}

// Watch looks around once: it raises and ends alarms of controllers that are silent or whose clock is off, and escalates what nobody has
// acknowledged. started is when the centre began to listen. It may run in several places at once: each looks again within its transaction.
func (r *Register) Watch(ctx context.Context, started time.Time) error {
	var p plan
	err := r.store.Read(ctx, func(q store.Queryer) error {
		var err error
		p, err = r.look(ctx, q, started, r.store.Now())
		return err
	})
	if err == nil && len(p.again)+len(p.over) > 0 {
		err = r.store.WriteDerived(ctx, "how long alarms last", func(tx *store.Tx) error { return r.settle(ctx, tx, started) })
	}
	if err == nil && len(p.raise)+len(p.wake)+len(p.escalate) > 0 {
		err = r.store.Write(ctx, store.System("watch"), "", func(tx *store.Tx) error { return r.act(ctx, tx, started) })
	}
	if err != nil && !errors.Is(err, errNothing) {
		return fmt.Errorf("watch over alarms: %w", err)
	}
	return nil
}

// errNothing ends a transaction that would write nothing: somebody else was here before.
var errNothing = errors.New("nothing to do")

func (r *Register) look(ctx context.Context, q store.Queryer, started, now time.Time) (plan, error) {
	var controllers []heard
	if err := q.Select(ctx, &controllers, `SELECT id, online, seen, offset_ms FROM v_alarm_controller ORDER BY id`); err != nil {
		return plan{}, err
	}
	open, err := selectOpen(ctx, q, ``)
	if err != nil {
		return plan{}, err
	}
	return r.limits.plan(controllers, open, started, now)
}

// settle writes down what needs no leaf.
func (r *Register) settle(ctx context.Context, tx *store.Tx, started time.Time) error {
	p, err := r.look(ctx, tx, started, tx.Now())
	if err != nil {
		return err
	}
	for _, o := range p.over {
		if err := end(ctx, tx, o.ID, tx.Now()); err != nil {
			return err
		}
	}
	open, err := selectOpen(ctx, tx, ``)
	if err != nil {
		return err
	}
	for _, c := range p.again {
		if err := c.apply(ctx, tx, open); err != nil {
			return err
		}
	}
	return nil
}

// act raises and escalates.
func (r *Register) act(ctx context.Context, tx *store.Tx, started time.Time) error {
	p, err := r.look(ctx, tx, started, tx.Now())
	if err != nil {
		return err
	}
	if len(p.raise)+len(p.wake)+len(p.escalate) == 0 {
		return errNothing
	}
	open, err := selectOpen(ctx, tx, ``)
	if err != nil {
		return err
	}
	for _, c := range p.raise {
		if err := c.apply(ctx, tx, open); err != nil {
			return err
		}
	}
	for _, o := range p.wake {
		if err := o.wake(ctx, tx); err != nil {
			return err
		}
	}
	managers, err := account.Holders(ctx, tx, authz.SecurityManager, authz.SystemManager)
	if err != nil {
		return err
	}
	for _, o := range p.escalate {
		if err := escalate(ctx, tx, o.ID, managers); err != nil {
			return err
		}
	}
	return nil
}

// escalate tells the managers of an alarm.
func escalate(ctx context.Context, tx *store.Tx, id string, managers []string) error {
	k, err := keptOf(ctx, tx, id)
	if err != nil {
		return err
	}
	k.Escalations++
	k.EscalatedAt, k.Told = store.FormatTime(tx.Now()), strings.Join(managers, " ")
	if err := k.step(ctx, tx, "escalated"); err != nil {
		return err
	}
	a, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, to := range managers {
		err := notice.Send(ctx, tx, notice.Message{
			To: to, Kind: Escalated, Subject: id, Link: "/alarms/" + id, Params: map[string]string{
				"alarm": string(a.Kind), "about": string(a.Subject.About), "subject": a.Subject.ID, "name": a.SubjectName, "times": strconv.Itoa(a.Escalations),
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
