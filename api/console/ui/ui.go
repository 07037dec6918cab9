// Package ui is the frame of the console that every page shares: layout, style sheet, script, words, times,
// error pages and the headers that keep a page to its own site.
//
// A page belongs to the folder of its register. The folder embeds its templates and its catalogue (ja.json,
// en.json), makes a View of them with Shell.View, and answers with Shell.Render. A template file of a page
// defines "main"; what it prints is escaped by html/template. These functions are there besides the standard ones:
//
//	t key args…     text of the catalogue, with the verbs of fmt
//	icon name       an inline SVG, hidden from screen readers
//	asset name      the address of an embedded file, which holds its content's hash
//	clock, day, date, stamp, iso   a time in JST: 14:03:12, 9月18日(金), with the year, date and clock, RFC 3339
//	exact, minute   14:03:12.041, 9月18日(金) 14時03分
//	from, until     the sides of a validity
//	dict name value…   the argument of a component in parts.html
//
// The look follows the published values of デジタル庁デザインシステム (colours, sizes of type, an 8 px grid, the black and
// yellow focus ring); the style sheet is our own and holds them as variables.
//
// Pages work without JavaScript, except that the live list does not then renew itself.
package ui

import (
	"context"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"

	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// Visitor is the person who asks. The zero Visitor is nobody.
type Visitor struct{ Session account.Session }

// Known reports whether somebody is logged in.
func (v Visitor) Known() bool { return v.Session.Account.ID != "" }

// Login is the visitor's login name.
func (v Visitor) Login() string { return v.Session.Account.ID }

// Actor is the visitor as the author of a change.
func (v Visitor) Actor() store.Actor { return v.Session.Account.Actor() }

// May reports whether the visitor holds a role that may do a. Nothing is allowed before a password chosen by
// somebody else was changed.
func (v Visitor) May(a authz.Action) bool {
	return v.Known() && !v.Session.Account.MustChange && authz.Allowed(v.Session.Account.Roles, a)
}

// Handler answers one request. The error of a failed one becomes an error page.
type Handler func(w http.ResponseWriter, r *http.Request, v Visitor) error

// Route is one row of what a folder serves: a pattern of http.ServeMux with its method. Who may call it stands
// in internal/authz under the same pattern.
type Route struct {
	Pattern string
	Handle  Handler
}

// Config is what the frame needs.
type Config struct {
	// LedgerSize returns how many leaves the newest checkpoint covers. Nil leaves the figure out.
	LedgerSize func(context.Context) (int64, error)
	// Badges returns the figures beside the sections. Nil leaves them out. It must only read.
	Badges func(context.Context, Visitor) (Badges, error)
	// Site names the installation in the header; may be empty.
	Site string
	// Version of the program, for the footer.
	Version string
	Log     *slog.Logger
}

// Badges are the figures of the header.
type Badges struct {
	Alarms  int // open
	Raised  int // of them not acknowledged
	Notices int // unread
}

// Shell is the frame.
type Shell struct {
	config    Config
	assets    served
	words     message.Catalogue
	templates *template.Template // layout and components, without words
	failure   View
}

// New reads the embedded files of the frame.
func New(c Config) (*Shell, error) {
	s := &Shell{config: c}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.words, err = message.Load(catalogue); err != nil {
		return nil, err
	}
	s.templates, err = template.New("").Funcs(s.functions(message.JA, s.words)).ParseFS(templates, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	sub, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	s.failure, err = s.View(sub, message.Catalogue{}, "error.html")
	return s, err
}

// nav lists the sections in the order of the header.
func nav() []section {
	return []section{
		{"live", "/live", authz.EntryRead},
		{"presence", "/presence", authz.EntryRead},
		{"alarms", "/alarms", authz.AlarmRead},
		{"staff", "/staff", authz.StaffRead},
		{"cards", "/cards", authz.CardRead},
		{"revocations", "/revocations", authz.CardRead},
		{"areas", "/areas", authz.AreaRead},
		{"approvals", "/approvals", authz.ApprovalRead},
		{"controllers", "/controllers", authz.DeviceRead},
	}
}

type section struct {
	Key, Path string
	action    authz.Action
}

// Home is the first section that the visitor may see, or the page about the own account.
func Home(v Visitor) string {
	if i := slices.IndexFunc(nav(), func(s section) bool { return v.May(s.action) }); i >= 0 {
		return nav()[i].Path
	}
	return "/password"
}

func sections(v Visitor) []section {
	return slices.DeleteFunc(nav(), func(s section) bool { return !v.May(s.action) })
}
