package people

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/console/revocations"
	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
)

// stopForm is the form that stops a card, or lets it work again, as it was filled in.
type stopForm struct {
	Problem, Field string
	Reason, Lost   string
}

// cardPage is a card with what the visitor may do to it.
type cardPage struct {
	stopForm
	Card                           held
	Issued, Enrolled               bool // just now, by this visitor
	Credentials                    []card.Credential
	Enrol, End                     enrolForm
	MayEnrol                       bool
	Choices                        []taps.Choice
	MayStaff                       bool
	MayRevoke, MaySuspend, MayLift bool
}

func (p *Pages) showCard(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.cardPage(w, r, v, http.StatusOK, cardPage{})
}

func (p *Pages) cardPage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data cardPage) error {
	c, err := p.config.Cards.Get(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if data.Credentials, err = p.config.Cards.Credentials(r.Context(), v.Actor(), c.ID); err != nil {
		return err
	}
	active, paused, done := c.State == card.Issued, c.State == card.Suspended, r.FormValue("done")
	data.Card, data.Issued, data.Enrolled = held{c, cardStanding(c, p.config.Now())}, done == "issued", done == "enrolled"
	data.MayStaff, data.MayEnrol = v.May(authz.StaffRead), (active || paused) && v.May(authz.CardIssue)
	data.MayRevoke, data.MaySuspend, data.MayLift = (active || paused) && v.May(authz.CardRevoke), active && v.May(authz.CardSuspend), paused && v.May(authz.CardLift)
	if data.MayEnrol {
		if data.Choices, err = p.config.Counter.Choices(r.Context(), v); err != nil {
			return err
		}
	}
	return p.config.Shell.Render(w, r, v, p.card, ui.Page{Status: status, Title: c.Label, Section: "cards", Data: data})
}

// MayAct reports whether there is anything to send the form for.
func (c cardPage) MayAct() bool { return c.MayRevoke || c.MaySuspend || c.MayLift }

// MayStop reports whether a loss can be told with it.
func (c cardPage) MayStop() bool { return c.MayRevoke || c.MaySuspend }

func (p *Pages) suspend(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.stop(w, r, v, p.config.Cards.Suspend)
}

func (p *Pages) revoke(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.stop(w, r, v, p.config.Cards.Revoke)
}

func (p *Pages) lift(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.stop(w, r, v, func(ctx context.Context, actor store.Actor, id, reason string, _ time.Time) (card.Card, access.Version, error) {
		return p.config.Cards.Lift(ctx, actor, id, reason)
	})
}

// stop sends the visitor to the receipt, or back to the form with what was wrong.
func (p *Pages) stop(w http.ResponseWriter, r *http.Request, v ui.Visitor,
	act func(ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time) (card.Card, access.Version, error),
) error {
	f := stopForm{Reason: r.PostFormValue("reason"), Lost: r.PostFormValue("lost_at")}
	lost, err := ui.Moment(f.Lost)
	if err != nil {
		err = fault.BadField("lost_at", "card.lost_at", "not a date and time")
	}
	var version access.Version
	if err == nil {
		_, version, err = act(r.Context(), v.Actor(), r.PathValue("id"), f.Reason, lost)
	}
	if err == nil {
		ui.Redirect(w, r, revocations.Path(version))
		return nil
	}
	var correctable bool
	if f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err); !correctable || fault.KindOf(err) == fault.NotFound {
		return err
	}
	return p.cardPage(w, r, v, ui.StatusOf(err), cardPage{stopForm: f})
}
