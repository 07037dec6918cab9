package areas

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/area"
	record "kanmon/lifecycle/command"
)

// releasePage is the form for one door, and above it what became of the command that the visitor has just given.
type releasePage struct {
	area.Door
	Problem, Field, Reason string
	Outcome                *outcome
	Before                 []outcome // earlier commands to the door, newest first
	MayLive                bool
}

// outcome is a command in words.
type outcome struct {
	record.Command
	Standing string // done, refused, unanswered, open
	Why      string // of a refusal
	By       string
	Seconds  string
}

const shownCommands = 10

func (p *Pages) askRelease(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.releasePage(w, r, v, http.StatusOK, releasePage{})
}

func (p *Pages) releasePage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data releasePage) error {
	door, err := p.door(r, v)
	if err != nil {
		return err
	}
	data.Door, data.MayLive = door, v.May(authz.EntryRead)
	if data.MayLive {
		list, err := p.config.Commands.List(r.Context(), v.Actor(), record.Filter{Door: door.ID, Limit: shownCommands + 1})
		if err != nil {
			return err
		}
		data.split(p, ui.LangOf(r), list, r.URL.Query().Get("command"))
	}
	title := p.release.Text(ui.LangOf(r), "release.title", door.Name)
	return p.config.Shell.Render(w, r, v, p.release, ui.Page{Status: status, Title: title, Section: "areas", Data: &data})
}

func (p *Pages) door(r *http.Request, v ui.Visitor) (area.Door, error) {
	doors, err := p.config.Areas.Doors(r.Context(), v.Actor())
	if err != nil {
		return area.Door{}, err
	}
	i := slices.IndexFunc(doors, func(d area.Door) bool { return d.ID == r.PathValue("id") })
	if i < 0 {
		return area.Door{}, fault.New(fault.NotFound, "area.unknown_door", "no such door")
	}
	return doors[i], nil
}

// split tells the command just given from those before it.
func (d *releasePage) split(p *Pages, l message.Lang, list []record.Command, given string) {
	for _, c := range list {
		o := p.outcome(l, c)
		if given != "" && c.ID == given {
			d.Outcome = &o
		} else {
			d.Before = append(d.Before, o)
		}
	}
	d.Before = d.Before[:min(shownCommands, len(d.Before))]
}

func (p *Pages) outcome(l message.Lang, c record.Command) outcome {
	o := outcome{Command: c, Standing: string(c.Outcome), By: strings.TrimPrefix(c.Actor, "account:"), Seconds: took(c.Took)}
	switch c.Outcome {
	case record.Done, record.Unanswered:
	case record.Refused:
		if key := "refused." + c.Detail; p.release.Text(l, key) != key {
			o.Why = p.release.Text(l, key)
		} else {
			o.Why = p.release.Text(l, "refused.other", c.Detail)
		}
	default:
		o.Standing = "open"
	}
	return o
}

// took is a time in seconds: "0.04".
func took(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) }

// doRelease proves who asks, gives the command, and sends the visitor to its outcome, which can be looked at again without giving another.
func (p *Pages) doRelease(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	password, data := account.NewPassword(r.PostFormValue("password")), releasePage{Reason: r.PostFormValue("reason")}
	r.PostForm.Del("password")
	r.Form.Del("password")
	id := r.PathValue("id")
	err := p.config.Accounts.CheckPassword(r.Context(), v.Login(), password)
	if err == nil {
		given, failed := p.config.Releaser.Release(r.Context(), v.Actor(), id, data.Reason)
		if given.Command != "" { // it is on record, with what became of it
			ui.Redirect(w, r, "/doors/"+url.PathEscape(id)+"/release?command="+url.QueryEscape(given.Command))
			return nil
		}
		err = failed
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	switch {
	case fault.CodeOf(err) == "auth.password", fault.CodeOf(err) == "command.offline": // Denied and Unavailable, and yet for this page
		sentence, field = message.Sentence(ui.LangOf(r), fault.KindOf(err).String(), fault.CodeOf(err)), fieldOf(err)
	case !ok || fault.KindOf(err) == fault.NotFound:
		return err
	}
	data.Problem, data.Field = sentence, field
	return p.releasePage(w, r, v, ui.StatusOf(err), data)
}

func fieldOf(err error) string {
	if fault.CodeOf(err) == "auth.password" {
		return "password"
	}
	return ""
}
