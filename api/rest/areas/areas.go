// Package areas is the areas with their timetables and doors, the rights to enter them, and the release of a door from afar.
package areas

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/area"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Areas    *area.Register
	Accounts *account.Register // ask for the password again before a release
	Releaser Releaser
}

// AreaBody is what is entered about an area.
type AreaBody struct {
	ID     string `json:"id" maxLength:"32"`
	Name   string `json:"name" maxLength:"64"`
	Grade  int    `json:"grade" minimum:"1" maximum:"3"`
	Record string `json:"record" enum:"strict,best_effort" doc:"What its doors do when a decision cannot be written down"`
}

type areaView struct {
	AreaBody
	Doors   int   `json:"doors" doc:"How many doors lead into it"`
	Version int64 `json:"version"`
}

func newAreaView(v area.Area) areaView {
	return areaView{
		AreaBody: AreaBody{ID: v.ID, Name: v.Name, Grade: v.Grade, Record: string(v.Record)},
		Doors:    v.Doors, Version: v.Version,
	}
}

type (
	areaIn   struct{ Body AreaBody }
	areaOut  struct{ Body areaView }
	areasOut struct {
		Body struct {
			Items []areaView `json:"items" nullable:"false"`
		}
	}
)

// DoorBody is what is entered about a door.
type DoorBody struct {
	ID           string   `json:"id" maxLength:"32"`
	Name         string   `json:"name" maxLength:"64"`
	Area         string   `json:"area" maxLength:"32"`
	Controller   string   `json:"controller" maxLength:"32"`
	EntryReaders []string `json:"entry_readers" nullable:"false" maxItems:"8"`
	ExitReaders  []string `json:"exit_readers,omitempty" nullable:"false" maxItems:"8" doc:"Without one the way out is not measured"`
	ReleaseMS    int      `json:"release_ms" minimum:"500" maximum:"30000" doc:"How long the strike stays released"`
	HeldMS       int      `json:"held_ms" minimum:"1000" maximum:"600000" doc:"Open longer than this is held"`
}

type doorView struct {
	DoorBody
	AreaName string `json:"area_name"`
	Version  int64  `json:"version"`
}

func newDoorView(v area.Door) doorView {
	return doorView{DoorBody{
		ID: v.ID, Name: v.Name, Area: v.Area, Controller: v.Controller, EntryReaders: v.EntryReaders,
		ExitReaders: v.ExitReaders, ReleaseMS: v.ReleaseMS, HeldMS: v.HeldMS,
	}, v.AreaName, v.Version}
}

type (
	doorIn   struct{ Body DoorBody }
	doorOut  struct{ Body doorView }
	doorsOut struct {
		Body struct {
			Items []doorView `json:"items" nullable:"false"`
		}
	}
)

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("areas")
	frame.Get(s, "/areas", "listAreas", "Controlled areas", cfg.areas)
	frame.Create(s, "/areas", "addArea", "Define an area", cfg.addArea)
	cfg.scheduleRoutes(s)
	frame.Get(s, "/doors", "listDoors", "Doors", cfg.doors)
	frame.Create(s, "/doors", "addDoor", "Define a door", cfg.addDoor)
	frame.Post(s, "/doors/{id}/release", "releaseDoor", "Release a door once from afar", cfg.release)
	cfg.rightRoutes(f.Section("rights"))
}

func (cfg Config) areas(ctx context.Context, who auth.Principal, _ *struct{}) (*areasOut, error) {
	all, err := cfg.Areas.Areas(ctx, who.Actor())
	out := &areasOut{}
	out.Body.Items = view.List(all, newAreaView)
	return out, err
}

func (cfg Config) addArea(ctx context.Context, who auth.Principal, in *areaIn) (*areaOut, error) {
	b := in.Body
	made, err := cfg.Areas.AddArea(ctx, who.Actor(), area.Area{
		ID: b.ID, Name: b.Name, Grade: b.Grade, Record: access.RecordMode(b.Record),
	})
	return &areaOut{Body: newAreaView(made)}, err
}

func (cfg Config) doors(ctx context.Context, who auth.Principal, _ *struct{}) (*doorsOut, error) {
	all, err := cfg.Areas.Doors(ctx, who.Actor())
	out := &doorsOut{}
	out.Body.Items = view.List(all, newDoorView)
	return out, err
}

func (cfg Config) addDoor(ctx context.Context, who auth.Principal, in *doorIn) (*doorOut, error) {
	b := in.Body
	made, err := cfg.Areas.AddDoor(ctx, who.Actor(), area.Door{
		ID: b.ID, Name: b.Name, Area: b.Area, Controller: b.Controller, EntryReaders: b.EntryReaders,
		ExitReaders: b.ExitReaders, ReleaseMS: b.ReleaseMS, HeldMS: b.HeldMS,
	})
	return &doorOut{Body: newDoorView(made)}, err
}
