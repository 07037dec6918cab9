// Package explain is why a door decided as it did, and what it would do.
package explain

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/explain"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Explainer *explain.Explainer
	Now       func() time.Time
}

type answerView struct {
	Decision string `json:"decision" enum:"yes,no,wait"`
	Reason   string `json:"reason" doc:"Of docs/access-rules.md; on the way out what an entry would have been refused for"`
	Person   string `json:"person,omitempty"`
	Card     string `json:"card,omitempty"`
}

func newAnswer(d decide.Decision) *answerView {
	a := &answerView{Decision: "no", Reason: string(d.Reason), Person: d.Person, Card: d.Card}
	switch {
	case d.Allow:
		a.Decision = "yes"
	case d.Wait:
		a.Decision = "wait"
	}
	return a
}

type checkView struct {
	Question int        `json:"question" doc:"Its number in docs/access-rules.md"`
	Outcome  string     `json:"outcome" enum:"passed,refused,waits"`
	Seen     []seenView `json:"seen" nullable:"false" doc:"What it looked at"`
}

type seenView struct {
	Code     string     `json:"code"`
	Text     string     `json:"text,omitempty" doc:"A name"`
	N        int        `json:"n,omitempty"`
	From     *time.Time `json:"from,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	Schedule string     `json:"schedule,omitempty" doc:"Of a right, its id; left out: at any hour"`
}

func newCheck(c explain.Check) checkView {
	return checkView{Question: c.N, Outcome: string(c.Outcome), Seen: view.List(c.Seen, newSeen)}
}

func newSeen(s explain.Seen) seenView {
	v := seenView{Code: s.Code, Text: s.Text, N: s.N, From: view.Moment(s.From), Until: view.Moment(s.Until)}
	if s.Hours != nil {
		v.Schedule = s.Hours.ID
	}
	return v
}

type (
	eventIn struct {
		ID int64 `path:"id" minimum:"0"`
	}
	policyView struct {
		Epoch uint64 `json:"epoch"`
		N     uint64 `json:"n"`
	}
	pastOut struct {
		Body struct {
			Event  view.Event  `json:"event"`
			State  string      `json:"state" enum:"agrees,differs,no_decision,not_kept" doc:"no_decision: nothing was decided; not_kept: what the policy was made of is not known"`
			Policy *policyView `json:"policy,omitempty" doc:"By which the door decided"`
			Again  *answerView `json:"again,omitempty" doc:"What came out when the decision was made again"`
			Checks []checkView `json:"checks" nullable:"false"`
		}
	}
	askIn struct {
		Card      string    `query:"card" maxLength:"64" doc:"Its id or what is printed on it"`
		Person    string    `query:"person" maxLength:"64" doc:"In place of a card"`
		Door      string    `query:"door" required:"true" maxLength:"32"`
		Direction string    `query:"direction" enum:"in,out" doc:"Left out: in"`
		At        time.Time `query:"at" doc:"Left out: now"`
		Trust     string    `query:"trust" enum:"number,memory,mutual" doc:"What the read of the card proves; left out: as much as the area demands"`
		PIN       string    `query:"pin" enum:"right,wrong" doc:"What was typed; left out: nothing"`
	}
	wouldOut struct {
		Body struct {
			At     time.Time   `json:"at"`
			Answer *answerView `json:"answer"`
			Checks []checkView `json:"checks" nullable:"false"`
		}
	}
)

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("explain")
	frame.Get(s, "/events/{id}/explanation", "explainEvent", "Why a door decided so, made again from what the registers said then", cfg.past)
	frame.Get(s, "/explain", "explainWould", "What a door would do, by the registers as they are now and in a quiet building", cfg.would)
}

func (cfg Config) past(ctx context.Context, who auth.Principal, in *eventIn) (*pastOut, error) {
	p, err := cfg.Explainer.Past(ctx, who.Actor(), in.ID)
	out := &pastOut{}
	out.Body.Event, out.Body.State, out.Body.Checks = view.NewEvent(p.Entry), string(p.State), view.List(p.Checks, newCheck)
	if p.Policy != nil {
		out.Body.Policy = &policyView{p.Policy.Epoch, p.Policy.N}
	}
	if p.State == explain.Agrees || p.State == explain.Differs {
		out.Body.Again = newAnswer(p.Made)
	}
	return out, err
}

func (cfg Config) would(ctx context.Context, who auth.Principal, in *askIn) (*wouldOut, error) {
	ask := explain.Question{
		Card: in.Card, Person: in.Person, Door: in.Door, Way: access.Direction(in.Direction), At: in.At, Trust: access.Trust(in.Trust), Typed: access.Typed(in.PIN),
	}
	if ask.At.IsZero() {
		ask.At = cfg.Now()
	}
	w, err := cfg.Explainer.Would(ctx, who.Actor(), ask)
	out := &wouldOut{}
	out.Body.At, out.Body.Answer, out.Body.Checks = w.Question.At.UTC(), newAnswer(w.Made), view.List(w.Checks, newCheck)
	return out, err
}
