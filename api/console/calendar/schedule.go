package calendar

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"kanmon/api/console/approvals"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/access/timetable"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/calendar/holiday"
)

// scheduleForm is a timetable as it was filled in.
type scheduleForm struct {
	Problem, Field   string
	New              bool
	ID, Name, Reason string
	Hours            []hoursField // Monday to Sunday, then holidays
	Holidays         bool
	Special          string
}

type hoursField struct {
	Name  string // of the input
	Day   int    // 0 Sunday … 7 a holiday
	Value string
}

// order is that of the fields for hours.
func order() []int { return []int{1, 2, 3, 4, 5, 6, 0, access.Holiday} }

func fieldName(day int) string { return fmt.Sprintf("day%d", day) }

func formOf(s area.Schedule, closed string) scheduleForm {
	f := scheduleForm{ID: s.ID, Name: s.Name, Holidays: s.Holidays, Special: writeSpecial(s.Special, closed)}
	for _, day := range order() {
		var spans []access.Span
		for _, w := range s.Windows {
			if w.Day == day {
				spans = append(spans, access.Span{From: w.From, Until: w.Until})
			}
		}
		f.Hours = append(f.Hours, hoursField{fieldName(day), day, writeHours(spans)})
	}
	return f
}

func filledIn(r *http.Request, id string) scheduleForm {
	f := scheduleForm{
		ID: id, Name: r.PostFormValue("name"), Reason: r.PostFormValue("reason"), Holidays: r.PostFormValue("holidays") != "", Special: r.PostFormValue("special"),
	}
	for _, day := range order() {
		f.Hours = append(f.Hours, hoursField{fieldName(day), day, r.PostFormValue(fieldName(day))})
	}
	return f
}

// read is the timetable that a form means.
func (f scheduleForm) read() (s area.Schedule, err error) {
	s = area.Schedule{ID: f.ID, Name: f.Name, Holidays: f.Holidays}
	for _, h := range f.Hours {
		spans, err := readHours(h.Name, h.Value)
		if err != nil {
			return s, err
		}
		for _, w := range spans {
			s.Windows = append(s.Windows, access.Window{Day: h.Day, From: w.From, Until: w.Until})
		}
	}
	s.Special, err = readSpecial(f.Special)
	return s, err
}

func (p *Pages) find(ctx context.Context, v ui.Visitor, id string) (area.Schedule, error) {
	all, err := p.config.Schedules.Schedules(ctx, v.Actor())
	if err != nil {
		return area.Schedule{}, err
	}
	i := slices.IndexFunc(all, func(s area.Schedule) bool { return s.ID == id })
	if i < 0 {
		return area.Schedule{}, fault.New(fault.NotFound, "area.unknown_schedule", fmt.Sprintf("no schedule %.40q", id))
	}
	return all[i], nil
}

func (p *Pages) showSchedule(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	s, err := p.find(r.Context(), v, r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.renderSchedule(w, r, v, http.StatusOK, s, formOf(s, p.schedule.Text(ui.LangOf(r), "hours.shut")))
}

func (p *Pages) askSchedule(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := formOf(area.Schedule{Holidays: true}, "")
	f.New = true
	return p.renderSchedule(w, r, v, http.StatusOK, area.Schedule{}, f)
}

func (p *Pages) addSchedule(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := filledIn(r, r.PostFormValue("id"))
	f.New = true
	s, err := f.read()
	if err == nil {
		_, err = p.config.Schedules.AddSchedule(r.Context(), v.Actor(), s)
	}
	return p.answerSchedule(w, r, v, area.Schedule{}, f, "added", err)
}

func (p *Pages) changeSchedule(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	present, err := p.find(r.Context(), v, r.PathValue("id"))
	if err != nil {
		return err
	}
	f := filledIn(r, present.ID)
	s, err := f.read()
	if err == nil {
		err = p.config.Schedules.ChangeSchedule(r.Context(), v.Actor(), f.Reason, s)
	}
	return p.answerSchedule(w, r, v, present, f, "changed", err)
}

func (p *Pages) answerSchedule(w http.ResponseWriter, r *http.Request, v ui.Visitor, present area.Schedule, f scheduleForm, done string, err error) error {
	if err == nil {
		ui.Redirect(w, r, "/schedules/"+url.PathEscape(f.ID)+"?done="+done)
		return nil
	}
	if approvals.Sent(w, r, err) {
		return nil
	}
	var correctable bool
	if f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err); !correctable {
		return err
	}
	switch fault.CodeOf(err) {
	case "area.holiday_window":
		f.Field = fieldName(access.Holiday)
	case "area.id_taken":
		f.Field = "id"
	}
	return p.renderSchedule(w, r, v, ui.StatusOf(err), present, f)
}

