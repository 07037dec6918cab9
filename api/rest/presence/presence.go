// Package presence is who is inside.
package presence

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/entrylog"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Entries *entrylog.Register
}

type presentPerson struct {
	Person      string    `json:"person"`
	PersonName  string    `json:"person_name,omitempty"`
	Since       time.Time `json:"since" doc:"By the controller's clock; by the centre's when entered by hand"`
	Door        string    `json:"door,omitempty" doc:"Left out when entered by hand"`
	DoorName    string    `json:"door_name,omitempty"`
	Evidence    string    `json:"evidence" enum:"both,entry_only,hand,doubtful" doc:"both: every door of the area measures both ways; entry_only: the exit is not measured; hand: somebody said so; doubtful: since then somebody may have left unmeasured"`
	GrantOnly   bool      `json:"grant_only,omitempty" doc:"The card was accepted; whether the door opened for it is not known"`
	ExitUnknown bool      `json:"exit_unknown,omitempty" doc:"Entered long ago where exits are not measured: probably no longer inside"`
	Also        []string  `json:"also,omitempty" nullable:"false" doc:"Other areas, measured both ways, in which the same person is inside as well"`
}

type presentSource struct {
	Controller string     `json:"controller"`
	Online     bool       `json:"online"`
	KnownTo    *time.Time `json:"known_to,omitempty" doc:"What it saw until then is known here; left out: it was never heard"`
	Behind     bool       `json:"behind,omitempty" doc:"The area may look different by now"`
}

type presentArea struct {
	Area        string          `json:"area"`
	AreaName    string          `json:"area_name,omitempty"`
	BothWays    bool            `json:"both_ways" doc:"Every door of it measures both ways"`
	Inside      int             `json:"inside" doc:"How many, without those whose exit is unknown"`
	AsOf        *time.Time      `json:"as_of,omitempty" doc:"Everything until then is known here; left out: a controller of it was never heard, or it has no door"`
	Controllers []presentSource `json:"controllers" nullable:"false"`
	People      []presentPerson `json:"people" nullable:"false"`
}

func newPerson(p entrylog.Present) presentPerson {
	v := presentPerson{
		Person: p.Person, PersonName: p.PersonName, Since: p.Since.UTC(), Door: p.Door, DoorName: p.DoorName,
		Evidence: string(p.Evidence), GrantOnly: p.GrantOnly, ExitUnknown: p.ExitUnknown,
	}
	for _, a := range p.Also {
		v.Also = append(v.Also, a.ID)
	}
	return v
}

func newArea(a entrylog.PresentArea, now time.Time) presentArea {
	return presentArea{
		Area: a.ID, AreaName: a.Name, BothWays: a.BothWays, Inside: a.Inside(), AsOf: view.Moment(a.KnownTo()),
		Controllers: view.List(a.Sources, func(s entrylog.Source) presentSource {
			return presentSource{Controller: s.Controller, Online: s.Online, KnownTo: view.Moment(s.KnownTo), Behind: s.Behind(now)}
		}),
		People: view.List(a.People, newPerson),
	}
}

type areaFilter struct {
	Area string `query:"area" maxLength:"32" doc:"Left out: every area"`
}

type presenceOut struct {
	Body struct {
		At    time.Time     `json:"at" doc:"When the answer was made"`
		Items []presentArea `json:"items" nullable:"false"`
	}
}

type handIn struct {
	Body struct {
		Person string `json:"person" maxLength:"64" doc:"Staff number"`
		Area   string `json:"area" maxLength:"32"`
		Inside bool   `json:"inside" doc:"true: is inside from now on; false: is not any more"`
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it is kept for good"`
	}
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("presence")
	frame.Get(s, "/presence", "listPresence", "Who is inside, since when, and how that is known", cfg.list)
	frame.Post(s, "/presence/hand", "enterByHand", "Say that a member of staff is inside, or is not any more", cfg.hand)
}

func (cfg Config) list(ctx context.Context, who auth.Principal, in *areaFilter) (*presenceOut, error) {
	p, err := cfg.Entries.Present(ctx, who.Actor(), in.Area)
	out := &presenceOut{}
	out.Body.At = p.At.UTC()
	out.Body.Items = view.List(p.Areas, func(a entrylog.PresentArea) presentArea { return newArea(a, p.At) })
	return out, err
}

func (cfg Config) hand(ctx context.Context, who auth.Principal, in *handIn) (*struct{}, error) {
	say := cfg.Entries.LeaveByHand
	if in.Body.Inside {
		say = cfg.Entries.EnterByHand
	}
	return nil, say(ctx, who.Actor(), in.Body.Person, in.Body.Area, in.Body.Reason)
}
