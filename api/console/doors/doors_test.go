package doors_test

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"

	"kanmon/api/console/areatest"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/doors"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
)

func do(t *testing.T, o *areatest.OneArea, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := doors.New(doors.Config{Shell: shell, Areas: o, Devices: consoletest.Devices{}})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func form(values ...string) string {
	v := url.Values{}
	for i := 0; i < len(values); i += 2 {
		v.Set(values[i], values[i+1])
	}
	return v.Encode()
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{
			"door": "/doors/D-2", "newdoor": "/areas/A-1/doors/new?controller=ctl-2", "editdoor": "/doors/D-1/edit", "choose": "/areas/A-1/doors/new",
			"interlocks": "/interlocks", "newinterlock": "/interlocks/new", "interlock": "/interlocks/front-1/edit",
		} {
			p := do(t, &areatest.OneArea{Linked: "front-1"}, authz.SystemManager, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R43-1: what the form of a door says is what the register is given, seconds as milliseconds, each reader on its side.
func TestADoorIsAddedAndChangedOnTheForm(t *testing.T) {
	o := &areatest.OneArea{}
	p := do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1/doors", form("id", "D-7", "name", "裏口", "area", "A-2", "controller", "ctl-2", "release", " 0.5", "held", "20",
		"reader.IN-3", "in", "reader.IN-4", "in", "reader.OUT-3", "out", "reader.OUT-4", "", "reason", "増設")))
	slices.Sort(o.Door.EntryReaders)
	want := area.Door{
		ID: "D-7", Name: "裏口", Area: "A-1", Controller: "ctl-2", EntryReaders: []string{"IN-3", "IN-4"}, ExitReaders: []string{"OUT-3"},
		ReleaseMS: 500, HeldMS: 20000, Why: "増設",
	}
	if !reflect.DeepEqual(o.Door, want) || o.Done != "add door" {
		t.Errorf("%s: given %+v, want %+v", o.Done, o.Door, want)
	}
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/doors/D-7?saved" {
		t.Errorf("%d to %q", p.Status, p.Header.Get("Location"))
	}
	do(t, o, authz.SystemManager, pagetest.Post("/doors/D-1", form("id", "D-9", "name", "正面", "area", "A-2", "controller", "ctl-1", "release", "3", "held", "1.5", "reader.IN-1", "in", "reason", "移設")))
	want = area.Door{ID: "D-1", Name: "正面", Area: "A-2", Controller: "ctl-1", EntryReaders: []string{"IN-1"}, ReleaseMS: 3000, HeldMS: 1500, Why: "移設"}
	if !reflect.DeepEqual(o.Door, want) || o.Done != "change door" || o.Reason != "移設" {
		t.Errorf("%s: given %+v, want %+v", o.Done, o.Door, want)
	}
	o.Fail = approval.Wait(&approval.Request{ID: "Q-9"}, nil)
	p = do(t, o, authz.SystemManager, pagetest.Post("/doors/D-1", form("name", "x", "reason", "x")))
	if p.Header.Get("Location") != "/approvals/Q-9?asked" {
		t.Errorf("a change that waits: to %q", p.Header.Get("Location"))
	}
}

