// Package console is the centre's pages for people. Each register has its folder of pages; this package joins
// them to the gate, and turns what goes wrong into a page that says so.
package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/api/console/alarms"
	"kanmon/api/console/approvals"
	"kanmon/api/console/area"
	"kanmon/api/console/areas"
	"kanmon/api/console/calendar"
	"kanmon/api/console/desks"
	"kanmon/api/console/devices"
	"kanmon/api/console/doors"
	"kanmon/api/console/explain"
	"kanmon/api/console/forget"
	"kanmon/api/console/grades"
	"kanmon/api/console/live"
	"kanmon/api/console/login"
	"kanmon/api/console/notices"
	"kanmon/api/console/people"
	"kanmon/api/console/pins"
	"kanmon/api/console/presence"
	"kanmon/api/console/readers"
	"kanmon/api/console/revocations"
	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/reader/credential"
)

// Accounts is what the console asks of the register of accounts.
type Accounts interface {
	login.Accounts
	areas.Accounts
}

// Revocations is what the console asks of the register of revocations.
type Revocations interface {
	revocations.Revocations
	devices.Revocations
}

// Cards is what the console asks of the register of cards.
type Cards interface {
	people.Cards
	taps.Cards
}

// Desks is what the console asks of the register of desks.
type Desks interface {
	desks.Desks
	taps.Desks
}

// Seats is what the console asks of the desks themselves.
type Seats interface {
	desks.Seats
	taps.Seats
}

// Config is what the console works on. Every field is needed but those marked.
type Config struct {
	Site     string // shown in the header; may be empty
	Software string // the program's version, for the footer; may be empty
	Gate     *auth.Gate
	Accounts Accounts
	Staff    people.Staff
	Cards    Cards
	PINs     pins.PINs
	Areas    Areas
	Days     calendar.Days
	Devices  devices.Devices
	Entries  Entries
	Alarms   alarms.Alarms
	Notices  notices.Notices
	Desks    Desks
	Seats    Seats

	Explainer explain.Explainer

	Lockdowns area.Lockdowns
	Profiles  readers.Profiles
	Grades    grades.Grades
	Approvals approvals.Approvals

	HashKey credential.HashKey // makes keys of card numbers, which go no further

	Revocations Revocations
	Enrolment   devices.Enrolment
	Releaser    Releaser
	Commands    areas.Commands
	Lease       access.Lease // how long doors decide without the centre's word; zero: the defaults
	URL         string       // how controllers reach the centre, https://host[:port]; empty: as the visitor does

	// Subscribe returns a channel that delivers when there may be new entries, and how to end it.
	Subscribe func() (wake <-chan struct{}, cancel func())
	// LedgerSize returns how many leaves the newest checkpoint covers; nil leaves the figure out. It must only read.
	LedgerSize func(context.Context) (int64, error)
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger
}

// Entries is what the console asks of the entry log.
type Entries interface {
	live.Entries
	presence.Entries
}

// Releaser gives commands to controllers.
type Releaser interface {
	areas.Releaser
	forget.Releaser
}

// Areas is what the console asks of the register of areas.
type Areas interface {
	areas.Areas
	calendar.Schedules
	area.Areas
	doors.Areas
	people.Rights
}

// Console serves every page. Event streams end with the request's context: a server that shuts down must cancel
// it (http.Server.BaseContext), for they do not end by themselves.
type Console struct {
	config Config
	shell  *ui.Shell
	router *auth.Router
}

// New reads the templates and registers every route. A route without a row in authz is served to nobody.
func New(c Config) (*Console, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	k := &Console{config: c}
	var err error
	if k.shell, err = ui.New(ui.Config{LedgerSize: c.LedgerSize, Badges: k.badges, Site: c.Site, Version: c.Software, Log: c.Log}); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	k.router = c.Gate.Router(k.refuse)
	folders, err := k.folders()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	for _, f := range folders {
		for _, route := range f.Routes() {
			k.router.Handle(route.Pattern, k.adapt(route.Handle))
		}
	}
	return k, nil
}

type folder interface{ Routes() []ui.Route }

