// Package doors is the console's pages of doors: what a door is with its versions, the forms to add and change one, and the interlocks (連動) of doors of which one at
// most is open. A change that needs two people goes to the page of its request.
package doors

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/url"

	"kanmon/api/console/approvals"
	"kanmon/api/console/change"
	"kanmon/api/console/ui"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/history"
)

//go:embed ja.json en.json templates
var files embed.FS

// Areas is what the pages ask of the register of areas.
type Areas interface {
	Area(ctx context.Context, actor store.Actor, id string) (area.Area, error)
	Areas(ctx context.Context, actor store.Actor) ([]area.Area, error)
	Doors(ctx context.Context, actor store.Actor) ([]area.Door, error)
	DoorHistory(ctx context.Context, actor store.Actor, id string) ([]history.Change, error)
	AddDoor(ctx context.Context, actor store.Actor, d area.Door) (area.Door, error)
	ChangeDoor(ctx context.Context, actor store.Actor, reason string, d area.Door) error
	Interlock(ctx context.Context, actor store.Actor, reason, name string, doors []string) error
}

// Devices is what the pages ask of the register of devices.
type Devices interface {
	Controllers(ctx context.Context, actor store.Actor) ([]device.Controller, error)
	Readers(ctx context.Context, actor store.Actor, controller string) ([]device.Reader, error)
}

// Config is what the pages need.
type Config struct {
	Shell   *ui.Shell
	Areas   Areas
	Devices Devices
}

// Pages serves the pages.
type Pages struct {
	config                   Config
	words                    change.Words
	one, edit, groups, group ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	var err error
	if p.words, err = change.Load(); err != nil {
		return nil, fmt.Errorf("doors: %w", err)
	}
	return p, c.Shell.Open(ui.Room{
		Name: "doors", Files: files,
		Pages: map[string]*ui.View{"door.html": &p.one, "editdoor.html": &p.edit, "interlocks.html": &p.groups, "interlock.html": &p.group},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /areas/{id}/doors/new", Handle: p.askNew},
		{Pattern: "POST /areas/{id}/doors", Handle: p.add},
		{Pattern: "GET /doors/{id}", Handle: p.show},
		{Pattern: "GET /doors/{id}/edit", Handle: p.askEdit},
		{Pattern: "POST /doors/{id}", Handle: p.change},
		{Pattern: "GET /interlocks", Handle: p.interlocks},
		{Pattern: "GET /interlocks/new", Handle: p.askNewInterlock},
		{Pattern: "POST /interlocks", Handle: p.addInterlock},
		{Pattern: "GET /interlocks/{name}/edit", Handle: p.askInterlock},
		{Pattern: "POST /interlocks/{name}", Handle: p.changeInterlock},
	}
}

// after sends the visitor to the page of a request that waits, or else to where the change can be seen.
func after(w http.ResponseWriter, r *http.Request, err error, done string) bool {
	if approvals.Sent(w, r, err) {
		return true
	}
	if err == nil {
		ui.Redirect(w, r, done)
	}
	return err == nil
}

func doorPath(id string) string { return "/doors/" + url.PathEscape(id) }

func areaPath(id string) string { return "/areas/" + url.PathEscape(id) }
