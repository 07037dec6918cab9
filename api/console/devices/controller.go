package devices

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/device"
)

// onePage is a controller with what the visitor may do to it.
type onePage struct {
	panel
	Problem, Field, Reason string // of the form that throws it out
	MayToken, MayRevoke    bool
	MayAdd                 bool
	New                    newDevice // the form of another device
	Added                  string    // the device that was entered just now
}

func (p *Pages) showOne(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.onePage(w, r, v, http.StatusOK, onePage{Added: r.URL.Query().Get("added")})
}

func (p *Pages) onePage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data onePage) error {
	c, err := p.config.Devices.Controller(r.Context(), v.Actor(), r.PathValue("name"))
	if err != nil {
		return err
	}
	readers, err := p.config.Devices.Readers(r.Context(), v.Actor(), c.Name)
	if err != nil {
		return err
	}
	data.panel = p.panel(ui.LangOf(r), c, readers, wanted{}, p.config.Now())
	data.MayAdd, data.New.Kind = v.May(authz.DeviceWrite), cmp.Or(data.New.Kind, string(device.OSDPReader))
	data.MayToken, data.MayRevoke = v.May(authz.DeviceWrite), c.State == device.Enrolled && v.May(authz.DeviceRevoke)
	return p.config.Shell.Render(w, r, v, p.one, ui.Page{Status: status, Title: c.Name, Section: "controllers", Data: data})
}

// token shows a new token once: the answer is the only place where it ever stands.
func (p *Pages) token(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	name := r.PathValue("name")
	token, expires, err := p.config.Enrolment.Token(r.Context(), v.Actor(), name)
	if err != nil {
		return err
	}
	data := struct {
		Name, Command, Fingerprint string
		Expires                    time.Time
	}{name, command(p.url(r), token.Reveal()), p.config.Enrolment.Fingerprint(), expires}
	return p.config.Shell.Render(w, r, v, p.ticket, ui.Page{Title: p.ticket.Text(ui.LangOf(r), "token.title"), Section: "controllers", Data: data})
}

// command is what to run at the controller.
func command(centre, token string) string {
	return "kanmon-controller enroll -config controller.json \\\n  -url " + centre + " \\\n  -token " + token
}

// url is where controllers find the centre. They speak https alone.
func (p *Pages) url(r *http.Request) string {
	if p.config.URL != "" {
		return strings.TrimSuffix(p.config.URL, "/")
	}
	return (&url.URL{Scheme: "https", Host: r.Host}).String()
}

func (p *Pages) revoke(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	name, data := r.PathValue("name"), onePage{Reason: r.PostFormValue("reason")}
	err := p.config.Devices.RevokeController(r.Context(), v.Actor(), name, data.Reason)
	if err == nil {
		ui.Redirect(w, r, "/controllers/"+url.PathEscape(name))
		return nil
	}
	var correctable bool
	if data.Problem, data.Field, correctable = ui.Correctable(ui.LangOf(r), err); !correctable || fault.KindOf(err) == fault.NotFound {
		return err
	}
	return p.onePage(w, r, v, ui.StatusOf(err), data)
}
