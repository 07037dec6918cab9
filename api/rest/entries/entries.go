// Package entries is the entry log.
package entries

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/event"
	"kanmon/lifecycle/entrylog"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Entries *entrylog.Register
}

type eventsOut struct {
	Body struct {
		Items []view.Event `json:"items" nullable:"false" doc:"Newest first; oldest first with after"`
	}
}

type eventFilter struct {
	After  int64  `query:"after" minimum:"0" doc:"Only newer than this id, oldest first"`
	Before int64  `query:"before" minimum:"0" doc:"Only older than this id"`
	Door   string `query:"door" maxLength:"32"`
	Area   string `query:"area" maxLength:"32"`
	Person string `query:"person" maxLength:"64"`
	Kind   string `query:"kind" maxLength:"32"`
	Limit  int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("events")
	frame.Get(s, "/events", "listEvents", "The entry log", cfg.events)
}

func (cfg Config) events(ctx context.Context, who auth.Principal, in *eventFilter) (*eventsOut, error) {
	all, err := cfg.Entries.List(ctx, who.Actor(), entrylog.Filter{
		AfterID: in.After, BeforeID: in.Before, Door: in.Door, Area: in.Area, Person: in.Person,
		Kind: event.Kind(in.Kind), Limit: in.Limit,
	})
	out := &eventsOut{}
	out.Body.Items = view.List(all, view.NewEvent)
	return out, err
}
