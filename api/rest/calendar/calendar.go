// Package calendar is the days that are not like others: holidays, the days around the new year, and those of the city's own.
// What opens a timetable of a graded area for longer waits for a second person: the answer is then 202, with the request (package approvals).
package calendar

import (
	"context"
	"errors"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/access/timetable"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/calendar"
)

// Config is what the routes work on.
type Config struct{ Days *calendar.Register }

type dayView struct {
	Date    string `json:"date" format:"date"`
	Holiday bool   `json:"holiday" doc:"Whether doors take it as a holiday"`
	Law     string `json:"law,omitempty" doc:"What it is but for the city's own word, such as new_year, substitute, between or year_end"`
	Own     string `json:"own,omitempty" enum:"closed,open" doc:"What the city says of it"`
	Name    string `json:"name,omitempty" doc:"The city's name for it"`
	Version int64  `json:"version,omitempty" doc:"Of the city's word"`
}

func newDayView(d calendar.Day) dayView {
	return dayView{d.Date.String(), d.Holiday, string(d.Law), string(d.Own), d.Name, d.Version}
}

type (
	rangeIn struct {
		From string `query:"from" required:"true" format:"date" doc:"The first date"`
		To   string `query:"to" required:"true" format:"date" doc:"The last date, at most three years after the first"`
	}
	daysOut struct {
		Body struct {
			Until string    `json:"until,omitempty" format:"date" doc:"Doors know of the days before this one; left out: of none"`
			Items []dayView `json:"items" nullable:"false"`
		}
	}
	ownIn struct {
		Date string `path:"date" format:"date"`
		Body struct {
			Kind   string `json:"kind" enum:"closed,open" doc:"closed: closed where others work; open: a holiday on which the city works"`
			Name   string `json:"name" maxLength:"64"`
			Reason string `json:"reason" maxLength:"200"`
		}
	}
	removeIn struct {
		Date   string `path:"date" format:"date"`
		Reason string `query:"reason" required:"true" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
	}
)

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("calendar")
	frame.Get(s, "/calendar", "listDays", "Days that are not like others", cfg.days)
	two := frame.Accepts[view.Approval](s, "It waits for a second person, because a timetable of an area of grade 2 or 3 opens for longer")
	frame.Put(two, "/calendar/days/{date}", "putDay", "Say that the city is closed, or works, on a day", cfg.put)
	frame.Delete(two, "/calendar/days/{date}", "removeDay", "Take back what the city said of a day", cfg.remove)
}

func (cfg Config) days(ctx context.Context, who auth.Principal, in *rangeIn) (*daysOut, error) {
	from, err := timetable.Date(in.From)
	if err != nil {
		return nil, fault.BadField("from", "calendar.date", err.Error())
	}
	to, err := timetable.Date(in.To)
	if err != nil {
		return nil, fault.BadField("to", "calendar.date", err.Error())
	}
	days, err := cfg.Days.Days(ctx, who.Actor(), from, to)
	if err != nil {
		return nil, err
	}
	told, err := cfg.Days.ForDoors(ctx)
	out := &daysOut{}
	out.Body.Until, out.Body.Items = told.Until, view.List(days, newDayView)
	return out, err
}

func (cfg Config) put(ctx context.Context, who auth.Principal, in *ownIn) (*struct{}, error) {
	b := in.Body
	return nil, waits(cfg.Days.Put(ctx, who.Actor(), b.Reason, calendar.Own{Date: in.Date, Kind: calendar.Kind(b.Kind), Name: b.Name}))
}

func (cfg Config) remove(ctx context.Context, who auth.Principal, in *removeIn) (*struct{}, error) {
	return nil, waits(cfg.Days.Remove(ctx, who.Actor(), in.Reason, in.Date))
}

// waits turns a change that waits for a second person into the answer that says so.
func waits(err error) error {
	if w, ok := errors.AsType[*approval.WaitingError](err); ok {
		return frame.Accepted(view.NewApproval(w.Request))
	}
	return err
}
