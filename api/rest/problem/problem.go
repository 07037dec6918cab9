// Package problem is the one place where an error becomes an HTTP answer: fault.Kind → status, and fault code →
// a sentence in the caller's language (application/problem+json, RFC 9457). The text of an error never leaves;
// it is for the log.
package problem

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"kanmon/api/message"
	"kanmon/internal/fault"
)

// ContentType of a problem document.
const ContentType = "application/problem+json"

// Problem is a problem document.
type Problem struct {
	Title  string  `json:"title" doc:"The kind of problem, one of a fixed list" example:"conflict"`
	Status int     `json:"status" doc:"HTTP status"`
	Code   string  `json:"code,omitempty" doc:"Stable name of this very problem, for programs" example:"card.label_taken"`
	Detail string  `json:"detail" doc:"One sentence for a person, in Japanese or English as Accept-Language asks"`
	Field  string  `json:"field,omitempty" doc:"The input at fault"`
	Errors []Input `json:"errors,omitempty" nullable:"false" doc:"Every input that is out of form"`

	retryAfter time.Duration
}

// Input is one input out of form. What was sent is not repeated: it may be a secret.
type Input struct {
	Location string `json:"location" doc:"Where, such as body.name"`
	Message  string `json:"message" doc:"What is expected there (English)"`
}

// Status is the HTTP status of a kind of error.
func Status(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Denied:
		return http.StatusForbidden
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.TooMany:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
	}
	return http.StatusInternalServerError
}

// From makes the document for an error in a language.
func From(err error, l message.Lang) *Problem {
	kind, code := fault.KindOf(err), fault.CodeOf(err)
	p := &Problem{Title: kind.String(), Status: Status(kind), Detail: message.Sentence(l, kind.String(), code)}
	if kind == fault.Internal {
		return p
	}
	p.Code = code
	if f, ok := errors.AsType[*fault.Error](err); ok {
		p.Field = f.Field
	}
	var wait interface{ RetryAfter() time.Duration }
	if errors.As(err, &wait) {
		p.retryAfter = wait.RetryAfter()
	}
	return p
}

// Headers are the headers that go with the problem.
func (p *Problem) Headers() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="kanmon"`)
	}
	return h
}

// Write answers a request with the problem of an error.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	p := From(err, message.FromHeader(r.Header.Get("Accept-Language")))
	for name, values := range p.Headers() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", ContentType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller went away: there is nobody left to tell
}
