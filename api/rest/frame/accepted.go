package frame

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// accepted is an answer 202 on its way through huma, which takes any other answer than the usual for an error.
type accepted struct{ body any }

func (accepted) Error() string  { return "accepted" }
func (accepted) GetStatus() int { return http.StatusAccepted }

// Accepted ends an operation with 202: what was asked for is kept and not done yet. The operation stands in a section made by Accepts.
func Accepted(body any) error { return accepted{body} }

// Accepts is the section for operations that may end with Accepted and a body B.
func Accepts[B any](s Section, description string) Section {
	s.accepts, s.why = reflect.TypeFor[B](), description
	return s
}

func (s Section) describe(responses map[string]*huma.Response) {
	if s.accepts == nil {
		return
	}
	schema := s.frame.huma.OpenAPI().Components.Schemas.Schema(s.accepts, true, s.accepts.Name())
	responses["202"] = &huma.Response{Description: s.why, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}
