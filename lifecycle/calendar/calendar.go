// Package calendar is the register of the days on which the city's offices are closed: the holidays of the Act and the days around the new year (package
// holiday), less the holidays on which the city works, and with the days on which it alone is closed (臨時の閉庁日).
//
// What the city says of a day takes effect at once where it only shuts graded areas (grade 2 or 3) or leaves them as they are. Where a timetable that one of them uses
// opens for longer on that day, two people say it, as with the timetable itself: the method keeps a request and returns an approval.WaitingError.
//
// Doors are told of holidays up to a day that is itself in the register, the horizon, so that what a door is told follows from the registers alone and
// not from the hour. A Keeper moves it on each New Year's Day.
package calendar

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"kanmon/internal/access/timetable"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/calendar/holiday"
)

// Kind of a day of the city's own.
type Kind string

// Kinds.
const (
	Closed Kind = "closed" // closed where others work (臨時の閉庁日)
	Open   Kind = "open"   // a holiday on which the city works
	none   Kind = "none"   // neither any more
)

// Own is a day as the city says.
type Own struct {
	Date string // "2027-03-28"
	Kind Kind
	Name string // at most 64 characters
}

// Day is a day that is not like others.
type Day struct {
	Date    timetable.Day
	Holiday bool         // for doors
	Law     holiday.Kind // what it is but for the city's own word; empty: a day like others
	Own     Kind         // Closed, Open, or empty
	Name    string       // of Own
	Version int64        // of Own, from 1
}

// Register is the register of days.
type Register struct {
	store     *store.Store
	approvals *approval.Register
}

// New opens the register, and tells the register of approvals how a day is put and taken back.
func New(s *store.Store, approvals *approval.Register) *Register {
	approvals.Handle(dayPut, approval.Made(authz.AreaWrite, putDay))
	approvals.Handle(dayRemove, approval.Made(authz.AreaWrite, removeDay))
	return &Register{store: s, approvals: approvals}
}

// mostDays bounds what is asked for at once: three years.
const mostDays = 3 * 366

// Days lists the days from one date to another, both included, that are not like others, in order. Needs authz.AreaRead. More than three years, and
// years that package holiday does not know, are fault.Invalid.
func (r *Register) Days(ctx context.Context, actor store.Actor, from, to timetable.Day) (days []Day, err error) {
	if to < from || to-from >= mostDays {
		return nil, fault.BadField("to", "calendar.range", fmt.Sprintf("%s to %s, want at most %d days", from, to, mostDays))
	}
	err = r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.AreaRead); err != nil {
			return err
		}
		days, err = between(ctx, q, from, to+1, newest)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	return days, nil
}

// between lists the days from one date, until another one, exclusive, as they stood before a leaf of the ledger.
func between(ctx context.Context, q store.Queryer, from, until timetable.Day, before int64) ([]Day, error) {
	by := map[timetable.Day]Day{}
	for year := yearOf(from); year <= yearOf(until-1); year++ {
		law, err := holiday.WithYearEnd(year)
		if err != nil {
			return nil, fault.BadField("from", "calendar.year", err.Error())
		}
		for _, d := range law {
			by[d.Date] = Day{Date: d.Date, Holiday: true, Law: d.Kind}
		}
	}
	own, err := ownDays(ctx, q, from, until, before)
	if err != nil {
		return nil, err
	}
	for _, o := range own {
		o.Law = by[o.Date].Law
		by[o.Date] = o
	}
	var days []Day
	for date := from; date < until; date++ {
		if d, is := by[date]; is {
			days = append(days, d)
		}
	}
	return days, nil
}

// ownDays reads what the city says; dates in ISO form are in the order of their texts.
func ownDays(ctx context.Context, q store.Queryer, from, until timetable.Day, before int64) ([]Day, error) {
	var rows []struct {
		ID, Kind, Name string
		N              int64
	}
	err := q.Select(ctx, &rows, `SELECT v.id, v.n, v.kind, v.name FROM calendar_day_version v
		WHERE v.id >= ? AND v.id < ? AND v.kind <> 'none'
		AND v.n = (SELECT MAX(o.n) FROM calendar_day_version o WHERE o.id = v.id AND o.leaf < ?)`, from.String(), until.String(), before)
	if err != nil {
		return nil, err
	}
	days := make([]Day, len(rows))
	for i, row := range rows {
		date, err := timetable.Date(row.ID)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "read a stored date")
		}
		days[i] = Day{Date: date, Holiday: Kind(row.Kind) == Closed, Own: Kind(row.Kind), Name: row.Name, Version: row.N}
	}
	return days, nil
}

func yearOf(d timetable.Day) int {
	year, _ := strconv.Atoi(d.String()[:4]) // always digits
	return year
}

// today is the date in Japan.
func today(now time.Time) timetable.Day { return timetable.DayOf(now.Unix()) }
