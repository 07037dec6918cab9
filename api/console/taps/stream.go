package taps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/desk"
)

// What a page waits for.
const (
	forIssue = "issue"
	forWhose = "whose"
)

const (
	writeLimit = 10 * time.Second
	maxStreams = 128
)

var streams atomic.Int32

// stream answers GET /taps/stream.
func (p *Pages) stream(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	purpose := r.FormValue("for")
	switch {
	case r.Header.Get("Sec-Fetch-Mode") == "navigate": // a link on a page of somebody else's would take the next card away
		return fault.New(fault.Denied, "auth.cross_origin", "a stream is no page")
	case purpose != forIssue && purpose != forWhose:
		return fault.BadField("for", "request.form", "no such purpose")
	case purpose == forIssue && !v.May(authz.CardIssue):
		return fault.New(fault.Denied, "auth.denied", "may not issue cards")
	}
	if streams.Add(1) > maxStreams {
		streams.Add(-1)
		return fault.New(fault.Unavailable, "", "too many streams are open")
	}
	defer streams.Add(-1)
	ui.Private(w.Header())
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return nil
	}
	s := &stream{pages: p, request: r, visitor: v, purpose: purpose, lang: ui.LangOf(r), out: w, control: http.NewResponseController(w)}
	_ = s.run(r.Context()) // why it ended is of no use to a page that is gone
	return nil
}

type stream struct {
	pages   *Pages
	request *http.Request
	visitor ui.Visitor
	purpose string
	lang    message.Lang
	out     io.Writer
	control *http.ResponseController
}

// said is the data of an event.
type said struct {
	ID      string `json:"id,omitempty"`
	Text    string `json:"text,omitempty"`
	Seconds int    `json:"seconds,omitempty"`
}

func (s *stream) run(ctx context.Context) error {
	q, err := s.ask(ctx)
	if err != nil {
		return s.send("over", said{Text: s.sentence(err)})
	}
	defer s.pages.config.Seats.End(q)
	if err := s.send("wait", said{Seconds: int(seat.AskTime / time.Second)}); err != nil {
		return err
	}
	over := time.NewTimer(seat.AskTime)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return s.send("over", said{Text: s.text("tap.over")})
		case a := <-q.Answers():
			if last, err := s.answer(ctx, a); last || err != nil {
				return err
			}
		}
	}
}

// ask begins to wait at the desk, if it is there.
func (s *stream) ask(ctx context.Context) (*seat.Question, error) {
	name := s.request.FormValue("desk")
	all, err := s.pages.config.Desks.List(ctx, s.visitor.Actor())
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.Name == name && d.State == desk.Enrolled && s.pages.config.there(d) {
			return s.pages.config.Seats.Ask(s.visitor.Login(), name)
		}
	}
	return nil, fault.New(fault.Conflict, "desk.silent", "no such desk is there")
}

// answer tells the page of a card, and whether that was the last word. Who has logged out meanwhile hears nothing.
func (s *stream) answer(ctx context.Context, a seat.Answer) (last bool, err error) {
	if a.Err != nil {
		return false, s.send("refused", said{Text: s.sentence(a.Err)})
	}
	v, err := s.pages.config.Identify(s.request)
	if err != nil || v.Login() != s.visitor.Login() || !v.May(authz.CardRead) {
		s.pages.config.Seats.Done(a.Tap.ID)
		return true, s.send("over", said{Text: s.text("tap.logged_out")})
	}
	if why, err := s.unwanted(ctx, a.Tap); why != "" || err != nil {
		s.pages.config.Seats.Done(a.Tap.ID)
		return true, errors.Join(err, s.send("over", said{Text: why}))
	}
	return true, s.send("tap", said{ID: a.Tap.ID, Text: Text(s.pages.view, s.lang, a.Tap)})
}

// unwanted says why a card cannot be entered: it is foreign, or another card is known by it.
func (s *stream) unwanted(ctx context.Context, t seat.Tap) (string, error) {
	if s.purpose != forIssue {
		return "", nil
	}
	if t.Foreign {
		return s.sentence(Foreign()), nil
	}
	c, err := s.pages.config.Cards.Find(ctx, s.visitor.Actor(), t.Key)
	switch {
	case err == nil:
		return s.text("tap.known", c.Label), nil
	case fault.KindOf(err) == fault.NotFound:
		return "", nil
	}
	return s.sentence(err), err
}

// Foreign is the refusal of a card that is not of the formats entered at a desk.
func Foreign() error {
	return fault.BadField("tap", "desk.foreign", "a card of another format than the desk enters")
}

func (s *stream) sentence(err error) string {
	return message.Sentence(s.lang, fault.KindOf(err).String(), fault.CodeOf(err))
}

func (s *stream) text(key string, args ...any) string { return s.pages.view.Text(s.lang, key, args...) }

func (s *stream) send(name string, data said) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if err := s.within(writeLimit); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.out, "event: %s\ndata: %s\n\n", name, b); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return s.within(seat.AskTime + writeLimit)
}

// within moves the moment by which something must have been written.
func (s *stream) within(d time.Duration) error {
	err := s.control.SetWriteDeadline(time.Now().Add(d))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set deadline: %w", err)
	}
	return nil
}
