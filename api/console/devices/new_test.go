package devices_test

import (
	"net/http"
	"net/url"
	"testing"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/device"
)

// R103-1: a controller and what hangs on its lines are entered on forms, before any of it is listened to.
func TestAControllerAndItsReadersAreRegisteredOnForms(t *testing.T) {
	d := consoletest.Devices{Added: &consoletest.AddedDevice{}}
	p := do(t, d, authz.SystemManager, pagetest.Post("/controllers", url.Values{"name": {" ctl-7 "}, "place": {"東館1階"}}.Encode()))
	if want := (device.NewController{Name: "ctl-7", Place: "東館1階"}); d.Added.Controller != want || p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/controllers/ctl-7" {
		t.Errorf("given %+v, want %+v; %d to %q", d.Added.Controller, want, p.Status, p.Header.Get("Location"))
	}
	p = do(t, d, authz.SystemManager, pagetest.Post("/controllers/ctl-1/devices", url.Values{"name": {"IO-2"}, "kind": {"osdp_io"}, "address": {"12"}}.Encode()))
	if want := (device.Reader{Name: "IO-2", Controller: "ctl-1", Kind: device.OSDPIO, Address: 12}); d.Added.Reader != want || p.Header.Get("Location") != "/controllers/ctl-1?added=IO-2" {
		t.Errorf("given %+v, want %+v; to %q", d.Added.Reader, want, p.Header.Get("Location"))
	}
}

func TestARefusedDeviceStandsAtItsInput(t *testing.T) {
	for _, c := range []struct {
		path, at string
		err      error
	}{
		{"/controllers", "name", fault.New(fault.Conflict, "device.name_taken", "as a test")},
		{"/controllers", "name", fault.BadField("name", "device.controller_name", "as a test")},
		{"/controllers", "place", fault.BadField("place", "field.required", "as a test")},
		{"/controllers/ctl-1/devices", "name", fault.New(fault.Conflict, "device.reader_taken", "as a test")},
		{"/controllers/ctl-1/devices", "kind", fault.BadField("kind", "device.kind", "as a test")},
		{"/controllers/ctl-1/devices", "address", fault.BadField("address", "device.address", "as a test")},
	} {
		d := consoletest.Devices{Added: &consoletest.AddedDevice{Fail: c.err}}
		p := do(t, d, authz.SystemManager, pagetest.Post(c.path, url.Values{"name": {"X-1"}, "kind": {"osdp_io"}, "address": {"first"}}.Encode()))
		p.Sound(t)
		p.Count(t, "#f-"+c.at+"[aria-invalid]", 1)
		p.Count(t, "[aria-invalid]", 1)
		if p.Status < 400 || pagetest.Attr(p.Find("#f-name")[0], "value") != "X-1" {
			t.Errorf("%s: %d", c.at, p.Status)
		}
		if c.path != "/controllers" && d.Added.Reader.Address != -1 {
			t.Errorf("address %d", d.Added.Reader.Address)
		}
	}
	d := consoletest.Devices{Added: &consoletest.AddedDevice{Fail: fault.New(fault.NotFound, "device.unknown_controller", "as a test")}}
	if p := do(t, d, authz.SystemManager, pagetest.Post("/controllers/gone/devices", "name=X")); p.Status != http.StatusNotFound {
		t.Errorf("no such controller: %d", p.Status)
	}
}

// R103-1: what is on no OSDP line has no address.
func TestAReaderOffTheLinesIsRegisteredWithoutAnAddress(t *testing.T) {
	d := consoletest.Devices{Added: &consoletest.AddedDevice{}}
	p := do(t, d, authz.SystemManager, pagetest.Post("/controllers/ctl-1/devices", url.Values{"name": {"PC-1"}, "kind": {"pcsc_reader"}, "address": {""}}.Encode()))
	if got := d.Added.Reader; p.Status != http.StatusSeeOther || got.Address != 0 || got.Kind != "pcsc_reader" {
		t.Errorf("%d: %+v", p.Status, got)
	}
}

// R103-1: who may only look sees what hangs on the lines, and no form.
func TestOnlyWhoMayIsOfferedToRegisterDevices(t *testing.T) {
	p := do(t, consoletest.Devices{}, authz.Guard, pagetest.Get("/controllers/ctl-1", "ja"))
	p.Has(t, "section.panel table", "IN-1 OSDP読取機 1 接続中")
	p.Count(t, "form[action=/controllers/ctl-1/devices]", 0)
	do(t, consoletest.Devices{}, authz.Guard, pagetest.Get("/controllers", "ja")).Count(t, `a[href=/controllers/new]`, 0)
	do(t, consoletest.Devices{}, authz.SystemManager, pagetest.Get("/controllers", "ja")).Count(t, `a[href=/controllers/new]`, 1)
}
