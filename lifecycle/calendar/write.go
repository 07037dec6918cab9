package calendar

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/access/timetable"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/calendar/holiday"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
)

// Kinds of change, as they stand in requests.
const (
	dayPut    = "calendar.put"
	dayRemove = "calendar.remove"
)

// Put says that a day is closed or open, with a reason, in the place of what was said of it before, and brings it to the doors. Needs authz.AreaWrite.
// Where it opens a timetable of a graded area for longer it needs two people, and the error is then an approval.WaitingError.
// A day before today, one that is Open and no holiday, and one that is Closed and a holiday anyway are fault.Invalid.
func (r *Register) Put(ctx context.Context, actor store.Actor, reason string, o Own) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		o.Name, err = field.Text("name", o.Name, 64)
	}
	if err == nil {
		err = o.fits(r.store.Now())
	}
	if err != nil {
		return fmt.Errorf("put a day: %w", err)
	}
	return r.submit(ctx, actor, "put a day", dayPut, reason, o)
}

// Remove takes back what the city said of a day, with a reason: it is again what it is by law. Needs authz.AreaWrite, and two people where Put does.
func (r *Register) Remove(ctx context.Context, actor store.Actor, reason, date string) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		_, err = upcoming(date, r.store.Now())
	}
	if err != nil {
		return fmt.Errorf("remove a day: %w", err)
	}
	return r.submit(ctx, actor, "remove a day", dayRemove, reason, Own{Date: date, Kind: none})
}

// upcoming reads a date that may still be decided about.
func upcoming(date string, now time.Time) (timetable.Day, error) {
	day, err := timetable.Date(date)
	if err != nil {
		return 0, fault.BadField("date", "calendar.date", err.Error())
	}
	if year := yearOf(day); year < holiday.First || year > holiday.Last {
		return 0, fault.BadField("date", "calendar.year", fmt.Sprintf("year %d", year))
	}
	if day < today(now) {
		return 0, fault.BadField("date", "calendar.past", date+" is past")
	}
	return day, nil
}

// fits reports whether a word of the city's changes what the day is by law.
func (o Own) fits(now time.Time) error {
	date, err := upcoming(o.Date, now)
	if err != nil {
		return err
	}
	is, err := byLaw(date)
	switch {
	case err != nil:
		return err
	case o.Kind != Closed && o.Kind != Open:
		return fault.BadField("kind", "calendar.kind", fmt.Sprintf("kind %.20q", o.Kind))
	case o.Kind == Open && !is:
		return fault.BadField("date", "calendar.no_holiday", o.Date+" is no holiday")
	case o.Kind == Closed && is:
		return fault.BadField("date", "calendar.holiday", o.Date+" is a holiday already")
	}
	return nil
}

// byLaw reports whether a day is a holiday but for the city's own word.
func byLaw(date timetable.Day) (bool, error) {
	law, err := holiday.WithYearEnd(yearOf(date))
	if err != nil {
		return false, fault.BadField("date", "calendar.year", err.Error())
	}
	for _, d := range law {
		if d.Date == date {
			return true, nil
		}
	}
	return false, nil
}

// word is what the city says of a day, as it stands in a request.
type word struct {
	Date       string `json:"date"`
	Kind       Kind   `json:"own"`
	Name       string `json:"name"`
	Holiday    bool   `json:"holiday"` // for doors
	Timetables []use  `json:"timetables,omitempty"`
}

// said is the word that is in force.
func said(ctx context.Context, q store.Queryer, date string) (word, error) {
	day, err := timetable.Date(date)
	if err != nil {
		return word{}, fault.Wrap(fault.Internal, err, "read a stored date")
	}
	w := word{Date: date, Kind: none}
	if w.Holiday, err = byLaw(day); err != nil {
		return word{}, err
	}
	own, err := ownDays(ctx, q, day, day+1, newest)
	if err == nil && len(own) > 0 {
		w.Kind, w.Name, w.Holiday = own[0].Own, own[0].Name, own[0].Holiday
	}
	return w, err
}

// next is what becomes of a day of which was is said: with the timetables of graded areas that it touches.
func (o Own) next(ctx context.Context, q store.Queryer, was word) (word, error) {
	day, err := timetable.Date(o.Date)
	if err != nil {
		return word{}, fault.Wrap(fault.Internal, err, "read a checked date")
	}
	w := word{Date: o.Date, Kind: o.Kind, Name: o.Name, Holiday: o.Kind == Closed}
	if o.Kind == none {
		w.Name = was.Name
		if w.Holiday, err = byLaw(day); err != nil {
			return word{}, err
		}
	}
	w.Timetables, err = usesOf(ctx, q, day, was.Holiday, w.Holiday)
	return w, err
}

// submit has a word said: at once, or by a request where a timetable of a graded area opens for longer.
func (r *Register) submit(ctx context.Context, actor store.Actor, doing, kind, reason string, o Own) error {
	var was, next word
	err := r.approvals.Make(ctx, actor, approval.Wish{
		Register: "calendar", Kind: kind, Subject: o.Date, Reason: reason, Body: &next,
		Two: func(ctx context.Context, q store.Queryer) (two bool, err error) {
			if was, err = said(ctx, q, o.Date); err != nil {
				return false, err
			}
			next, err = o.next(ctx, q, was)
			return widens(next.Timetables), err
		},
		Before: func(context.Context, store.Queryer) (any, error) { return was, nil },
	}, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

var putDay = approval.Maker[word]{
	Check: func(_ context.Context, tx *store.Tx, w word) error {
		return Own{Date: w.Date, Kind: w.Kind}.fits(tx.Now())
	},
	Apply:   func(ctx context.Context, tx *store.Tx, w word) error { return w.keep(ctx, tx) },
	Version: approval.VersionOf("calendar_day"),
	Leans:   usesNow,
}

var removeDay = approval.Maker[word]{
	Check: func(ctx context.Context, tx *store.Tx, w word) error {
		if _, err := upcoming(w.Date, tx.Now()); err != nil {
			return err
		}
		now, err := said(ctx, tx, w.Date)
		if err == nil && now.Kind == none {
			err = fault.New(fault.NotFound, "calendar.unknown_day", "nothing is said of "+w.Date)
		}
		return err
	},
	Apply:   putDay.Apply,
	Version: approval.VersionOf("calendar_day"),
	Leans:   usesNow,
}

func (w word) keep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Version(ctx, "calendar_day", w.Date, store.Row{{Name: "kind", Value: string(w.Kind)}, {Name: "name", Value: w.Name}}, nil)
	if err != nil {
		return err
	}
	return device.WantForCalendar(ctx, tx)
}
