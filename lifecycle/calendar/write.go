package calendar

import (
	"context"
	"fmt"

	"kanmon/internal/access/timetable"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/calendar/holiday"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
)

// Put says that a day is closed or open, with a reason, in the place of what was said of it before, and brings it to the doors. Needs authz.AreaWrite.
// A day before today, one that is Open and no holiday, and one that is Closed and a holiday anyway are fault.Invalid.
func (r *Register) Put(ctx context.Context, actor store.Actor, reason string, o Own) error {
	date, reason, err := r.check(o.Date, reason)
	if err == nil {
		o.Name, err = field.Text("name", o.Name, 64)
	}
	if err == nil {
		err = o.fits(date)
	}
	if err != nil {
		return fmt.Errorf("put a day: %w", err)
	}
	return r.write(ctx, actor, reason, "put a day", func(tx *store.Tx) error { return o.keep(ctx, tx) })
}

// Remove takes back what the city said of a day, with a reason: it is again what it is by law. Needs authz.AreaWrite.
func (r *Register) Remove(ctx context.Context, actor store.Actor, reason, date string) error {
	day, reason, err := r.check(date, reason)
	if err != nil {
		return fmt.Errorf("remove a day: %w", err)
	}
	return r.write(ctx, actor, reason, "remove a day", func(tx *store.Tx) error {
		own, err := ownDays(ctx, tx, day, day+1, newest)
		if err != nil {
			return err
		}
		if len(own) == 0 {
			return fault.New(fault.NotFound, "calendar.unknown_day", "nothing is said of "+date)
		}
		return Own{Date: date, Kind: none, Name: own[0].Name}.keep(ctx, tx)
	})
}

// check reads a date that may still be decided about, and a reason.
func (r *Register) check(date, reason string) (timetable.Day, string, error) {
	day, err := timetable.Date(date)
	if err != nil {
		return 0, "", fault.BadField("date", "calendar.date", err.Error())
	}
	if year := yearOf(day); year < holiday.First || year > holiday.Last {
		return 0, "", fault.BadField("date", "calendar.year", fmt.Sprintf("year %d", year))
	}
	if day < today(r.store.Now()) {
		return 0, "", fault.BadField("date", "calendar.past", date+" is past")
	}
	reason, err = field.Text("reason", reason, 200)
	return day, reason, err
}

// fits reports whether a word of the city's changes what the day is by law.
func (o Own) fits(date timetable.Day) error {
	law, err := holiday.WithYearEnd(yearOf(date))
	if err != nil {
		return fault.BadField("date", "calendar.year", err.Error())
	}
	is := false
	for _, d := range law {
		is = is || d.Date == date
	}
	switch {
	case o.Kind != Closed && o.Kind != Open:
		return fault.BadField("kind", "calendar.kind", fmt.Sprintf("kind %.20q", o.Kind))
	case o.Kind == Open && !is:
		return fault.BadField("date", "calendar.no_holiday", o.Date+" is no holiday")
	case o.Kind == Closed && is:
		return fault.BadField("date", "calendar.holiday", o.Date+" is a holiday already")
	}
	return nil
}

func (o Own) keep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Version(ctx, "calendar_day", o.Date, store.Row{{Name: "kind", Value: string(o.Kind)}, {Name: "name", Value: o.Name}}, nil)
	if err != nil {
		return err
	}
	return device.WantForCalendar(ctx, tx)
}

func (r *Register) write(ctx context.Context, actor store.Actor, reason, doing string, fn func(*store.Tx) error) error {
	err := r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.AreaWrite); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
