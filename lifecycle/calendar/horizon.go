package calendar

import (
	"context"
	"fmt"
	"math"
	"time"

	"kanmon/internal/access/timetable"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/calendar/holiday"
	"kanmon/lifecycle/device"
)

// horizon is the part of the calendar that doors are told: from a date, until another one, exclusive.
type horizon struct{ Since, Until string }

// horizonID is the one entry of its register.
const horizonID = "doors"

// horizonOf a moment begins on the day before its year, whose windows may run into the year, and ends with the fiscal year that begins in the next
// year: when the year ends a door knows of fifteen more months, in which a centre may be away. In years of which too little is known there is none.
func horizonOf(now time.Time) horizon {
	year := yearOf(today(now))
	if year <= holiday.First || year+2 > holiday.Last {
		return horizon{}
	}
	return horizon{Since: fmt.Sprintf("%d-12-31", year-1), Until: fmt.Sprintf("%d-04-01", year+2)}
}

// Extend moves the horizon on when its year has begun, and brings the holidays up to it to the doors. It reports whether there was something to do.
// Only the program itself may. A clock that is behind moves it nowhere.
func (r *Register) Extend(ctx context.Context, actor store.Actor, now time.Time) (moved bool, err error) {
	if actor.Kind != store.ActorSystem {
		return false, fault.New(fault.Denied, "auth.denied", actor.String()+" may not move the horizon of the calendar")
	}
	next := horizonOf(now)
	present, err := r.horizon(ctx)
	if err != nil || next.Until <= present.Until {
		return false, err
	}
	err = r.store.Write(ctx, actor, "holidays of another year", func(tx *store.Tx) error {
		_, err := tx.Version(ctx, "calendar_horizon", horizonID, store.Row{{Name: "since", Value: next.Since}, {Name: "until", Value: next.Until}}, nil)
		if err != nil {
			return err
		}
		return device.WantForCalendar(ctx, tx)
	})
	if err != nil {
		return false, fmt.Errorf("move the horizon of the calendar: %w", err)
	}
	return true, nil
}

func (r *Register) horizon(ctx context.Context) (h horizon, err error) {
	err = r.store.Read(ctx, func(q store.Queryer) error {
		h, err = readHorizon(ctx, q, newest)
		return err
	})
	return h, err
}

// newest stands for a leaf after all there are.
const newest = math.MaxInt64

// readHorizon reads the horizon as it stood before a leaf of the ledger.
func readHorizon(ctx context.Context, q store.Queryer, before int64) (h horizon, err error) {
	err = q.Get(ctx, &h, `SELECT since, until FROM calendar_horizon_version WHERE id = ? AND leaf < ? ORDER BY n DESC LIMIT 1`, horizonID, before)
	if fault.KindOf(err) == fault.NotFound {
		return horizon{}, nil
	}
	return h, err
}

// ForDoors is the calendar as doors are told it; empty while there is no horizon, and then doors know of no day whether it is a holiday.
func ForDoors(ctx context.Context, q store.Queryer) (timetable.Calendar, error) {
	return ForDoorsAt(ctx, q, newest)
}

// ForDoorsAt is what doors were told by a policy made of what stands before a leaf of the ledger, by the Act as this program knows it.
func ForDoorsAt(ctx context.Context, q store.Queryer, before int64) (timetable.Calendar, error) {
	h, err := readHorizon(ctx, q, before)
	if err != nil || h.Until == "" {
		return timetable.Calendar{}, err
	}
	since, err := timetable.Date(h.Since)
	if err != nil {
		return timetable.Calendar{}, fault.Wrap(fault.Internal, err, "read a stored date")
	}
	until, err := timetable.Date(h.Until)
	if err != nil {
		return timetable.Calendar{}, fault.Wrap(fault.Internal, err, "read a stored date")
	}
	days, err := between(ctx, q, since, until, before)
	c := timetable.Calendar{Until: h.Until}
	for _, d := range days {
		if d.Holiday {
			c.Holidays = append(c.Holidays, d.Date.String())
		}
	}
	return c, err
}

// ForDoors is what doors are told now. Needs no right of its own: it is in every policy.
func (r *Register) ForDoors(ctx context.Context) (c timetable.Calendar, err error) {
	err = r.store.Read(ctx, func(q store.Queryer) error {
		c, err = ForDoors(ctx, q)
		return err
	})
	return c, err
}