// plan is a month of a timetable.
type plan struct {
	Title, Before, After string // the month in words; addresses of those beside it, empty at the ends of what is known
	Weeks                [][]hoursCell
	Untold               bool // doors do not know yet of all holidays in it
	Known                string
}

// hoursCell is a day with its hours; Number 0 is an empty place.
type hoursCell struct {
	Number      int
	Class, Name string
	Today       bool
	Open        []string
}

func (p *Pages) renderSchedule(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, s area.Schedule, f scheduleForm) error {
	lang := ui.LangOf(r)
	data := struct {
		Schedule area.Schedule
		Plan     plan
		Form     scheduleForm
		MayWrite bool
		Done     string
	}{Schedule: s, Form: f, MayWrite: v.May(authz.AreaWrite), Done: done(r)}
	title := p.schedule.Text(lang, "schedule.new")
	if !f.New {
		title = p.schedule.Text(lang, "schedule.title", s.Name)
		var err error
		if data.Plan, err = p.plan(r, v, lang, s); err != nil {
			return err
		}
	}
	return p.config.Shell.Render(w, r, v, p.schedule, ui.Page{Status: status, Title: title, Section: section, Data: data})
}

// monthForm is a month in an address.
const monthForm = "2006-01"

func (p *Pages) plan(r *http.Request, v ui.Visitor, lang message.Lang, s area.Schedule) (plan, error) {
	at, err := time.Parse(monthForm, r.FormValue("month"))
	if err != nil || at.Year() < holiday.First || at.Year() > holiday.Last {
		at, _ = time.Parse(monthForm, p.today().String()[:len(monthForm)]) // is one
	}
	first, last := dateOf(at.Year(), int(at.Month()), 1), dateOf(at.Year(), int(at.Month())+1, 1)-1
	days, err := p.config.Days.Days(r.Context(), v.Actor(), first, last)
	if err != nil {
		return plan{}, err
	}
	told, err := p.config.Days.ForDoors(r.Context())
	if err != nil {
		return plan{}, err
	}
	table, err := p.table(r.Context(), v, s, first, last)
	if err != nil {
		return plan{}, err
	}
	out := plan{
		Title:  p.schedule.Text(lang, "month", at.Year(), p.schedule.Text(lang, fmt.Sprint("month.", int(at.Month())))),
		Untold: s.Holidays && told.Until <= last.String(), Known: lastKnown(lang, told), Before: beside(at, -1), After: beside(at, 1),
	}
	out.Weeks = weeks(first, last, func(d timetable.Day) hoursCell { return p.cell(lang, s, days, table, first, d) })
	return out, nil
}

// beside is the month before or after, as an address has it.
func beside(at time.Time, by int) string {
	at = at.AddDate(0, by, 0)
	if at.Year() < holiday.First || at.Year() > holiday.Last {
		return ""
	}
	return at.Format(monthForm)
}

// table compiles a timetable as a door does, with the holidays of a month and of the day before it, whose windows may run into the month.
func (p *Pages) table(ctx context.Context, v ui.Visitor, s area.Schedule, first, last timetable.Day) (timetable.Table, error) {
	from := first
	if yearOf(first-1) >= holiday.First {
		from--
	}
	days, err := p.config.Days.Days(ctx, v.Actor(), from, last)
	if err != nil {
		return timetable.Table{}, err
	}
	known := timetable.Calendar{Until: (last + 1).String()}
	for _, d := range days {
		if d.Holiday {
			known.Holidays = append(known.Holidays, d.Date.String())
		}
	}
	tables, err := timetable.Compile([]access.Schedule{s.Access()}, known)
	if err != nil {
		return timetable.Table{}, fault.Wrap(fault.Internal, err, "compile a timetable of the register")
	}
	return tables[0], nil
}

func (p *Pages) cell(lang message.Lang, s area.Schedule, days []calendar.Day, table timetable.Table, first, d timetable.Day) hoursCell {
	c := hoursCell{Number: int(d-first) + 1, Class: weekend(d), Today: d == p.today()}
	if i := slices.IndexFunc(days, func(x calendar.Day) bool { return x.Date == d }); i >= 0 {
		c.Class, c.Name = classOf(days[i]), p.nameOf(lang, days[i])
	}
	if slices.ContainsFunc(s.Special, func(x access.SpecialDay) bool { return x.Date == d.String() }) {
		c.Class, c.Name = "special", p.schedule.Text(lang, "special.day")
	}
	for _, w := range table.Day(d) {
		c.Open = append(c.Open, clock(w.From)+"–"+clock(w.Until))
	}
	return c
}
