package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kanmon/api/auth"
	"kanmon/api/message"
	"kanmon/api/rest/problem"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
)

// route names one operation of the document.
type route struct {
	method  string
	path    string // below /api/v1
	id      string
	tag     string
	summary string
	status  int // of success; zero: 200
}

func (r route) operation() huma.Operation {
	return huma.Operation{
		OperationID: r.id, Method: r.method, Path: "/api/v1" + r.path, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: r.status, MaxBodyBytes: MaxBody, BodyReadTimeout: 10 * time.Second,
		RejectUnknownQueryParameters: true,
	}
}

// add registers an operation. Its errors become problem documents here.
func add[I, O any](a *API, r route, h func(ctx context.Context, who auth.Principal, in *I) (*O, error)) {
	op := r.operation()
	need, _ := authz.NeedOf(op.Method + " " + op.Path)
	op.Description = "Needs: " + need.String() + "."
	if !need.IsPublic() {
		op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	op.Responses = map[string]*huma.Response{"default": {
		Description: "A problem document",
		Content:     map[string]*huma.MediaType{problem.ContentType: {Schema: problemSchema(a.huma)}},
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, principal(ctx), in)
		if err != nil {
			a.logInternal(ctx, err)
			return nil, refusal{err}
		}
		return out, nil
	})
}

// refusal carries an error through huma to the transformer, which knows the caller's language.
type refusal struct{ err error }

func (r refusal) Error() string           { return "refused" }
func (r refusal) GetStatus() int          { return problem.Status(fault.KindOf(r.err)) }
func (r refusal) GetHeaders() http.Header { return problem.From(r.err, message.JA).Headers() }
func (refusal) ContentType(string) string { return problem.ContentType }
func (r refusal) document(l message.Lang) *problem.Problem {
	return problem.From(r.err, l)
}

// problems turns every error on its way out, ours and huma's own, into our problem document.
func problems(ctx huma.Context, _ string, v any) (any, error) {
	lang := message.FromHeader(ctx.Header("Accept-Language"))
	switch e := v.(type) {
	case refusal:
		return e.document(lang), nil
	case *huma.ErrorModel:
		return formProblem(e, lang), nil
	}
	return v, nil
}

// formProblem is for what huma refuses by itself. It keeps where and what was expected, never the value sent.
func formProblem(e *huma.ErrorModel, l message.Lang) *problem.Problem {
	kind, code := fault.Invalid, "request.form"
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		kind, code = fault.TooLarge, "request.too_large"
	case http.StatusInternalServerError:
		kind, code = fault.Internal, ""
	}
	p := problem.From(fault.New(kind, code, "request refused by its form"), l)
	p.Status = e.Status
	if kind == fault.Internal {
		return p
	}
	for _, d := range e.Errors {
		if d != nil {
			p.Errors = append(p.Errors, problem.Input{Location: d.Location, Message: d.Message})
		}
	}
	return p
}