func (k *Console) folders() ([]folder, error) {
	c := k.config
	var list []folder
	for _, open := range []func() (folder, error){
		func() (folder, error) {
			return login.New(login.Config{Shell: k.shell, Accounts: c.Accounts, Cookies: c.Gate})
		},
		func() (folder, error) {
			return live.New(live.Config{
				Shell: k.shell, Entries: c.Entries, Doors: c.Areas, Subscribe: c.Subscribe, Identify: k.identify, Now: c.Now,
			})
		},
		func() (folder, error) {
			return explain.New(explain.Config{Shell: k.shell, Explainer: c.Explainer, Doors: c.Areas, Now: c.Now})
		},
		func() (folder, error) { return presence.New(presence.Config{Shell: k.shell, Entries: c.Entries}) },
		func() (folder, error) {
			return alarms.New(alarms.Config{Shell: k.shell, Alarms: c.Alarms})
		},
		func() (folder, error) { return notices.New(notices.Config{Shell: k.shell, Notices: c.Notices}) },
		func() (folder, error) {
			return people.New(people.Config{Shell: k.shell, Staff: c.Staff, Cards: c.Cards, Rights: c.Areas, PINs: c.PINs, Counter: k.counter(), HashKey: c.HashKey, Now: c.Now})
		},
		func() (folder, error) {
			return taps.New(taps.Config{Shell: k.shell, Counter: k.counter(), Cards: c.Cards, Identify: k.identify, Now: c.Now})
		},
		func() (folder, error) {
			return desks.New(desks.Config{Shell: k.shell, Desks: c.Desks, Seats: c.Seats, URL: c.URL, Now: c.Now})
		},
		func() (folder, error) {
			return pins.New(pins.Config{Shell: k.shell, PINs: c.PINs, Staff: c.Staff, Areas: c.Areas, Now: c.Now})
		},
		func() (folder, error) {
			return revocations.New(revocations.Config{Shell: k.shell, Revocations: c.Revocations, Now: c.Now})
		},
		func() (folder, error) {
			return areas.New(areas.Config{Shell: k.shell, Areas: c.Areas, Releaser: c.Releaser, Commands: c.Commands, Accounts: c.Accounts})
		},
		func() (folder, error) {
			return calendar.New(calendar.Config{Shell: k.shell, Days: c.Days, Schedules: c.Areas, Now: c.Now})
		},
		func() (folder, error) {
			return area.New(area.Config{Shell: k.shell, Areas: c.Areas, Lockdowns: c.Lockdowns, Grades: c.Grades, Approvals: c.Approvals})
		},
		func() (folder, error) {
			return doors.New(doors.Config{Shell: k.shell, Areas: c.Areas, Devices: c.Devices})
		},
		func() (folder, error) {
			return grades.New(grades.Config{Shell: k.shell, Grades: c.Grades, Areas: c.Areas, Approvals: c.Approvals})
		},
		func() (folder, error) {
			return forget.New(forget.Config{Shell: k.shell, Areas: c.Areas, Releaser: c.Releaser, Commands: c.Commands, Accounts: c.Accounts})
		},
		func() (folder, error) {
			return approvals.New(approvals.Config{Shell: k.shell, Approvals: c.Approvals, Areas: c.Areas, Staff: c.Staff})
		},
		func() (folder, error) { return readers.New(readers.Config{Shell: k.shell, Profiles: c.Profiles}) },
		func() (folder, error) {
			return devices.New(devices.Config{
				Shell: k.shell, Devices: c.Devices, Enrolment: c.Enrolment, Revocations: c.Revocations, Lease: c.Lease, URL: c.URL, Now: c.Now,
			})
		},
	} {
		f, err := open()
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return append(list, frame{k.shell}), nil
}

func (k *Console) counter() taps.Counter {
	return taps.Counter{Desks: k.config.Desks, Seats: k.config.Seats}
}

// badges are the figures beside the sections that a visitor may see.
func (k *Console) badges(ctx context.Context, v ui.Visitor) (ui.Badges, error) {
	var b ui.Badges
	var err error
	if v.May(authz.AlarmRead) {
		standing, err := k.config.Alarms.Standing(ctx, v.Actor())
		if err != nil {
			return b, err
		}
		b.Alarms, b.Raised = standing.Open, standing.Raised
	}
	b.Notices, err = k.config.Notices.Unread(ctx, v.Actor())
	return b, err
}

// frame is what belongs to no register.
type frame struct{ shell *ui.Shell }

// Routes lists what the frame serves.
func (f frame) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /{$}", Handle: func(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
			ui.Redirect(w, r, ui.Home(v))
			return nil
		}},
		{Pattern: "GET /static/{file}", Handle: f.shell.Static},
		{Pattern: "POST /language", Handle: ui.SwitchLanguage},
		{Pattern: "GET /", Handle: ui.NotFound},
	}
}

// Patterns lists every route, as authz knows them.
func (k *Console) Patterns() []string { return k.router.Patterns() }

// ServeHTTP implements http.Handler.
func (k *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if w.Header().Get("X-Request-Id") == "" {
		w.Header().Set("X-Request-Id", rand.Text()[:12])
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	k.router.ServeHTTP(w, r)
}

// maxForm bounds what a form may send.
const maxForm = 64 << 10

func (k *Console) adapt(h ui.Handler) auth.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, who auth.Principal) {
		v := visitor(who)
		defer k.catch(w, r, v)
		if err := parse(r); err != nil {
			k.shell.Fail(w, r, v, err)
			return
		}
		if err := h(w, r, v); err != nil {
			k.shell.Fail(w, r, v, err)
		}
	}
}

// parse reads a form before the handler does, so that a broken or huge one is answered in one place.
func parse(r *http.Request) error {
	err := r.ParseForm()
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return fault.Wrap(fault.TooLarge, err, "read form")
	}
	return fault.Wrap(fault.Invalid, err, "read form")
}

// catch turns a panic of a page into the page for an internal error.
func (k *Console) catch(w http.ResponseWriter, r *http.Request, v ui.Visitor) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		k.shell.Fail(w, r, v, fmt.Errorf("page panicked: %v", p))
	}
}

// refuse answers a request that the gate did not let through.
func (k *Console) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if fault.CodeOf(err) == "auth.must_change" {
		ui.Redirect(w, r, "/password")
		return
	}
	v, lost := k.identify(r)
	if lost != nil {
		v = ui.Visitor{}
	}
	k.shell.Fail(w, r, v, err)
}

func (k *Console) identify(r *http.Request) (ui.Visitor, error) {
	who, err := k.config.Gate.Identify(r)
	return visitor(who), err
}

func visitor(who auth.Principal) ui.Visitor {
	if !who.Known() {
		return ui.Visitor{}
	}
	return ui.Visitor{Session: who.Session()}
}
