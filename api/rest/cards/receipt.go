package cards

import (
	"time"

	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/revocation"
)

// Revocation is one entry of the revocation set in an answer.
type Revocation struct {
	Version    access.Version `json:"version"`
	Card       string         `json:"card"`
	Label      string         `json:"label"`
	Person     string         `json:"person"`
	PersonName string         `json:"person_name"`
	State      string         `json:"state" enum:"revoked,suspended,active" doc:"active: a suspension was lifted"`
	At         time.Time      `json:"at"`
	Actor      string         `json:"actor" doc:"Kind and id, such as account:yamada"`
	Reason     string         `json:"reason"`
	LostAt     *time.Time     `json:"lost_at,omitempty" doc:"Left out: no loss was reported"`
	Confirmed  int            `json:"confirmed" doc:"Controllers that confirmed it, of targets"`
	Targets    int            `json:"targets" doc:"Controllers that could know the card when the entry was made"`
}

// newRevocation shows one.
func newRevocation(i revocation.Item) Revocation {
	return Revocation{
		Version: i.Version, Card: i.Card, Label: i.Label, Person: i.Person, PersonName: i.PersonName, State: string(i.State),
		At: i.At.UTC(), Actor: i.Actor, Reason: i.Reason, LostAt: view.Moment(i.LostAt), Confirmed: i.Confirmed, Targets: i.Targets,
	}
}

// Confirmation is one controller of a receipt.
type Confirmation struct {
	Controller  string     `json:"controller"`
	Place       string     `json:"place"`
	Doors       []string   `json:"doors" nullable:"false" doc:"Names"`
	Online      bool       `json:"online"`
	Confirmed   bool       `json:"confirmed" doc:"It refuses the card, now and after a restart, and signed that it does"`
	PublishedAt *time.Time `json:"published_at,omitempty" doc:"When the centre last sent it the entry"`
	AppliedAt   *time.Time `json:"applied_at,omitempty" doc:"By the controller's clock"`
	ReceivedAt  *time.Time `json:"received_at,omitempty" doc:"When its signed word came"`
	PublishedMS *float64   `json:"published_ms,omitempty" doc:"Since the action"`
	AppliedMS   *float64   `json:"applied_ms,omitempty" doc:"Since the action; negative where its clock is behind"`
	ReceivedMS  *float64   `json:"received_ms,omitempty" doc:"Since the action"`
	Key         string     `json:"key,omitempty" doc:"Id of the key that signed"`
	Payload     []byte     `json:"payload,omitempty" doc:"The signed message as it came"`
	Differs     bool       `json:"differs" doc:"By its newest status another revocation set is in force there: its confirmation is not to be believed until that is repaired"`
	LeaseEnds   *time.Time `json:"lease_ends,omitempty" doc:"Not confirmed: then it refuses the holder by itself, unless it hears from the centre before"`
}

// newConfirmation shows one; at is when the action was.
func newConfirmation(at time.Time, l revocation.ControllerLine) Confirmation {
	v := Confirmation{
		Controller: l.Controller, Place: l.Place, Doors: append([]string{}, l.Doors...), Online: l.Online, Confirmed: l.Confirmed,
		PublishedAt: view.Moment(l.PublishedAt), AppliedAt: view.Moment(l.AppliedAt), ReceivedAt: view.Moment(l.ReceivedAt),
		PublishedMS: since(at, l.PublishedAt), AppliedMS: since(at, l.AppliedAt), ReceivedMS: since(at, l.ReceivedAt),
		Key: l.Signature, Payload: l.Payload, Differs: l.Differs,
	}
	if !l.Sure() {
		v.LeaseEnds = view.Moment(l.LeaseEnds)
	}
	return v
}

// since is in milliseconds; nothing for a time that is not there.
func since(at, t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	ms := float64(t.Sub(at).Microseconds()) / 1000
	return &ms
}
