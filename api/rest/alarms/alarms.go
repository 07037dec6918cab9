// Package alarms is the alarms: who needs to look at what, and who has.
package alarms

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/alarm"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Alarms *alarm.Register
}

// Alarm is an alarm in an answer.
type Alarm struct {
	ID             string     `json:"id"`
	Kind           string     `json:"kind"`
	Severity       string     `json:"severity" enum:"urgent,normal"`
	State          string     `json:"state" enum:"raised,acknowledged,closed"`
	About          string     `json:"about" enum:"door,device,controller,person,card,credential,area,centre" doc:"What kind of thing it is about"`
	Subject        string     `json:"subject,omitempty" doc:"Its id; of a device controller/name, of a credential the fingerprint of an unknown card"`
	SubjectName    string     `json:"subject_name,omitempty"`
	Controller     string     `json:"controller,omitempty"`
	Door           string     `json:"door,omitempty" doc:"Where it was when it was raised last"`
	DoorName       string     `json:"door_name,omitempty"`
	Area           string     `json:"area,omitempty"`
	AreaName       string     `json:"area_name,omitempty"`
	Count          int        `json:"count" doc:"How often; while it is open more of the same is counted into it"`
	RaisedAt       time.Time  `json:"raised_at" doc:"Last, by the centre's clock; acknowledged alarms may be raised again"`
	FirstAt        time.Time  `json:"first_at" doc:"By the controller's clock"`
	LastAt         time.Time  `json:"last_at"`
	FirstEvent     int64      `json:"first_event,omitempty" doc:"Id in the entry log"`
	LastEvent      int64      `json:"last_event,omitempty"`
	OverAt         *time.Time `json:"over_at,omitempty" doc:"When it ended by itself; a person looks at it all the same"`
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	AcknowledgedAt *time.Time `json:"acknowledged_at,omitempty"`
	Escalations    int        `json:"escalations,omitempty" doc:"How often managers were told that nobody had acknowledged it"`
	EscalatedAt    *time.Time `json:"escalated_at,omitempty"`
	EscalatedTo    []string   `json:"escalated_to,omitempty" nullable:"false"`
	ClosedBy       string     `json:"closed_by,omitempty"`
	ClosedAt       *time.Time `json:"closed_at,omitempty"`
	Note           string     `json:"note,omitempty"`
	Version        int64      `json:"version"`
}

func newAlarm(a alarm.Alarm) Alarm {
	return Alarm{
		ID: a.ID, Kind: string(a.Kind), Severity: string(a.Severity), State: string(a.State), About: string(a.Subject.About), Subject: a.Subject.ID,
		SubjectName: a.SubjectName, Controller: a.Controller, Door: a.Door, DoorName: a.DoorName, Area: a.Area, AreaName: a.AreaName, Count: a.Count,
		RaisedAt: a.RaisedAt.UTC(), FirstAt: a.FirstAt.UTC(), LastAt: a.LastAt.UTC(), FirstEvent: a.FirstEntry, LastEvent: a.LastEntry,
		OverAt: view.Moment(a.OverAt), AcknowledgedBy: a.TakenBy, AcknowledgedAt: view.Moment(a.TakenAt), Escalations: a.Escalations,
		EscalatedAt: view.Moment(a.EscalatedAt), EscalatedTo: a.Told, ClosedBy: a.ClosedBy, ClosedAt: view.Moment(a.ClosedAt), Note: a.Note, Version: a.Version,
	}
}

// AlarmStep is what was done with an alarm.
type AlarmStep struct {
	Version int64     `json:"version"`
	At      time.Time `json:"at"`
	By      string    `json:"by" doc:"Such as account:yamada, controller:ctl-1"`
	Step    string    `json:"step" enum:"raised,acknowledged,escalated,closed"`
	To      []string  `json:"to,omitempty" nullable:"false" doc:"Of escalated: the accounts that were told"`
	Note    string    `json:"note,omitempty"`
}

