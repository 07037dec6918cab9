// Package login is the console's pages before and around a session: the log-in, the first account from the
// bootstrap token, the change of the own password, and the log-out.
package login

import (
	"context"
	"embed"
	"net/http"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/fault"
	"kanmon/lifecycle/account"
)

//go:embed ja.json en.json templates
var files embed.FS

// Accounts is what the pages ask of the register of accounts.
type Accounts interface {
	Login(ctx context.Context, id string, p account.Password) (account.Session, error)
	Logout(ctx context.Context, t account.Token) error
	NeedsSetup(ctx context.Context) (bool, error)
	Setup(ctx context.Context, t account.Token, id string, p account.Password) (account.Account, error)
	ChangePassword(ctx context.Context, s account.Session, old, fresh account.Password) (account.Session, error)
}

// Cookies gives a session to the browser and takes it away.
type Cookies interface {
	SetCookie(w http.ResponseWriter, s account.Session)
	ClearCookie(w http.ResponseWriter)
}

// Config is what the pages need.
type Config struct {
	Shell    *ui.Shell
	Accounts Accounts
	Cookies  Cookies
}

// Pages serves the pages.
type Pages struct {
	config                 Config
	login, setup, password ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "login", Files: files,
		Pages: map[string]*ui.View{"login.html": &p.login, "setup.html": &p.setup, "password.html": &p.password},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /login", Handle: p.ask},
		{Pattern: "POST /login", Handle: p.enter},
		{Pattern: "POST /logout", Handle: p.leave},
		{Pattern: "GET /setup", Handle: p.askSetup},
		{Pattern: "POST /setup", Handle: p.first},
		{Pattern: "GET /password", Handle: p.askPassword},
		{Pattern: "POST /password", Handle: p.change},
	}
}

// form is a form as it was filled in, without its secrets, and what was wrong with it.
type form struct {
	Problem string // above the form
	Field   string // the input at fault
	Login   string
	Next    string
	Must    bool // the password must be changed before anything else
}

func (f *form) refuse(l message.Lang, err error) (handled bool) {
	f.Problem, f.Field, handled = ui.Correctable(l, err)
	return handled
}

func (p *Pages) ask(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	needs, err := p.config.Accounts.NeedsSetup(r.Context())
	if err != nil {
		return err
	}
	if needs {
		ui.Redirect(w, r, "/setup")
		return nil
	}
	if v.Known() {
		ui.Redirect(w, r, "/")
		return nil
	}
	return p.showLogin(w, r, http.StatusOK, form{Next: ui.LocalPath(r.FormValue("next"))})
}

func (p *Pages) showLogin(w http.ResponseWriter, r *http.Request, status int, f form) error {
	title := p.login.Text(ui.LangOf(r), "login.title")
	return p.config.Shell.Render(w, r, ui.Visitor{}, p.login, ui.Page{Status: status, Title: title, Plain: true, Data: f})
}

func (p *Pages) enter(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := form{Login: r.PostFormValue("login"), Next: ui.LocalPath(r.PostFormValue("next"))}
	s, err := p.config.Accounts.Login(r.Context(), f.Login, account.NewPassword(r.PostFormValue("password")))
	if err != nil {
		if !f.refuse(ui.LangOf(r), err) {
			return err
		}
		return p.showLogin(w, r, ui.StatusOf(err), f)
	}
	if v.Known() { // a new log-in never leaves an older one behind in the same browser
		if err := p.config.Accounts.Logout(r.Context(), v.Session.Token); err != nil {
			return err
		}
	}
	p.config.Cookies.SetCookie(w, s)
	ui.Redirect(w, r, f.Next)
	return nil
}

func (p *Pages) leave(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	if err := p.config.Accounts.Logout(r.Context(), v.Session.Token); err != nil {
		return err
	}
	p.config.Cookies.ClearCookie(w)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	ui.Redirect(w, r, "/login")
	return nil
}

func (p *Pages) askSetup(w http.ResponseWriter, r *http.Request, _ ui.Visitor) error {
	needs, err := p.config.Accounts.NeedsSetup(r.Context())
	if err != nil {
		return err
	}
	if !needs {
		ui.Redirect(w, r, "/login")
		return nil
	}
	return p.showSetup(w, r, http.StatusOK, form{})
}

func (p *Pages) showSetup(w http.ResponseWriter, r *http.Request, status int, f form) error {
	title := p.setup.Text(ui.LangOf(r), "setup.title")
	return p.config.Shell.Render(w, r, ui.Visitor{}, p.setup, ui.Page{Status: status, Title: title, Plain: true, Data: f})
}

// first makes the first account and logs it in.
func (p *Pages) first(w http.ResponseWriter, r *http.Request, _ ui.Visitor) error {
	f := form{Login: r.PostFormValue("login")}
	secret := account.NewPassword(r.PostFormValue("password"))
	s, err := p.create(r, f.Login, secret)
	if err != nil {
		if !f.refuse(ui.LangOf(r), err) {
			return err
		}
		return p.showSetup(w, r, ui.StatusOf(err), f)
	}
	p.config.Cookies.SetCookie(w, s)
	ui.Redirect(w, r, "/")
	return nil
}

func (p *Pages) create(r *http.Request, login string, secret account.Password) (account.Session, error) {
	if err := same(r); err != nil {
		return account.Session{}, err
	}
	token := account.ParseToken(r.PostFormValue("token"))
	if _, err := p.config.Accounts.Setup(r.Context(), token, login, secret); err != nil {
		return account.Session{}, err
	}
	return p.config.Accounts.Login(r.Context(), login, secret)
}

// same checks that a new password was typed alike twice.
func same(r *http.Request) error {
	if r.PostFormValue("password") != r.PostFormValue("again") {
		return fault.BadField("again", "account.password_repeat", "the two passwords differ")
	}
	return nil
}

func (p *Pages) askPassword(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.showPassword(w, r, v, http.StatusOK, form{})
}

func (p *Pages) showPassword(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, f form) error {
	f.Login, f.Must = v.Login(), v.Session.Account.MustChange
	title := p.password.Text(ui.LangOf(r), "password.title")
	return p.config.Shell.Render(w, r, v, p.password, ui.Page{Status: status, Title: title, Data: f})
}

func (p *Pages) change(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	err := same(r)
	var s account.Session
	if err == nil {
		old, fresh := account.NewPassword(r.PostFormValue("old")), account.NewPassword(r.PostFormValue("password"))
		s, err = p.config.Accounts.ChangePassword(r.Context(), v.Session, old, fresh)
	}
	if err != nil {
		var f form
		if !f.refuse(ui.LangOf(r), err) {
			return err
		}
		if fault.CodeOf(err) == "auth.login" {
			f.Problem, f.Field = p.password.Text(ui.LangOf(r), "password.old_wrong"), "old"
		}
		return p.showPassword(w, r, v, ui.StatusOf(err), f)
	}
	p.config.Cookies.SetCookie(w, s)
	ui.Redirect(w, r, "/")
	return nil
}
