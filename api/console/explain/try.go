package explain

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/explain"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/area"
)

// tryForm is what was asked.
type tryForm struct {
	Who, Door, Way, At, PIN string
	Problem, Field          string
}

// tryPage is what the page shows.
type tryPage struct {
	tryForm
	Doors  []area.Door
	Asked  *explain.Would // nil: nothing was asked, or it could not be answered
	Answer answer
	Checks []check
}

// inputForm is the form in which a browser sends a minute of the day in Japan.
const inputForm = "2006-01-02T15:04"

var jst = time.FixedZone("JST", 9*60*60)

func (p *Pages) showTry(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	q, l := r.URL.Query(), ui.LangOf(r)
	data := tryPage{tryForm: tryForm{Who: q.Get("who"), Door: q.Get("door"), Way: q.Get("way"), At: q.Get("at"), PIN: q.Get("pin")}}
	var err error
	if data.Doors, err = p.config.Doors.Doors(r.Context(), v.Actor()); err != nil {
		return err
	}
	status := http.StatusOK
	if data.Who != "" || q.Has("who") {
		asked, err := p.ask(r.Context(), v, data.tryForm)
		switch {
		case err == nil:
			data.Asked, data.Answer, data.Checks = &asked, p.answer(l, "try.", asked.Made), p.checks(l, asked.Checks, asked.Made)
		case fault.KindOf(err) != fault.Invalid:
			return err
		default:
			data.Problem, data.Field, _ = ui.Correctable(l, err)
			status = ui.StatusOf(err)
		}
	}
	if data.At == "" {
		data.At = p.config.Now().In(jst).Format(inputForm)
	}
	return p.config.Shell.Render(w, r, v, p.try, ui.Page{Status: status, Title: p.try.Text(l, "try.title"), Section: "areas", Data: data})
}

// ask takes who for a card, and when there is none for a person.
func (p *Pages) ask(ctx context.Context, v ui.Visitor, f tryForm) (explain.Would, error) {
	at, err := ui.Moment(f.At)
	if err != nil || at.IsZero() {
		return explain.Would{}, fault.BadField("at", "explain.at", "no date and time")
	}
	q := explain.Question{Card: f.Who, Door: f.Door, Way: access.Direction(f.Way), At: at, Typed: access.Typed(f.PIN)}
	asked, err := p.config.Explainer.Would(ctx, v.Actor(), q)
	if fault.CodeOf(err) == "explain.card" {
		q.Card, q.Person = "", f.Who
		asked, err = p.config.Explainer.Would(ctx, v.Actor(), q)
	}
	return asked, err
}