func newStep(s alarm.Step) AlarmStep {
	return AlarmStep{Version: s.N, At: s.At.UTC(), By: s.Actor, Step: s.What, To: s.Told, Note: s.Note}
}

type alarmsOut struct {
	Body struct {
		Items []Alarm `json:"items" nullable:"false" doc:"Newest first"`
	}
}

type alarmFilter struct {
	State  string `query:"state" enum:"open,raised,acknowledged,closed" doc:"open: raised or acknowledged"`
	Kind   string `query:"kind" maxLength:"32"`
	Door   string `query:"door" maxLength:"32"`
	Before string `query:"before" maxLength:"32" doc:"Only older than the alarm with this id: the last one of the page before"`
	Limit  int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

type alarmID struct {
	ID string `path:"id" maxLength:"32"`
}

type alarmOut struct{ Body Alarm }

type storyOut struct {
	Body struct {
		Alarm
		History []AlarmStep  `json:"history" nullable:"false" doc:"Oldest first"`
		Events  []view.Event `json:"events" nullable:"false" doc:"What it counts, oldest first; of many the first hundred and the last"`
	}
}

type acknowledgeIn struct {
	ID   string `path:"id" maxLength:"32"`
	Body struct {
		LastEvent int64 `json:"last_event" minimum:"0" doc:"The alarm's last_event as it was read, or 0 if it has none; where an urgent one has a later one: 409 alarm.more"`
	}
}

type closeIn struct {
	ID   string `path:"id" maxLength:"32"`
	Body struct {
		Note      string `json:"note" minLength:"1" maxLength:"500" doc:"What it was, and what was done"`
		LastEvent int64  `json:"last_event" minimum:"0" doc:"The alarm's last_event as it was read, or 0 if it has none; where it has a later one: 409 alarm.more"`
	}
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("alarms")
	frame.Get(s, "/alarms", "listAlarms", "What needs a person, and what did", cfg.alarms)
	frame.Get(s, "/alarms/{id}", "getAlarm", "One alarm with its history and its events", cfg.alarm)
	frame.Post(s, "/alarms/{id}/acknowledge", "acknowledgeAlarm", "Say that one sees to an alarm", cfg.acknowledge)
	frame.Post(s, "/alarms/{id}/close", "closeAlarm", "End an alarm with a note", cfg.close)
}

func (cfg Config) alarms(ctx context.Context, who auth.Principal, in *alarmFilter) (*alarmsOut, error) {
	all, err := cfg.Alarms.List(ctx, who.Actor(), alarm.Filter{
		State: alarm.State(in.State), Kind: alarm.Kind(in.Kind), Door: in.Door, Before: in.Before, Limit: in.Limit,
	})
	out := &alarmsOut{}
	out.Body.Items = view.List(all, newAlarm)
	return out, err
}

func (cfg Config) alarm(ctx context.Context, who auth.Principal, in *alarmID) (*storyOut, error) {
	story, err := cfg.Alarms.Get(ctx, who.Actor(), in.ID)
	out := &storyOut{}
	out.Body.Alarm = newAlarm(story.Alarm)
	out.Body.History = view.List(story.Steps, newStep)
	out.Body.Events = view.List(story.Entries, view.NewEvent)
	return out, err
}

func (cfg Config) acknowledge(ctx context.Context, who auth.Principal, in *acknowledgeIn) (*alarmOut, error) {
	a, err := cfg.Alarms.Acknowledge(ctx, who.Actor(), in.ID, in.Body.LastEvent)
	return &alarmOut{Body: newAlarm(a)}, err
}

func (cfg Config) close(ctx context.Context, who auth.Principal, in *closeIn) (*alarmOut, error) {
	a, err := cfg.Alarms.Close(ctx, who.Actor(), in.ID, in.Body.Note, in.Body.LastEvent)
	return &alarmOut{Body: newAlarm(a)}, err
}
