// Package calendar is the console's pages of the calendar (暦) and of the timetables (時間帯): a year with its holidays and the city's own days, and for each
// timetable the hours of every day of a month, worked out as a door does it.
package calendar

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"kanmon/api/console/approvals"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access/timetable"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/calendar/holiday"
)

//go:embed ja.json en.json templates
var files embed.FS

// Days is what the pages ask of the register of days.
type Days interface {
	Days(ctx context.Context, actor store.Actor, from, to timetable.Day) ([]calendar.Day, error)
	ForDoors(ctx context.Context) (timetable.Calendar, error)
	Put(ctx context.Context, actor store.Actor, reason string, o calendar.Own) error
	Remove(ctx context.Context, actor store.Actor, reason, date string) error
}

// Schedules is what the pages ask of the register of areas.
type Schedules interface {
	Schedules(ctx context.Context, actor store.Actor) ([]area.Schedule, error)
	AddSchedule(ctx context.Context, actor store.Actor, s area.Schedule) (area.Schedule, error)
	ChangeSchedule(ctx context.Context, actor store.Actor, reason string, s area.Schedule) error
}

// Config is what the pages need.
type Config struct {
	Shell     *ui.Shell
	Days      Days
	Schedules Schedules
	Now       func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config         Config
	year, schedule ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "calendar", Files: files,
		Pages: map[string]*ui.View{"year.html": &p.year, "schedule.html": &p.schedule},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /calendar", Handle: p.showYear},
		{Pattern: "POST /calendar/days", Handle: p.putDay},
		{Pattern: "POST /calendar/days/remove", Handle: p.removeDay},
		{Pattern: "GET /schedules/new", Handle: p.askSchedule},
		{Pattern: "POST /schedules", Handle: p.addSchedule},
		{Pattern: "GET /schedules/{id}", Handle: p.showSchedule},
		{Pattern: "POST /schedules/{id}", Handle: p.changeSchedule},
	}
}

// section is the one of the header that is lit.
const section = "areas"

// dayForm is the form about a day of the city's own, as it was filled in.
type dayForm struct {
	Problem, Field           string
	Date, Kind, Name, Reason string
	Own                      bool // the city says something of the day, which may be taken back
}

func (p *Pages) today() timetable.Day { return timetable.DayOf(p.config.Now().Unix()) }

func yearOf(d timetable.Day) int {
	year, _ := strconv.Atoi(d.String()[:4]) // always digits
	return year
}

func dateOf(year, month, day int) timetable.Day {
	return timetable.DayOf(time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix())
}

// asked is the year that an address names; this one when it names none that is known.
func (p *Pages) asked(r *http.Request) int {
	year, err := strconv.Atoi(r.FormValue("year"))
	if err != nil || year < holiday.First || year > holiday.Last {
		return yearOf(p.today())
	}
	return year
}

func (p *Pages) showYear(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	year := p.asked(r)
	return p.renderYear(w, r, v, http.StatusOK, year, dayForm{Date: r.FormValue("day"), Kind: string(calendar.Closed)})
}

func (p *Pages) renderYear(w http.ResponseWriter, r *http.Request, v ui.Visitor, status, year int, f dayForm) error {
	ctx, actor := r.Context(), v.Actor()
	days, err := p.config.Days.Days(ctx, actor, dateOf(year, 1, 1), dateOf(year, 12, 31))
	if err != nil {
		return err
	}
	schedules, err := p.config.Schedules.Schedules(ctx, actor)
	if err != nil {
		return err
	}
	told, err := p.config.Days.ForDoors(ctx)
	if err != nil {
		return err
	}
	lang := ui.LangOf(r)
	data := struct {
		Year, Before, After int
		Months              []month
		Own                 []calendar.Day
		Schedules           []area.Schedule
		Known               string // the last day of which doors know, in words
		Form                dayForm
		MayWrite            bool
		Done                string
	}{
		Year: year, Before: year - 1, After: year + 1, Months: p.months(lang, year, days), Own: ownOf(days), Schedules: schedules, Known: lastKnown(lang, told),
		Form: fill(f, days), MayWrite: v.May(authz.AreaWrite), Done: done(r),
	}
	if year == holiday.First {
		data.Before = 0
	}
	if year == holiday.Last {
		data.After = 0
	}
	title := p.year.Text(lang, "calendar.title")
	return p.config.Shell.Render(w, r, v, p.year, ui.Page{Status: status, Title: title, Section: section, Data: data})
}

func ownOf(days []calendar.Day) (own []calendar.Day) {
	for _, d := range days {
		if d.Own != "" {
			own = append(own, d)
		}
	}
	return own
}

// fill puts what the city says of the form's day into a form that is otherwise empty.
func fill(f dayForm, days []calendar.Day) dayForm {
	for _, d := range ownOf(days) {
		if d.Date.String() != f.Date {
			continue
		}
		f.Own = true
		if f.Problem == "" {
			f.Kind, f.Name = string(d.Own), d.Name
		}
	}
	return f
}

// done is what was just done, of the words that the page has for it.
func done(r *http.Request) string {
	switch what := r.FormValue("done"); what {
	case "put", "removed", "added", "changed":
		return what
	default:
		return ""
	}
}

func (p *Pages) putDay(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := dayForm{Date: r.PostFormValue("date"), Kind: r.PostFormValue("kind"), Name: r.PostFormValue("name"), Reason: r.PostFormValue("reason")}
	err := p.config.Days.Put(r.Context(), v.Actor(), f.Reason, calendar.Own{Date: f.Date, Kind: calendar.Kind(f.Kind), Name: f.Name})
	return p.answerDay(w, r, v, f, "put", err)
}

func (p *Pages) removeDay(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := dayForm{Date: r.PostFormValue("date"), Kind: r.PostFormValue("kind"), Name: r.PostFormValue("name"), Reason: r.PostFormValue("reason")}
	return p.answerDay(w, r, v, f, "removed", p.config.Days.Remove(r.Context(), v.Actor(), f.Reason, f.Date))
}

func (p *Pages) answerDay(w http.ResponseWriter, r *http.Request, v ui.Visitor, f dayForm, done string, err error) error {
	year := p.asked(r)
	if date, wrong := timetable.Date(f.Date); wrong == nil && yearOf(date) >= holiday.First && yearOf(date) <= holiday.Last {
		year = yearOf(date)
	}
	if err == nil {
		ui.Redirect(w, r, fmt.Sprintf("/calendar?year=%d&done=%s", year, done))
		return nil
	}
	if approvals.Sent(w, r, err) {
		return nil
	}
	var correctable bool
	if f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err); !correctable {
		return err
	}
	return p.renderYear(w, r, v, ui.StatusOf(err), year, f)
}

// lastKnown is the last day of which doors know whether it is a holiday, in words; empty when they know of none.
func lastKnown(l message.Lang, told timetable.Calendar) string {
	until, err := ui.Midnight(told.Until)
	if err != nil || until.IsZero() {
		return ""
	}
	return ui.Until(l, until)
}

// nameOf is what a day is called: by the city, else by the law.
func (p *Pages) nameOf(l message.Lang, d calendar.Day) string {
	if d.Law == "" {
		return d.Name
	}
	return cmp.Or(d.Name, p.year.Text(l, "law."+string(d.Law)))
}
