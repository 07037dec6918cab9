package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/internal/event"
	"kanmon/lifecycle/entrylog"
)

type eventView struct {
	ID         int64     `json:"id" doc:"Rises; the number of its ledger leaf"`
	At         time.Time `json:"at" doc:"By the controller's clock"`
	Received   time.Time `json:"received" doc:"By the centre's clock"`
	Kind       string    `json:"kind"`
	Alarm      bool      `json:"alarm,omitempty"`
	Controller string    `json:"controller"`
	Epoch      uint64    `json:"epoch"`
	Seq        uint64    `json:"seq"`
	Door       string    `json:"door,omitempty"`
	DoorName   string    `json:"door_name,omitempty"`
	Area       string    `json:"area,omitempty"`
	AreaName   string    `json:"area_name,omitempty"`
	Person     string    `json:"person,omitempty"`
	PersonName string    `json:"person_name,omitempty"`
	Card       string    `json:"card,omitempty"`
	CardLabel  string    `json:"card_label,omitempty"`
	Credential string    `json:"credential,omitempty" doc:"Fingerprint of an unknown card"`
	Direction  string    `json:"direction,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Reader     string    `json:"reader,omitempty"`
	Device     string    `json:"device,omitempty"`
	Unsure     bool      `json:"unsure,omitempty" doc:"The controller did not trust its clock"`
	Detail     string    `json:"detail,omitempty"`
}

func newEventView(e entrylog.Entry) eventView {
	return eventView{
		ID: e.ID, At: e.At.UTC(), Received: e.Received.UTC(), Kind: string(e.Kind), Alarm: e.Alarm,
		Controller: e.Controller, Epoch: e.Epoch, Seq: e.Seq, Door: e.Door, DoorName: e.DoorName, Area: e.Area,
		AreaName: e.AreaName, Person: e.Person, PersonName: e.PersonName, Card: e.Card, CardLabel: e.CardLabel,
		Credential: e.Credential, Direction: string(e.Direction), Reason: string(e.Reason), Reader: e.Reader,
		Device: e.Device, Unsure: e.Unsure, Detail: e.Detail,
	}
}

type eventsOut struct {
	Body struct {
		Items []eventView `json:"items" nullable:"false" doc:"Newest first; oldest first with after"`
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

func eventRoutes(a *API) {
	add(a, route{http.MethodGet, "/events", "listEvents", "events", "The entry log", 0}, a.events)
}

func (a *API) events(ctx context.Context, who auth.Principal, in *eventFilter) (*eventsOut, error) {
	all, err := a.cfg.Entries.List(ctx, who.Actor(), entrylog.Filter{
		AfterID: in.After, BeforeID: in.Before, Door: in.Door, Area: in.Area, Person: in.Person,
		Kind: event.Kind(in.Kind), Limit: in.Limit,
	})
	out := &eventsOut{}
	out.Body.Items = views(all, newEventView)
	return out, err
}
