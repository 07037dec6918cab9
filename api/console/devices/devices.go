// Package devices is the console's page of controllers: which are there, what their clocks, journals and policies
// say, and the state of each reader and I/O device. The page asks for itself again every few seconds.
package devices

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

//go:embed ja.json en.json templates
var files embed.FS

// Devices is what the page asks of the register of devices.
type Devices interface {
	Controllers(ctx context.Context, actor store.Actor) ([]device.Controller, error)
	Readers(ctx context.Context, actor store.Actor, controller string) ([]device.Reader, error)
}

// Config is what the page needs.
type Config struct {
	Shell   *ui.Shell
	Devices Devices
	Now     func() time.Time
}

// Pages serves the page.
type Pages struct {
	config Config
	view   ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	words, err := message.Load(files)
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	sub, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	view, err := c.Shell.View(sub, words, "devices.html")
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	return &Pages{config: c, view: view}, nil
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route { return []ui.Route{{Pattern: "GET /controllers", Handle: p.page}} }

// clockLimit is how far a controller's clock may be off before the page warns.
const clockLimit = 2 * time.Second

// panel is one controller in words.
type panel struct {
	device.Controller
	Never   bool   // it was never heard
	Ago     string // how long ago it was heard
	Offset  string // +0.031 秒
	Off     bool   // its clock is too far off
	Applied string
	Wanted  string
	Lines   []line
}

// line is one device on the controller's bus.
type line struct {
	Name    string
	Kind    string // empty: not registered
	Address int
	Known   bool // registered
	Heard   bool // the controller speaks of it
	Online  bool
	Secure  bool
	Detail  string
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	ctx, lang := r.Context(), ui.LangOf(r)
	controllers, err := p.config.Devices.Controllers(ctx, v.Actor())
	if err != nil {
		return err
	}
	readers, err := p.config.Devices.Readers(ctx, v.Actor(), "")
	if err != nil {
		return err
	}
	now := p.config.Now()
	data := struct {
		Panels []panel
		Made   time.Time
		Down   int
	}{Made: now}
	for _, c := range controllers {
		data.Panels = append(data.Panels, p.panel(lang, c, readers, now))
		if !c.Online {
			data.Down++
		}
	}
	title := p.view.Text(lang, "devices.title")
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Title: title, Section: "controllers", Data: data})
}

func (p *Pages) panel(l message.Lang, c device.Controller, readers []device.Reader, now time.Time) panel {
	out := panel{
		Controller: c, Never: c.LastSeen.IsZero(), Off: c.OffsetOK && c.Offset.Abs() > clockLimit,
		Applied: fmt.Sprintf("%d.%d", c.Applied.Epoch, c.Applied.N), Wanted: fmt.Sprintf("%d.%d", c.Wanted.Epoch, c.Wanted.N),
		Lines: lines(c, readers),
	}
	if !out.Never {
		out.Ago = p.ago(l, now.Sub(c.LastSeen))
	}
	if c.OffsetOK {
		out.Offset = p.view.Text(l, "seconds", signed(c.Offset))
	}
	return out
}

// signed writes an offset in hundredths of a second, with a true minus and no sign before nothing.
func signed(d time.Duration) string {
	switch s := fmt.Sprintf("%+.2f", d.Seconds()); s {
	case "+0.00", "-0.00":
		return "0.00"
	default:
		return strings.Replace(s, "-", "−", 1)
	}
}

// lines joins what is registered on a controller with what the controller sees, registered ones first.
func lines(c device.Controller, readers []device.Reader) []line {
	heard := map[string]device.Attached{}
	for _, d := range c.Devices {
		heard[d.Name] = d
	}
	var out []line
	for _, r := range readers {
		if r.Controller != c.Name {
			continue
		}
		d, ok := heard[r.Name]
		delete(heard, r.Name)
		out = append(out, line{
			Name: r.Name, Kind: string(r.Kind), Address: r.Address, Known: true,
			Heard: ok, Online: ok && d.Online && c.Online, Secure: d.Secure, Detail: d.Detail,
		})
	}
	for _, d := range c.Devices {
		if _, unknown := heard[d.Name]; unknown {
			out = append(out, line{Name: d.Name, Heard: true, Online: d.Online && c.Online, Secure: d.Secure, Detail: d.Detail})
		}
	}
	return out
}

// ago is a length of time in the largest unit that fits.
func (p *Pages) ago(l message.Lang, d time.Duration) string {
	switch {
	case d < time.Minute:
		return p.view.Text(l, "ago.seconds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return p.view.Text(l, "ago.minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return p.view.Text(l, "ago.hours", int(d.Hours()))
	default:
		return p.view.Text(l, "ago.days", int(d.Hours()/24))
	}
}
