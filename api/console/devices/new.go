package devices

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"kanmon/api/console/ui"
	"kanmon/internal/fault"
	"kanmon/lifecycle/device"
)

// newController is the form of a controller as it was filled in.
type newController struct{ Name, Place, Problem, Field string }

func (p *Pages) askNew(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.newPage(w, r, v, http.StatusOK, newController{})
}

func (p *Pages) newPage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data newController) error {
	title := p.newForm.Text(ui.LangOf(r), "new.title")
	return p.config.Shell.Render(w, r, v, p.newForm, ui.Page{Status: status, Title: title, Section: "controllers", Data: data})
}

func (p *Pages) add(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	data := newController{Name: strings.TrimSpace(r.PostFormValue("name")), Place: r.PostFormValue("place")}
	_, err := p.config.Devices.AddController(r.Context(), v.Actor(), device.NewController{Name: data.Name, Place: data.Place})
	if err == nil {
		ui.Redirect(w, r, controllerPath(data.Name))
		return nil
	}
	var ok bool
	if data.Problem, data.Field, ok = ui.Correctable(ui.LangOf(r), err); !ok {
		return err
	}
	if fault.CodeOf(err) == "device.name_taken" {
		data.Field = "name"
	}
	return p.newPage(w, r, v, ui.StatusOf(err), data)
}

func controllerPath(name string) string { return "/controllers/" + url.PathEscape(name) }

// newDevice is the form of a reader or an I/O device as it was filled in.
type newDevice struct{ Name, Kind, Address, Problem, Field string }

// Kinds lists what can hang on a controller.
func (newDevice) Kinds() []device.Kind {
	return []device.Kind{device.OSDPReader, device.OSDPIO, device.PCSCReader, device.SerialReader, device.Terminal}
}

func (p *Pages) addDevice(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	controller := r.PathValue("name")
	f := newDevice{Name: strings.TrimSpace(r.PostFormValue("name")), Kind: r.PostFormValue("kind"), Address: r.PostFormValue("address")}
	_, err := p.config.Devices.AddReader(r.Context(), v.Actor(), device.Reader{
		Name: f.Name, Controller: controller, Kind: device.Kind(f.Kind), Address: address(device.Kind(f.Kind), f.Address),
	})
	if err == nil {
		ui.Redirect(w, r, controllerPath(controller)+"?added="+url.QueryEscape(f.Name))
		return nil
	}
	var ok bool
	if f.Problem, f.Field, ok = ui.Correctable(ui.LangOf(r), err); !ok || fault.CodeOf(err) == "device.unknown_controller" {
		return err
	}
	if fault.CodeOf(err) == "device.reader_taken" {
		f.Field = "name"
	}
	return p.onePage(w, r, v, ui.StatusOf(err), onePage{New: f})
}

// address reads an address on the line. What is none becomes -1, which the register refuses at its input; where a kind has none, nothing is 0.
func address(kind device.Kind, s string) int {
	s = strings.TrimSpace(s)
	if s == "" && !kind.Addressed() {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