// R43-1: the form offers the readers of one controller, says which serve another door, and shows a door as it is.
func TestTheFormOfADoorOffersTheReadersOfItsController(t *testing.T) {
	p := do(t, &areatest.OneArea{}, authz.SystemManager, pagetest.Get("/areas/A-1/doors/new", "ja"))
	p.Count(t, "form[method=post] input[name=name]", 0) // several controllers: first one is chosen
	p = do(t, &areatest.OneArea{}, authz.SystemManager, pagetest.Get("/areas/A-1/doors/new?controller=ctl-1", "ja"))
	p.Count(t, "input[type=radio]", 0)
	p.Has(t, "#f-readers", "「書庫 入口」で使っています")
	p = do(t, &areatest.OneArea{}, authz.SystemManager, pagetest.Get("/doors/D-2/edit", "ja"))
	p.Count(t, "#r-IN-2-in[checked]", 1)
	p.Count(t, "#r-OUT-2-out[checked]", 1)
	p.Count(t, "input[name=reader.IO-1]", 0)
	for field, want := range map[string]string{"release": "5", "held": "30", "name": "書庫 入口"} {
		if got := pagetest.Attr(p.Find("#f-" + field)[0], "value"); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	p = do(t, &areatest.OneArea{}, authz.SystemManager, pagetest.Get("/doors/D-2/edit?controller=ctl-2", "ja"))
	p.Count(t, "#r-IN-3-[checked]", 1)
	p.Count(t, "#r-IN-2-in", 0)
	if p := do(t, &areatest.OneArea{}, authz.SystemManager, pagetest.Get("/areas/none/doors/new", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("a door of no area: %d", p.Status)
	}
}

// R43-1: a refusal stands at its input, and what was typed is there again.
func TestARefusedDoorStandsAtItsInput(t *testing.T) {
	for _, c := range []struct {
		at  string
		err error
	}{
		{"id", fault.New(fault.Conflict, "area.id_taken", "as a test")},
		{"id", fault.BadField("id", "field.id", "as a test")},
		{"name", fault.BadField("name", "field.required", "as a test")},
		{"release", fault.BadField("release_ms", "area.release", "as a test")},
		{"held", fault.BadField("held_ms", "area.held", "as a test")},
		{"controller", fault.BadField("controller", "area.one_controller", "as a test")},
		{"controller", fault.New(fault.NotFound, "device.unknown_controller", "as a test")},
		{"readers", fault.BadField("exit_readers", "area.no_exit_reader", "as a test")},
		{"readers", fault.BadField("entry_readers", "area.no_entry_reader", "as a test")},
		{"readers", fault.New(fault.NotFound, "device.unknown_reader", "as a test")},
		{"readers", fault.New(fault.Conflict, "area.reader_taken", "as a test")},
		{"reason", fault.BadField("reason", "field.too_long", "as a test")},
	} {
		o := &areatest.OneArea{Fail: c.err}
		p := do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1/doors", form("id", "D-7", "name", "裏口", "controller", "ctl-2", "release", "five", "held", "-3", "reader.IN-3", "out")))
		p.Sound(t)
		p.Count(t, "#f-"+c.at+"[aria-invalid]", 1)
		p.Count(t, "#e-"+c.at, 1)
		p.Count(t, "#r-IN-3-out[checked]", 1)
		if p.Status < 400 || pagetest.Attr(p.Find("#f-release")[0], "value") != "five" || o.Door.ReleaseMS != -1 || o.Door.HeldMS != -1 {
			t.Errorf("%s: %d, release %d, held %d", c.at, p.Status, o.Door.ReleaseMS, o.Door.HeldMS)
		}
	}
	p := do(t, &areatest.OneArea{Fail: fault.New(fault.NotFound, "area.unknown_area", "as a test")}, authz.SystemManager, pagetest.Post("/doors/D-1", form("area", "gone", "controller", "ctl-1")))
	p.Count(t, "#f-area[aria-invalid]", 1)
}

// R43-1: a door's page says what it is and who made it so; only a manager is offered to change it.
func TestADoorIsShownWithItsVersions(t *testing.T) {
	p := do(t, &areatest.OneArea{Linked: "front-1"}, authz.SystemManager, pagetest.Get("/doors/D-2", "ja"))
	p.Has(t, "main .facts", "解錠時間 5 秒 開放の限度 30 秒 連動 front-1")
	p.Has(t, "main table", "解錠時間：5 秒 → 3 秒")
	p.Count(t, `a[href=/doors/D-2/edit]`, 1)
	p.Count(t, `a[href=/doors/D-2/release]`, 1)
	p = do(t, &areatest.OneArea{}, authz.Guard, pagetest.Get("/doors/D-2", "ja"))
	p.Count(t, `a[href=/doors/D-2/edit]`, 0)
	p.Count(t, `a[href=/doors/D-2/release]`, 0)
	if p := do(t, &areatest.OneArea{}, authz.Guard, pagetest.Get("/doors/D-0", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("no such door: %d", p.Status)
	}
}

// R43-1: doors are made an interlock by ticks. A form without a tick ends none; only its own button does.
func TestDoorsAreInterlockedByTicks(t *testing.T) {
	o := &areatest.OneArea{}
	p := do(t, o, authz.SystemManager, pagetest.Post("/interlocks", "interlock=front-1&door=D-1&door=D-2&reason=%E5%89%8D%E5%AE%A4"))
	if o.Done != "interlock front-1" || o.Reason != "前室" || !slices.Equal(o.Group, []string{"D-1", "D-2"}) || p.Header.Get("Location") != "/interlocks?saved" {
		t.Errorf("%s (%s) of %q, to %q", o.Done, o.Reason, o.Group, p.Header.Get("Location"))
	}
	o = &areatest.OneArea{Linked: "front-1"}
	p = do(t, o, authz.SystemManager, pagetest.Post("/interlocks", "interlock=front-1&door=D-1&door=D-2&reason=x"))
	p.Sound(t)
	p.Count(t, "#f-interlock[aria-invalid]", 1)
	p = do(t, o, authz.SystemManager, pagetest.Post("/interlocks/front-1", "reason=x"))
	p.Sound(t)
	p.Count(t, "#f-doors[aria-invalid]", 1)
	if o.Done != "" {
		t.Errorf("a refused form did %q", o.Done)
	}
	do(t, o, authz.SystemManager, pagetest.Post("/interlocks/front-1", "door=D-1&end=1&reason=x"))
	if o.Done != "interlock front-1" || o.Group != nil {
		t.Errorf("the end: %s of %q", o.Done, o.Group)
	}
	o.Fail = fault.New(fault.Conflict, "area.interlock_other", "as a test")
	p = do(t, o, authz.SystemManager, pagetest.Post("/interlocks/front-1", "door=D-1&reason=x"))
	p.Count(t, "#f-doors[aria-invalid]", 1)
	p.Count(t, "#d-D-1[checked]", 1)
	p.Count(t, "#d-D-2[checked]", 0)
	p = do(t, o, authz.SystemManager, pagetest.Get("/interlocks/other/edit", "ja"))
	if p.Status != http.StatusNotFound {
		t.Errorf("no such interlock: %d", p.Status)
	}
	do(t, o, authz.Guard, pagetest.Get("/interlocks", "ja")).Count(t, `a[href=/interlocks/new]`, 0)
}

func TestWhatPeopleTypedOfDoorsIsShownAsText(t *testing.T) {
	for _, path := range []string{"/doors/D-1", "/doors/D-1/edit", "/areas/A-1/doors/new?controller=ctl-1", "/interlocks", "/interlocks/front-1/edit"} {
		p := do(t, &areatest.OneArea{Hostile: pagetest.Hostile, Linked: "front-1"}, authz.SystemManager, pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Harmless(t, 1)
	}
}
