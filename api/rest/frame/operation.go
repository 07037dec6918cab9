package frame

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kanmon/api/auth"
	"kanmon/api/rest/problem"
	"kanmon/internal/authz"
)

// Handler serves an operation for a caller whom the gate let through. On a public route who may be the zero Principal. Its error becomes a
// problem document.
type Handler[I, O any] func(ctx context.Context, who auth.Principal, in *I) (*O, error)

// Section is where operations stand in the document.
type Section struct {
	frame   *Frame
	tag     string
	accepts reflect.Type // of the body of an answer 202; nil: there is none
	why     string
}

// Section names one.
func (f *Frame) Section(tag string) Section { return Section{frame: f, tag: tag} }

// Get reads what is at a path below /api/v1.
func Get[I, O any](s Section, path, id, summary string, h Handler[I, O]) {
	add(s, route{http.MethodGet, path, id, summary, 0}, h)
}

// Create is a POST that answers 201: something is there now that was not.
func Create[I, O any](s Section, path, id, summary string, h Handler[I, O]) {
	add(s, route{http.MethodPost, path, id, summary, http.StatusCreated}, h)
}

// Post does something. It answers 200, or 204 if O has no Body.
func Post[I, O any](s Section, path, id, summary string, h Handler[I, O]) {
	add(s, route{http.MethodPost, path, id, summary, 0}, h)
}

// Put sets what is at a path. It answers 200, or 204 if O has no Body.
func Put[I, O any](s Section, path, id, summary string, h Handler[I, O]) {
	add(s, route{http.MethodPut, path, id, summary, 0}, h)
}

// Delete ends what is at a path. It answers 200, or 204 if O has no Body.
func Delete[I, O any](s Section, path, id, summary string, h Handler[I, O]) {
	add(s, route{http.MethodDelete, path, id, summary, 0}, h)
}

// route names one operation of the document.
type route struct {
	method  string
	path    string // below /api/v1
	id      string
	summary string
	status  int // of success; zero: 200, or 204 for nothing
}

func (r route) operation(tag string) huma.Operation {
	return huma.Operation{
		OperationID: r.id, Method: r.method, Path: "/api/v1" + r.path, Summary: r.summary, Tags: []string{tag},
		DefaultStatus: r.status, MaxBodyBytes: MaxBody, BodyReadTimeout: 10 * time.Second,
		RejectUnknownQueryParameters: true,
	}
}

// add registers an operation. Its errors become problem documents here.
func add[I, O any](s Section, r route, h Handler[I, O]) {
	f, op := s.frame, r.operation(s.tag)
	need, _ := authz.NeedOf(op.Method + " " + op.Path)
	op.Description = "Needs: " + need.String() + "."
	if !need.IsPublic() {
		op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	op.Responses = map[string]*huma.Response{"default": {
		Description: "A problem document",
		Content:     map[string]*huma.MediaType{problem.ContentType: {Schema: problemSchema(f.huma)}},
	}}
	s.describe(op.Responses)
	huma.Register(f.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, principal(ctx), in)
		if waits, ok := errors.AsType[accepted](err); ok {
			return nil, waits
		}
		if err != nil {
			f.logInternal(ctx, err)
			return nil, refusal{err}
		}
		return out, nil
	})
}
