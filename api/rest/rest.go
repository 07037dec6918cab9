// Package rest is the interface for other programs: JSON over HTTP under /api/v1, described by an OpenAPI 3.1
// document made from the code (GET /api/v1/openapi.json).
//
// It only puts its rooms together. What they share is the frame (package frame); each has the operations of one register in a package of its
// own. A caller logs in with POST /api/v1/session and shows the token as "Authorization: Bearer …".
//
// The document's version is SpecVersion; a test holds the document against testdata/openapi.json, so a change of
// the interface is a change of the version.
package rest

import (
	"log/slog"
	"net/http"

	"kanmon/api/auth"
	"kanmon/api/explain"
	"kanmon/api/rest/accounts"
	"kanmon/api/rest/alarms"
	"kanmon/api/rest/approvals"
	"kanmon/api/rest/areas"
	"kanmon/api/rest/calendar"
	"kanmon/api/rest/cards"
	"kanmon/api/rest/desks"
	"kanmon/api/rest/devices"
	"kanmon/api/rest/enrolment"
	"kanmon/api/rest/entries"
	why "kanmon/api/rest/explain"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/ledger"
	"kanmon/api/rest/notices"
	"kanmon/api/rest/people"
	"kanmon/api/rest/pins"
	"kanmon/api/rest/presence"
	"kanmon/api/rest/service"
	"kanmon/api/rest/sessions"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	days "kanmon/lifecycle/calendar"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/desk"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/grade"
	"kanmon/lifecycle/lockdown"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/profile"
	"kanmon/lifecycle/revocation"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

// SpecVersion is the version of the interface: major.minor.patch, where a change callers must follow is a new
// major and an addition a new minor.
const SpecVersion = "4.1.0"

// Config is what the interface works on. All fields are needed.
type Config struct {
	Site     string // the site's name
	Software string // the program's version
	Gate     *auth.Gate
	Store    *store.Store
	Accounts *account.Register
	Staff    *staff.Register
	Areas    *area.Register

	Approvals *approval.Register
	Grades    *grade.Register
	Lockdowns *lockdown.Register
	Profiles  *profile.Register

	Days    *days.Register
	Devices *device.Register
	Cards   *card.Register
	Entries *entrylog.Register
	PINs    *pin.Register
	Alarms  *alarm.Register
	Notices *notice.Register
	HashKey credential.HashKey // makes keys of card numbers, which go no further
	Log     *slog.Logger

	Revocations *revocation.Register
	Enrolment   Enrolment
	Releaser    areas.Releaser
	Explainer   *explain.Explainer
	Desks       *desk.Register
	Seats       desks.Seats
}

// Enrolment lets controllers in, and those who may open the way for them.
type Enrolment interface {
	devices.Tokens
	enrolment.Service
}

// EnrolledDesk is what a desk gets that was let in.
type EnrolledDesk = desks.Enrolled

// Enrolled is what a controller gets that was let in.
type Enrolled = enrolment.Enrolled

// Renewed is what a controller gets for its old key.
type Renewed = enrolment.Renewed

// Keys are the keys that a controller is to believe.
type Keys = enrolment.Keys

// Announcement is the word of one key for a list of them.
type Announcement = enrolment.Announcement

// Known is what a controller says it has of the centre's keys.
type Known = enrolment.Known

// API is the interface. It is an http.Handler for paths under /api/.
type API struct{ frame *frame.Frame }

// room has the operations of one register.
type room interface{ Routes(f *frame.Frame) }

// New builds the interface.
func New(cfg Config) (*API, error) {
	f := frame.New(frame.Config{Version: SpecVersion, Gate: cfg.Gate, Log: cfg.Log})
	for _, r := range cfg.rooms() {
		r.Routes(f)
	}
	return &API{f}, f.Describe()
}

func (cfg Config) rooms() []room {
	return []room{
		service.Config{Store: cfg.Store, Site: cfg.Site, Software: cfg.Software, Interface: SpecVersion},
		sessions.Config{Accounts: cfg.Accounts},
		accounts.Config{Accounts: cfg.Accounts},
		people.Config{Staff: cfg.Staff},
		approvals.Config{Approvals: cfg.Approvals},
		areas.Config{Areas: cfg.Areas, Grades: cfg.Grades, Lockdowns: cfg.Lockdowns, Accounts: cfg.Accounts, Releaser: cfg.Releaser},
		calendar.Config{Days: cfg.Days},
		desks.Config{Desks: cfg.Desks, Seats: cfg.Seats, Log: cfg.Log},
		devices.Config{Devices: cfg.Devices, Profiles: cfg.Profiles, Tokens: cfg.Enrolment},
		enrolment.Config{Service: cfg.Enrolment, Log: cfg.Log},
		cards.Config{Cards: cfg.Cards, Revocations: cfg.Revocations, HashKey: cfg.HashKey},
		pins.Config{PINs: cfg.PINs, Now: cfg.Store.Now},
		entries.Config{Entries: cfg.Entries},
		why.Config{Explainer: cfg.Explainer, Now: cfg.Store.Now},
		presence.Config{Entries: cfg.Entries},
		alarms.Config{Alarms: cfg.Alarms},
		notices.Config{Notices: cfg.Notices},
		ledger.Config{Store: cfg.Store},
	}
}

// Patterns lists the routes, as authz knows them.
func (a *API) Patterns() []string { return a.frame.Patterns() }

// Spec is the OpenAPI document, indented JSON.
func (a *API) Spec() []byte { return a.frame.Spec() }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.frame.ServeHTTP(w, r) }
