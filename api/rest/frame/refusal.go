package frame

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kanmon/api/message"
	"kanmon/api/rest/problem"
	"kanmon/internal/fault"
)

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
	case accepted:
		return e.body, nil
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
