package areas

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/area"
)

// DoorBody is what is entered about a new door.
type DoorBody struct {
	ID string `json:"id" maxLength:"32"`
	Fitting
}

// Fitting is what is entered about a door, and changed.
type Fitting struct {
	Name         string   `json:"name" maxLength:"64"`
	Area         string   `json:"area" maxLength:"32"`
	Controller   string   `json:"controller" maxLength:"32"`
	EntryReaders []string `json:"entry_readers" nullable:"false" maxItems:"8"`
	ExitReaders  []string `json:"exit_readers,omitempty" nullable:"false" maxItems:"8" doc:"Without one the way out is not measured"`
	ReleaseMS    int      `json:"release_ms" minimum:"500" maximum:"30000" doc:"How long the strike stays released"`
	HeldMS       int      `json:"held_ms" minimum:"1000" maximum:"600000" doc:"Open longer than this is held"`
	Reason       string   `json:"reason,omitempty" maxLength:"200" doc:"Why; it goes into the history, and a change has one"`
}

type doorView struct {
	DoorBody
	AreaName  string `json:"area_name"`
	Interlock string `json:"interlock,omitempty" doc:"Group of doors of which one at most is open"`
	Version   int64  `json:"version"`
}

func newDoorView(v area.Door) doorView {
	return doorView{DoorBody{v.ID, Fitting{
		Name: v.Name, Area: v.Area, Controller: v.Controller, EntryReaders: v.EntryReaders,
		ExitReaders: v.ExitReaders, ReleaseMS: v.ReleaseMS, HeldMS: v.HeldMS,
	}}, v.AreaName, v.Interlock, v.Version}
}

type (
	doorIn     struct{ Body DoorBody }
	doorChange struct {
		ID   string `path:"id" maxLength:"32"`
		Body Fitting
	}
	interlockIn struct {
		Name string `path:"name" maxLength:"32"`
		Body struct {
			Doors  []string `json:"doors" nullable:"false" maxItems:"8" doc:"2 to 8 on one controller; none: there is no such group any more"`
			Reason string   `json:"reason" minLength:"1" maxLength:"200"`
		}
	}
	doorOut  struct{ Body doorView }
	doorsOut struct {
		Body struct {
			Items []doorView `json:"items" nullable:"false"`
		}
	}
)

func (cfg Config) doors(ctx context.Context, who auth.Principal, _ *struct{}) (*doorsOut, error) {
	all, err := cfg.Areas.Doors(ctx, who.Actor())
	out := &doorsOut{}
	out.Body.Items = view.List(all, newDoorView)
	return out, err
}

func (d Fitting) door(id string) area.Door {
	return area.Door{
		ID: id, Name: d.Name, Area: d.Area, Controller: d.Controller, EntryReaders: d.EntryReaders,
		ExitReaders: d.ExitReaders, ReleaseMS: d.ReleaseMS, HeldMS: d.HeldMS, Why: d.Reason,
	}
}

func (cfg Config) addDoor(ctx context.Context, who auth.Principal, in *doorIn) (*doorOut, error) {
	made, err := cfg.Areas.AddDoor(ctx, who.Actor(), in.Body.door(in.Body.ID))
	return &doorOut{Body: newDoorView(made)}, waits(err)
}

func (cfg Config) changeDoor(ctx context.Context, who auth.Principal, in *doorChange) (*struct{}, error) {
	return nil, waits(cfg.Areas.ChangeDoor(ctx, who.Actor(), in.Body.Reason, in.Body.door(in.ID)))
}

func (cfg Config) interlock(ctx context.Context, who auth.Principal, in *interlockIn) (*struct{}, error) {
	return nil, waits(cfg.Areas.Interlock(ctx, who.Actor(), in.Body.Reason, in.Name, in.Body.Doors))
}
