package view

import (
	"time"

	"kanmon/lifecycle/entrylog"
)

// Event is an entry of the log in an answer.
type Event struct {
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

// NewEvent shows one.
func NewEvent(e entrylog.Entry) Event {
	return Event{
		ID: e.ID, At: e.At.UTC(), Received: e.Received.UTC(), Kind: string(e.Kind), Alarm: e.Alarm,
		Controller: e.Controller, Epoch: e.Epoch, Seq: e.Seq, Door: e.Door, DoorName: e.DoorName, Area: e.Area,
		AreaName: e.AreaName, Person: e.Person, PersonName: e.PersonName, Card: e.Card, CardLabel: e.CardLabel,
		Credential: e.Credential, Direction: string(e.Direction), Reason: string(e.Reason), Reader: e.Reader,
		Device: e.Device, Unsure: e.Unsure, Detail: e.Detail,
	}
}
