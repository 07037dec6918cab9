package areas

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/area"
)

type windowBody struct {
	Day   int `json:"day" minimum:"0" maximum:"7" doc:"0 is Sunday, 7 a holiday"`
	From  int `json:"from" minimum:"0" maximum:"1439" doc:"Minutes from midnight in Japan"`
	Until int `json:"until" minimum:"0" maximum:"1440" doc:"Not after from: into the next day"`
}

type spanBody struct {
	From  int `json:"from" minimum:"0" maximum:"1439" doc:"Minutes from midnight in Japan"`
	Until int `json:"until" minimum:"0" maximum:"1440" doc:"Not after from: into the next day"`
}

type specialBody struct {
	Date    string     `json:"date" format:"date"`
	Windows []spanBody `json:"windows,omitempty" nullable:"false" maxItems:"24" doc:"None: closed all day"`
}

// ScheduleBody is what is entered about a timetable.
type ScheduleBody struct {
	ID string `json:"id" maxLength:"32"`
	Timetable
}

// Timetable is what may change of it.
type Timetable struct {
	Name     string        `json:"name" maxLength:"64"`
	Windows  []windowBody  `json:"windows" nullable:"false" maxItems:"192"`
	Holidays bool          `json:"holidays,omitempty" doc:"On a holiday the windows of day 7 hold, and not the weekday's"`
	Special  []specialBody `json:"special,omitempty" nullable:"false" maxItems:"400" doc:"Days with hours of their own, holiday or not"`
}

func (b Timetable) schedule(id string) area.Schedule {
	return area.Schedule{
		ID: id, Name: b.Name, Holidays: b.Holidays,
		Windows: view.List(b.Windows, func(w windowBody) access.Window { return access.Window(w) }),
		Special: view.List(b.Special, func(d specialBody) access.SpecialDay {
			return access.SpecialDay{Date: d.Date, Windows: view.List(d.Windows, func(w spanBody) access.Span { return access.Span(w) })}
		}),
	}
}

type scheduleView struct {
	ScheduleBody
	Version int64 `json:"version"`
}

func newScheduleView(v area.Schedule) scheduleView {
	return scheduleView{ScheduleBody{v.ID, Timetable{
		Name: v.Name, Holidays: v.Holidays,
		Windows: view.List(v.Windows, func(w access.Window) windowBody { return windowBody(w) }),
		Special: view.List(v.Special, func(d access.SpecialDay) specialBody {
			return specialBody{d.Date, view.List(d.Windows, func(w access.Span) spanBody { return spanBody(w) })}
		}),
	}}, v.Version}
}

type (
	scheduleIn     struct{ Body ScheduleBody }
	scheduleChange struct {
		ID   string `path:"id" maxLength:"32"`
		Body struct {
			Timetable
			Reason string `json:"reason" maxLength:"200"`
		}
	}
	scheduleOut  struct{ Body scheduleView }
	schedulesOut struct {
		Body struct {
			Items []scheduleView `json:"items" nullable:"false"`
		}
	}
)

func (cfg Config) scheduleRoutes(s, two frame.Section) {
	frame.Get(s, "/schedules", "listSchedules", "Weekly timetables", cfg.schedules)
	frame.Create(s, "/schedules", "addSchedule", "Define a timetable", cfg.addSchedule)
	frame.Put(two, "/schedules/{id}", "changeSchedule", "Change a timetable", cfg.changeSchedule)
}

func (cfg Config) schedules(ctx context.Context, who auth.Principal, _ *struct{}) (*schedulesOut, error) {
	all, err := cfg.Areas.Schedules(ctx, who.Actor())
	out := &schedulesOut{}
	out.Body.Items = view.List(all, newScheduleView)
	return out, err
}

func (cfg Config) addSchedule(ctx context.Context, who auth.Principal, in *scheduleIn) (*scheduleOut, error) {
	made, err := cfg.Areas.AddSchedule(ctx, who.Actor(), in.Body.schedule(in.Body.ID))
	return &scheduleOut{Body: newScheduleView(made)}, err
}

func (cfg Config) changeSchedule(ctx context.Context, who auth.Principal, in *scheduleChange) (*struct{}, error) {
	return nil, waits(cfg.Areas.ChangeSchedule(ctx, who.Actor(), in.Body.Reason, in.Body.schedule(in.ID)))
}
