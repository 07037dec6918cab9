package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/entrylog"
)

const (
	heartbeat    = 15 * time.Second
	writeLimit   = 10 * time.Second // a client that does not take a write by then is cut off; it will come back
	batch        = 100              // rows read from the log at once
	catchUpLimit = 500              // rows sent one after the other; past it the page is asked for again
	maxStreams   = 512
	gather       = 100 * time.Millisecond // rows that come one after the other are fetched together
)

// stream answers GET /live/stream until the client goes, its log-in ends, or the server stops.
func (p *Pages) stream(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f, err := parseFilter(r.URL.Query())
	if err != nil {
		return err
	}
	last, err := number(first(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")))
	if err != nil {
		return err
	}
	if p.streams.Add(1) > maxStreams {
		p.streams.Add(-1)
		return fault.New(fault.Unavailable, "", "too many streams are open")
	}
	defer p.streams.Add(-1)
	ui.Private(w.Header())
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return nil
	}
	s := &stream{
		pages: p, filter: f, visitor: v, lang: ui.LangOf(r), last: last, request: r,
		out: w, control: http.NewResponseController(w),
	}
	s.run(r.Context()) // why it ended is of no use to a client that is gone
	return nil
}

type stream struct {
	pages   *Pages
	filter  filter
	visitor ui.Visitor
	lang    message.Lang
	last    int64  // looked through up to here
	shown   string // the rows before their turn that the client has; it drops them when it connects
	alarm   int64  // the newest alarm that the client's figure does not know yet; 0: none
	request *http.Request
	out     io.Writer
	control *http.ResponseController
}

func (s *stream) run(ctx context.Context) {
	woken, cancel := s.pages.config.Subscribe()
	defer cancel()
	wake, collect := woken, (<-chan time.Time)(nil)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if s.catchUp(ctx) != nil || s.send("beat", "{}") != nil {
		return
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-wake:
			collect = time.After(gather)
			wake = nil
		case <-collect:
			wake, collect = woken, nil
			err = s.catchUp(ctx)
		case <-beat.C:
			err = s.heartbeat(ctx)
		}
		if err != nil {
			return
		}
	}
}

// heartbeat shows the client that the line is alive, and ends the stream when the log-in has ended. Watching counts
// as use of a session: a guard's desk is not logged out for want of clicks, but its hours are limited all the same.
func (s *stream) heartbeat(ctx context.Context) error {
	v, err := s.pages.config.Identify(s.request)
	switch {
	case err != nil && fault.KindOf(err) != fault.Unauthenticated:
		return err
	case err != nil || !v.May(authz.EntryRead):
		return errors.Join(s.send("end", "{}"), errEnded)
	}
	s.visitor = v
	if err := s.catchUp(ctx); err != nil { // also heals a wake-up that never came
		return err
	}
	if err := s.tally(ctx); err != nil {
		return err
	}
	return s.send("beat", "{}")
}

var errEnded = errors.New("the log-in ended")

// catchUp sends every matching row up to the newest of this moment.
func (s *stream) catchUp(ctx context.Context) error {
	upTo, err := s.pages.config.Entries.Newest(ctx)
	if err != nil {
		return err
	}
	if s.last > upTo { // the centre was restored from a backup: the page shows what is no longer there
		return errors.Join(s.send("reload", "{}"), errBehind)
	}
	for sent := 0; s.last < upTo; {
		entries, complete, err := s.pages.newer(ctx, s.visitor.Actor(), s.filter, s.last, upTo, batch)
		if err != nil {
			return err
		}
		if err := s.rows(entries); err != nil {
			return err
		}
		s.last = complete
		if sent += len(entries); sent >= catchUpLimit {
			return errors.Join(s.send("reload", "{}"), errBehind)
		}
	}
	if err := s.early(ctx); err != nil {
		return err
	}
	if s.alarm > 0 {
		return s.tally(ctx)
	}
	return nil
}

var errBehind = errors.New("the client was too far behind")

func (s *stream) rows(entries []entrylog.Entry) error {
	for _, e := range entries {
		r := s.pages.row(s.lang, s.visitor, e)
		html, err := s.pages.view.Fragment(s.lang, "row", r)
		if err != nil {
			return err
		}
		if r.Show == showAlarm {
			s.alarm = e.ID
		}
		s.last = e.ID
		if err := s.send("row", html); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) tally(ctx context.Context) error {
	n, err := s.pages.alarms(ctx, s.visitor.Actor(), s.alarm)
	if err != nil {
		return err
	}
	s.alarm = 0
	data, err := json.Marshal(map[string]any{"alarms": n.N, "text": s.pages.view.Text(s.lang, "tally.n", n.Text())})
	if err != nil {
		return fmt.Errorf("encode tally: %w", err)
	}
	return s.send("tally", string(data))
}

// send writes one event. The id is where a client that lost the line resumes.
func (s *stream) send(name, data string) error {
	if err := s.within(writeLimit); err != nil {
		return err
	}
	if _, err := io.WriteString(s.out, frame(s.last, name, data)); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return s.within(heartbeat + writeLimit) // over HTTP/2 the moment itself ends the stream, written to or not
}

// within moves the moment by which something must have been written.
func (s *stream) within(d time.Duration) error {
	err := s.control.SetWriteDeadline(time.Now().Add(d))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set deadline: %w", err)
	}
	return nil
}

var lineEnds = strings.NewReplacer("\r\n", "\ndata: ", "\n", "\ndata: ", "\r", "\ndata: ")

// frame is one event of a text/event-stream. Every line end of data, of any form, begins a data line, so that
// nothing in a name can end the event or name another.
func frame(id int64, name, data string) string {
	return "id: " + strconv.FormatInt(id, 10) + "\nevent: " + name + "\ndata: " + lineEnds.Replace(data) + "\n\n"
}
