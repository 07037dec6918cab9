package alarms

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kanmon/api/console/live"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/entrylog"
)

// form is the note as it was typed, and what was wrong with it.
type form struct{ Problem, Field, Note string }

// line is one line of an alarm's story: an event, or what somebody did.
type line struct {
	At   time.Time
	sort time.Time // by the centre's clock, which both kinds have
	Tone string
	Icon string
	What string
	Who  string
	Text string
	Link string // to why it was decided so; empty: it is no decision
}

// onePage is an alarm with its story.
type onePage struct {
	item
	form
	Lines []line
	More  int // entries that are counted and not shown
	Renew int
}

func (p *Pages) showOne(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.onePage(w, r, v, http.StatusOK, form{})
}

func (p *Pages) onePage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, f form) error {
	story, err := p.config.Alarms.Get(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	l := ui.LangOf(r)
	data := onePage{item: p.item(l, v, story.Alarm), form: f, Lines: p.lines(l, story)}
	data.More = story.Count - len(story.Entries)
	if story.FirstEntry == 0 {
		data.More = 0
	}
	if story.State != alarm.Closed {
		data.Renew = renew
	}
	title := p.one.Text(l, "alarm.one.title", data.Name, data.What)
	return p.config.Shell.Render(w, r, v, p.one, ui.Page{Status: status, Title: title, Section: "alarms", Data: data})
}

// lines puts events and steps in the order of time, oldest first. That it was raised is said by its first event, where there is one.
func (p *Pages) lines(l message.Lang, s alarm.Story) []line {
	var list []line
	for _, e := range s.Entries {
		list = append(list, p.entry(l, e))
	}
	for _, step := range s.Steps {
		if step.What != string(alarm.Raised) || len(s.Entries) == 0 {
			list = append(list, p.step(l, s.Alarm, step))
		}
	}
	if !s.OverAt.IsZero() {
		list = append(list, line{At: s.OverAt, sort: s.OverAt, Tone: "ok", Icon: "granted", What: p.one.Text(l, "alarm.over"), Text: p.one.Text(l, "alarm.over.more")})
	}
	slices.SortStableFunc(list, func(a, b line) int { return a.sort.Compare(b.sort) })
	return list
}

func (p *Pages) step(l message.Lang, a alarm.Alarm, s alarm.Step) line {
	x := line{At: s.At, sort: s.At, Tone: "plain", Icon: "other", What: p.one.Text(l, "alarm.step."+s.What), Who: person(s.Actor), Text: s.Note}
	switch s.What {
	case string(alarm.Raised):
		x.Tone, x.Icon, x.Who, x.Text = tone(a.Severity), "alarm", "", word(p.one, l, "why.", string(a.Kind))
	case string(alarm.Acknowledged):
		x.Icon = "staff"
	case string(alarm.Closed):
		x.Tone, x.Icon = "ok", "granted"
	default:
		x.Tone, x.Who = "warn", ""
		x.Text = p.one.Text(l, "alarm.told.nobody")
		if len(s.Told) > 0 {
			x.Text = p.one.Text(l, "alarm.told", strings.Join(s.Told, ", "))
		}
	}
	return x
}

func tone(s alarm.Severity) string {
	if s == alarm.Urgent {
		return "alarm"
	}
	return "warn"
}

func (p *Pages) entry(l message.Lang, e entrylog.Entry) line {
	x := line{At: e.At, sort: e.Received, Tone: "bad", Icon: "alarm", What: word(p.one, l, "kind.", string(e.Kind)), Text: word(p.one, l, "why.", string(e.Kind))}
	if e.Reason != "" {
		x.Text = word(p.one, l, "reason.", live.Reason(e))
	}
	if e.Kind == event.AccessDenied {
		x.Icon, x.Link = "denied", "/events/"+strconv.FormatInt(e.ID, 10)
	}
	for _, name := range []string{e.PersonName, e.Person, e.CardLabel, e.Card, e.Device} {
		if x.Who == "" {
			x.Who = name
		}
	}
	if e.Reason == access.UnknownCredential {
		x.Who = p.one.Text(l, "alarm.about.credential", e.Credential)
	}
	if e.DoorName != "" {
		x.Text = e.DoorName + p.one.Text(l, "alarm.at") + x.Text
	}
	return x
}

func (p *Pages) close(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	id, f := r.PathValue("id"), form{Note: r.PostFormValue("note")}
	_, err := p.config.Alarms.Close(r.Context(), v.Actor(), id, f.Note, lastEntry(r))
	if err == nil {
		ui.Redirect(w, r, "/alarms/"+url.PathEscape(id))
		return nil
	}
	var ok bool
	if f.Problem, f.Field, ok = ui.Correctable(ui.LangOf(r), err); !ok || fault.KindOf(err) == fault.NotFound {
		return err
	}
	return p.onePage(w, r, v, ui.StatusOf(err), f)
}
