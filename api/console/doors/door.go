package doors

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kanmon/api/console/change"
	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/device"
)

// Sides of a door on which a reader hangs, as the form says them.
const (
	sideIn  = "in"
	sideOut = "out"
)

// Times of a new door in seconds.
const (
	usualRelease = "5"
	usualHeld    = "30"
)

// doorPage is a door with what it became what it is by.
type doorPage struct {
	area.Door
	Release, Held                string // in seconds
	Versions                     []change.Version
	Saved, MayChange, MayRelease bool
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	d, err := p.door(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	changes, err := p.config.Areas.DoorHistory(r.Context(), v.Actor(), d.ID)
	if err != nil {
		return err
	}
	data := doorPage{
		Door: d, Release: seconds(d.ReleaseMS), Held: seconds(d.HeldMS), Versions: p.words.Versions(ui.LangOf(r), changes),
		Saved: r.URL.Query().Has("saved"), MayChange: v.May(authz.AreaWrite), MayRelease: v.May(authz.DoorRelease),
	}
	return p.config.Shell.Render(w, r, v, p.one, ui.Page{Title: d.Name, Section: "areas", Data: data})
}

func (p *Pages) door(ctx context.Context, actor store.Actor, id string) (area.Door, error) {
	all, err := p.config.Areas.Doors(ctx, actor)
	if err != nil {
		return area.Door{}, err
	}
	i := slices.IndexFunc(all, func(d area.Door) bool { return d.ID == id })
	if i < 0 {
		return area.Door{}, fault.New(fault.NotFound, "area.unknown_door", "no such door")
	}
	return all[i], nil
}

// doorForm is the form of a door: a new one of an area, or one that is there. A door's readers hang on one controller, so that is chosen first.
type doorForm struct {
	New          bool
	In           map[string]string // what stands in the inputs, by name
	AreaName     string            // of a new one
	Areas        []area.Area
	Controllers  []device.Controller
	Readers      []readerRow // of the controller that is chosen
	MayRegister  bool
	Problem, Bad string
}

// readerRow is a reader that a door can have.
type readerRow struct {
	Name, Side string // Side: "", "in", "out"
	Taken      string // the name of the other door that it serves
}

// Back is the page that the form was opened from.
func (f doorForm) Back() string {
	if f.New {
		return areaPath(f.In["area"])
	}
	return doorPath(f.In["id"])
}

func (p *Pages) askNew(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	in := map[string]string{"area": r.PathValue("id"), "controller": r.FormValue("controller"), "release": usualRelease, "held": usualHeld}
	return p.doorForm(w, r, v, http.StatusOK, doorForm{New: true, In: in})
}

func (p *Pages) askEdit(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	d, err := p.door(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	in := doorInputs(d)
	if other := r.FormValue("controller"); other != "" {
		in["controller"] = other
	}
	return p.doorForm(w, r, v, http.StatusOK, doorForm{In: in})
}

// doorInputs are a door as the form shows it.
func doorInputs(d area.Door) map[string]string {
	in := map[string]string{
		"id": d.ID, "name": d.Name, "area": d.Area, "controller": d.Controller, "release": seconds(d.ReleaseMS), "held": seconds(d.HeldMS),
	}
	for _, name := range d.EntryReaders {
		in[readerInput(name)] = sideIn
	}
	for _, name := range d.ExitReaders {
		in[readerInput(name)] = sideOut
	}
	return in
}

func readerInput(reader string) string { return readerPrefix + reader }

const readerPrefix = "reader."

// seconds writes milliseconds as seconds, without zeros that say nothing: "3", "0.5".
func seconds(ms int) string { return strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64) }

// millis reads seconds. What is none becomes -1, which the register refuses at its input.
func millis(s string) int {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || n < 0 || n > 1e6 {
		return -1
	}
	return int(math.Round(n * 1000))
}

func (p *Pages) doorForm(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data doorForm) error {
	var err error
	if data.Areas, err = p.config.Areas.Areas(r.Context(), v.Actor()); err != nil {
		return err
	}
	if data.New {
		a, err := p.config.Areas.Area(r.Context(), v.Actor(), data.In["area"])
		if err != nil {
			return err
		}
		data.AreaName = a.Name
	}
	if data.Controllers, err = p.config.Devices.Controllers(r.Context(), v.Actor()); err != nil {
		return err
	}
	if data.In["controller"] == "" && len(data.Controllers) == 1 {
		data.In["controller"] = data.Controllers[0].Name
	}
	if data.Readers, err = p.readers(r.Context(), v.Actor(), data.In); err != nil {
		return err
	}
	data.MayRegister = v.May(authz.DeviceWrite)
	title := p.edit.Text(ui.LangOf(r), "door.new.title", data.AreaName)
	if !data.New {
		title = p.edit.Text(ui.LangOf(r), "edit.title", data.In["name"])
	}
	return p.config.Shell.Render(w, r, v, p.edit, ui.Page{Status: status, Title: title, Section: "areas", Data: data})
}

// readers lists the readers of the controller that is chosen, each with the side that is chosen and the other door that it serves.
func (p *Pages) readers(ctx context.Context, actor store.Actor, in map[string]string) ([]readerRow, error) {
	controller := in["controller"]
	if controller == "" {
		return nil, nil
	}
	devices, err := p.config.Devices.Readers(ctx, actor, controller)
	if err != nil {
		return nil, err
	}
	doors, err := p.config.Areas.Doors(ctx, actor)
	if err != nil {
		return nil, err
	}
	taken := map[string]string{}
	for _, d := range doors {
		for _, name := range d.Readers() {
			if d.Controller == controller && d.ID != in["id"] {
				taken[name] = d.Name
			}
		}
	}
	var rows []readerRow
	for _, d := range devices {
		if d.Controller == controller && d.Kind == device.OSDPReader {
			rows = append(rows, readerRow{Name: d.Name, Side: in[readerInput(d.Name)], Taken: taken[d.Name]})
		}
	}
	return rows, nil
}

// doorOf reads the form.
func doorOf(r *http.Request) (in map[string]string, d area.Door) {
	in = map[string]string{"reason": r.PostFormValue("reason")}
	for name := range r.PostForm {
		in[name] = r.PostFormValue(name)
	}
	d = area.Door{
		ID: in["id"], Name: in["name"], Area: in["area"], Controller: in["controller"], ReleaseMS: millis(in["release"]), HeldMS: millis(in["held"]), Why: in["reason"],
	}
	for input, side := range in {
		name, is := strings.CutPrefix(input, readerPrefix)
		switch {
		case is && side == sideIn:
			d.EntryReaders = append(d.EntryReaders, name)
		case is && side == sideOut:
			d.ExitReaders = append(d.ExitReaders, name)
		}
	}
	return in, d
}

func (p *Pages) add(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	in, d := doorOf(r)
	d.Area = r.PathValue("id")
	in["area"] = d.Area
	_, err := p.config.Areas.AddDoor(r.Context(), v.Actor(), d)
	return p.saved(w, r, v, err, doorForm{New: true, In: in})
}

func (p *Pages) change(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	in, d := doorOf(r)
	d.ID = r.PathValue("id")
	in["id"] = d.ID
	err := p.config.Areas.ChangeDoor(r.Context(), v.Actor(), in["reason"], d)
	return p.saved(w, r, v, err, doorForm{In: in})
}

func (p *Pages) saved(w http.ResponseWriter, r *http.Request, v ui.Visitor, err error, again doorForm) error {
	if after(w, r, err, doorPath(again.In["id"])+"?saved") {
		return nil
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	if !ok {
		return err
	}
	again.Problem, again.Bad = sentence, doorInput(field, err)
	return p.doorForm(w, r, v, ui.StatusOf(err), again)
}

// doorInput is the name that the form gives to the input a register complained about.
func doorInput(field string, err error) string {
	switch code := fault.CodeOf(err); {
	case code == "area.id_taken":
		return "id"
	case code == "area.unknown_area":
		return "area"
	case code == "device.unknown_controller":
		return "controller"
	case code == "device.unknown_reader", code == "area.reader_taken", field == "entry_readers", field == "exit_readers":
		return "readers"
	}
	return strings.TrimSuffix(field, "_ms")
}
