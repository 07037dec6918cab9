package ui

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"kanmon/api/message"
	"kanmon/api/rest/problem"
	"kanmon/internal/fault"
)

// Fail answers with the page for an error. Who is not logged in is sent to the log-in and comes back after it.
// The text of an internal error goes to the log only; the page shows the number of the request instead.
func (s *Shell) Fail(w http.ResponseWriter, r *http.Request, v Visitor, err error) {
	kind := fault.KindOf(err)
	if kind == fault.Unauthenticated && r.Method == http.MethodGet {
		Redirect(w, r, "/login?next="+url.QueryEscape(LocalPath(r.URL.RequestURI())))
		return
	}
	if kind == fault.Internal || kind == fault.Unavailable {
		s.config.Log.ErrorContext(r.Context(), "page failed", slog.String("path", r.URL.Path), slog.Any("error", err),
			slog.String("request_id", w.Header().Get("X-Request-Id")))
	}
	lang := LangOf(r)
	data := struct {
		Status   int
		Sentence string
		Request  string
		Home     string
	}{StatusOf(err), message.Sentence(lang, kind.String(), fault.CodeOf(err)), w.Header().Get("X-Request-Id"), "/"}
	page := Page{Status: data.Status, Title: s.failure.Text(lang, "error.title."+titleOf(data.Status)), Plain: !v.Known(), Data: data}
	if err := s.withoutFigures().Render(w, r, v, s.failure, page); err != nil {
		s.config.Log.ErrorContext(r.Context(), "error page failed", slog.Any("error", err))
		http.Error(w, http.StatusText(data.Status), data.Status)
	}
}

// withoutFigures is the frame without the figures that need the database, which may be what failed.
func (s *Shell) withoutFigures() *Shell {
	t := *s
	t.config.LedgerSize, t.config.Badges = nil, nil
	return &t
}

func titleOf(status int) string {
	switch status {
	case http.StatusForbidden:
		return "403"
	case http.StatusNotFound:
		return "404"
	case http.StatusInternalServerError, http.StatusServiceUnavailable:
		return "500"
	default:
		return "other"
	}
}

// NotFound answers every address that is no page.
func NotFound(http.ResponseWriter, *http.Request, Visitor) error {
	return fault.New(fault.NotFound, "page.not_found", "no such page")
}

// Correctable reports whether a person can mend an error by sending the form again, and returns the sentence to
// show and the name of the input at fault ("" for none).
func Correctable(l message.Lang, err error) (sentence, field string, ok bool) {
	kind := fault.KindOf(err)
	switch kind {
	case fault.Invalid, fault.Conflict, fault.NotFound, fault.TooMany, fault.Unauthenticated:
	default:
		return "", "", false
	}
	if f, is := errors.AsType[*fault.Error](err); is {
		field = f.Field
	}
	return message.Sentence(l, kind.String(), fault.CodeOf(err)), field, true
}

// StatusOf is the HTTP status of an error.
func StatusOf(err error) int { return problem.Status(fault.KindOf(err)) }
