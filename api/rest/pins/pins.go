// Package pins is the PINs. A PIN is in one answer only, that to who had it drawn; afterwards nobody has it but its holder.
package pins

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/pin"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	PINs *pin.Register
	Now  func() time.Time
}

// PIN is one in an answer, without its digits.
type PIN struct {
	ID         string    `json:"id" doc:"The person, or person/area where it is taken alone"`
	Person     string    `json:"person"`
	PersonName string    `json:"person_name"`
	Area       string    `json:"area,omitempty" doc:"Where it is taken alone; left out: the person's own"`
	AreaName   string    `json:"area_name,omitempty"`
	Standing   string    `json:"standing" enum:"good,ending,expired,withdrawn" doc:"ending: within 30 days of its age limit; expired: it opens nothing any more"`
	Warning    int       `json:"warning,omitempty" doc:"The last warning that is due: 30, 14, 3 or 1 days before the age limit"`
	Digits     int       `json:"digits,omitempty" doc:"Of one that is taken alone"`
	Short      bool      `json:"short,omitempty" doc:"Shorter than a new one would be: more have been set in the area since"`
	Duress     bool      `json:"duress" doc:"There is one for threats beside it"`
	SetAt      time.Time `json:"set_at"`
	Expires    time.Time `json:"expires" doc:"From this moment on it opens nothing"`
	Version    int64     `json:"version"`
}

// newPIN shows one as it stands at a moment.
func newPIN(p pin.PIN, now time.Time) PIN {
	v := PIN{
		ID: p.ID, Person: p.Person, PersonName: p.PersonName, Area: p.Area, AreaName: p.AreaName, Standing: string(p.Standing(now)), Digits: p.Digits,
		Short: p.Short, Duress: p.Duress, SetAt: p.SetAt.UTC(), Expires: p.Expires.UTC(), Version: p.Version,
	}
	if p.State == pin.Set {
		v.Warning, _ = pin.Warning(p.Expires, now)
	}
	return v
}

type pinOut struct{ Body PIN }

type pinsOut struct {
	Body struct {
		Items []PIN `json:"items" nullable:"false"`
	}
}

// IssuedPIN is one just set, with its digits.
type IssuedPIN struct {
	PIN
	Code   string `json:"pin" doc:"Shown this once and never again" example:"4711"`
	Threat string `json:"duress_pin,omitempty" doc:"The one for threats; shown this once too"`
}

type issuedOut struct{ Body IssuedPIN }

type personID struct {
	ID string `path:"id" maxLength:"64"`
}

type pinIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Area   string `json:"area,omitempty" maxLength:"32" doc:"Where it is to be taken alone; left out: the person's own"`
		Digits int    `json:"digits,omitempty" minimum:"4" maximum:"8" doc:"At least so many; left out: as few as the rules allow"`
		Duress bool   `json:"duress,omitempty" doc:"Draw one for threats too"`
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the rotation log"`
	}
}

type withdrawIn struct {
	ID     string `path:"id" maxLength:"64"`
	Area   string `query:"area" maxLength:"32" doc:"Of the PIN that is taken alone there; left out: the person's own"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"200" doc:"Why, such as that it has leaked; it goes into the rotation log"`
}

type attentionFilter struct {
	After string `query:"after" maxLength:"96" doc:"The last id of the page before"`
	Limit int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("pins")
	frame.Get(s, "/pins", "listOldPINs", "PINs to be renewed: near their age limit, past it, or too short by now", cfg.attention)
	frame.Get(s, "/staff/{id}/pins", "listPINs", "The PINs of a person, without their digits", cfg.of)
	frame.Create(s, "/staff/{id}/pins", "drawPIN", "Draw a PIN, in the place of the one there is; the answer shows it once", cfg.draw)
	frame.Delete(s, "/staff/{id}/pins", "withdrawPIN", "End a PIN at once, as when it has leaked", cfg.withdraw)
	frame.Get(s, "/staff/{id}/pins/log", "listPINChanges", "The rotation log of a person's PINs, newest first", cfg.log)
}

func (cfg Config) show(p pin.PIN) PIN { return newPIN(p, cfg.Now()) }

func (cfg Config) attention(ctx context.Context, who auth.Principal, in *attentionFilter) (*pinsOut, error) {
	list, err := cfg.PINs.Attention(ctx, who.Actor(), in.After, in.Limit)
	out := &pinsOut{}
	out.Body.Items = view.List(list, cfg.show)
	return out, err
}

func (cfg Config) of(ctx context.Context, who auth.Principal, in *personID) (*pinsOut, error) {
	list, err := cfg.PINs.Of(ctx, who.Actor(), in.ID)
	out := &pinsOut{}
	out.Body.Items = view.List(list, cfg.show)
	return out, err
}

// draw is the one place where a PIN goes into an answer.
func (cfg Config) draw(ctx context.Context, who auth.Principal, in *pinIn) (*issuedOut, error) {
	b := in.Body
	made, err := cfg.PINs.Set(ctx, who.Actor(), pin.Order{
		Person: in.ID, Area: b.Area, Digits: b.Digits, Duress: b.Duress, Reason: b.Reason, After: pin.NotAsked,
	})
	return &issuedOut{Body: IssuedPIN{cfg.show(made.PIN), made.Code.Reveal(), made.Duress.Reveal()}}, err
}

func (cfg Config) withdraw(ctx context.Context, who auth.Principal, in *withdrawIn) (*pinOut, error) {
	p, err := cfg.PINs.Withdraw(ctx, who.Actor(), in.ID, in.Area, in.Reason)
	return &pinOut{Body: cfg.show(p)}, err
}
