package devices

import (
	"context"
	"errors"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/profile"
)

// Frame is a kind of read that is expected.
type Frame struct {
	Format string `json:"format" enum:"bits,uid,idm,felica,text,verdict"`
	Bits   int    `json:"bits,omitempty" minimum:"0" maximum:"256" doc:"0: of any length"`
	Parity bool   `json:"parity,omitempty" doc:"Of 26, 34 or 37 card bits: their parity has to be right"`
}

// ProfileBody is what a reader is commissioned with.
type ProfileBody struct {
	Trust      string  `json:"trust" enum:"number,memory,mutual" doc:"What a read there proves at most, because of what the reader verifies itself"`
	Frames     []Frame `json:"frames,omitempty" nullable:"false" maxItems:"16" doc:"Reads of another form are refused; none: every read is taken"`
	PlainRoute bool    `json:"plain_route,omitempty" doc:"Of a reader whose wire is not encrypted: it runs on a restricted route. The reason says which"`
}

type profileView struct {
	Controller string `json:"controller"`
	Reader     string `json:"reader"`
	Kind       string `json:"kind" enum:"osdp_reader,pcsc_reader,serial_reader,terminal"`
	ProfileBody
	Version int64 `json:"version" doc:"0: never commissioned: it proves the number and takes every read"`
}

func newProfileView(p profile.Profile) profileView {
	return profileView{p.Controller, p.Reader, string(p.Kind), ProfileBody{
		string(p.Trust), view.List(p.Frames, func(f access.Frame) Frame { return Frame(f) }), p.PlainRoute,
	}, p.Version}
}

type (
	profileID struct {
		Controller string `path:"controller" maxLength:"32"`
		Name       string `path:"name" maxLength:"32"`
	}
	profileOut  struct{ Body profileView }
	profilesOut struct {
		Body struct {
			Items []profileView `json:"items" nullable:"false"`
		}
	}
	profileIn struct {
		Controller string `path:"controller" maxLength:"32"`
		Name       string `path:"name" maxLength:"32"`
		Body       struct {
			ProfileBody
			Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
		}
	}
)

func (cfg Config) profileRoutes(s frame.Section) {
	two := frame.Accepts[view.Approval](s, "It waits for a second person, because the reader stands at a door of an area of grade 2 or 3")
	frame.Get(s, "/profiles", "listProfiles", "What readers were commissioned with", cfg.profiles)
	frame.Get(s, "/readers/{controller}/{name}/profile", "getProfile", "What a reader was commissioned with", cfg.profile)
	frame.Put(two, "/readers/{controller}/{name}/profile", "setProfile", "Commission a reader", cfg.setProfile)
}

func (cfg Config) profiles(ctx context.Context, who auth.Principal, in *readerFilter) (*profilesOut, error) {
	all, err := cfg.Profiles.List(ctx, who.Actor(), in.Controller)
	out := &profilesOut{}
	out.Body.Items = view.List(all, newProfileView)
	return out, err
}

func (cfg Config) profile(ctx context.Context, who auth.Principal, in *profileID) (*profileOut, error) {
	p, err := cfg.Profiles.Get(ctx, who.Actor(), in.Controller, in.Name)
	return &profileOut{newProfileView(p)}, err
}

func (cfg Config) setProfile(ctx context.Context, who auth.Principal, in *profileIn) (*profileOut, error) {
	b := in.Body
	err := cfg.Profiles.Set(ctx, who.Actor(), b.Reason, profile.Profile{
		Controller: in.Controller, Reader: in.Name, Trust: access.Trust(b.Trust), PlainRoute: b.PlainRoute,
		Frames: view.List(b.Frames, func(f Frame) access.Frame { return access.Frame(f) }),
	})
	if w, ok := errors.AsType[*approval.WaitingError](err); ok {
		return nil, frame.Accepted(view.NewApproval(w.Request))
	}
	if err != nil {
		return nil, err
	}
	return cfg.profile(ctx, who, &profileID{in.Controller, in.Name})
}
