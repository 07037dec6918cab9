// Package devices is the console's pages of controllers: which are there and who they prove to be, what their clocks, journals, policies and
// revocation sets say, and the state of each reader and I/O device. The list asks for itself again every few seconds. A controller's own
// page opens it to enrolment with a token, enters what hangs on its lines, and throws it out.
package devices

import (
	"context"
	"embed"
	"net/http"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

//go:embed ja.json en.json templates
var files embed.FS

// Devices is what the pages ask of the register of devices.
type Devices interface {
	Controllers(ctx context.Context, actor store.Actor) ([]device.Controller, error)
	Controller(ctx context.Context, actor store.Actor, name string) (device.Controller, error)
	Readers(ctx context.Context, actor store.Actor, controller string) ([]device.Reader, error)
	AddController(ctx context.Context, actor store.Actor, n device.NewController) (device.Controller, error)
	AddReader(ctx context.Context, actor store.Actor, d device.Reader) (device.Reader, error)
	RevokeController(ctx context.Context, actor store.Actor, name, reason string) error
}

// Enrolment makes tokens.
type Enrolment interface {
	// Token opens a controller to one enrolment until the moment returned.
	Token(ctx context.Context, actor store.Actor, controller string) (token pki.Token, expires time.Time, err error)
	// Fingerprint is that of the authority, as pki.CertificateFingerprint prints it.
	Fingerprint() string
}

// Revocations says which revocation set every controller should have: its version and its hash, "" for an empty one.
type Revocations interface {
	Standing(ctx context.Context, actor store.Actor) (access.Version, string, error)
}

// Config is what the pages need.
type Config struct {
	Shell       *ui.Shell
	Devices     Devices
	Enrolment   Enrolment
	Revocations Revocations
	Lease       access.Lease // how long doors decide without the centre's word
	URL         string       // how controllers reach the centre, https://host[:port]; empty: as the visitor does
	Now         func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config                     Config
	view, one, ticket, newForm ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "devices", Files: files, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"devices.html": &p.view, "controller.html": &p.one, "token.html": &p.ticket, "new.html": &p.newForm},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /controllers", Handle: p.page},
		{Pattern: "GET /controllers/new", Handle: p.askNew},
		{Pattern: "POST /controllers", Handle: p.add},
		{Pattern: "GET /controllers/{name}", Handle: p.showOne},
		{Pattern: "POST /controllers/{name}/devices", Handle: p.addDevice},
		{Pattern: "POST /controllers/{name}/token", Handle: p.token},
		{Pattern: "POST /controllers/{name}/revoke", Handle: p.revoke},
	}
}

// line is one device on the controller's bus.
type line struct {
	Name      string
	Kind      string // empty: not registered
	Address   int
	Known     bool // registered
	Addressed bool
	Heard     bool // the controller speaks of it
	Online    bool
	Secure    bool
	Detail    string
}

// Bare reports a device that has no OSDP line, and so no secure channel that could be missing.
func (l line) Bare() bool { return l.Known && !l.Addressed }

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
	wanted, err := p.wanted(ctx, v)
	if err != nil {
		return err
	}
	now := p.config.Now()
	data := struct {
		Panels []panel
		Made   time.Time
		Down   int
		MayAdd bool
	}{Made: now, MayAdd: v.May(authz.DeviceWrite)}
	for _, c := range controllers {
		data.Panels = append(data.Panels, p.panel(lang, c, readers, wanted, now))
		if !c.Online && c.State == device.Enrolled {
			data.Down++
		}
	}
	title := p.view.Text(lang, "devices.title")
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Title: title, Section: "controllers", Data: data})
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
			Name: r.Name, Kind: string(r.Kind), Address: r.Address, Known: true, Addressed: r.Kind.Addressed(),
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
