// Package frame is what every room of the REST interface stands in: who asks and whether he may, how bodies are read, how errors are
// answered, and the document that describes it all. A room puts its operations on the frame with plain functions and structs; the library
// behind it (huma) is known here only.
//
// Every answer that is not a success is a problem document (package problem). Bodies are strict (package strict): an unknown field, a double
// field, bytes behind the value and a body over MaxBody are refused.
//
// In the structs of an operation the fields named Body are what is sent, tags say the rest: path, query and header where a value stands; json
// its name; doc, enum, minimum, maximum, minLength, maxLength, maxItems, nullable, writeOnly what the document says of it and callers are held
// to. A named struct stands in the document under its name, a Body without one under its parent's: no two rooms may use a name for
// different things.
package frame

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"kanmon/api/auth"
	"kanmon/api/rest/limit"
	"kanmon/api/rest/problem"
	"kanmon/internal/fault"
)

// MaxBody is the most bytes a request may carry.
const MaxBody = 64 << 10

// Config is what a frame is made of. All fields are needed.
type Config struct {
	Version string // of the document
	Gate    *auth.Gate
	Log     *slog.Logger // gets the errors whose text callers do not
}

// Frame holds the operations. It is an http.Handler for paths under /api/.
type Frame struct {
	cfg    Config
	router *auth.Router
	huma   huma.API
	spec   []byte
}

// New makes a frame without operations.
func New(cfg Config) *Frame {
	f := &Frame{cfg: cfg}
	f.router = cfg.Gate.Router(f.refuse)
	f.huma = humago.New(guarded{f.router}, humaConfig(cfg.Version))
	return f
}

// Patterns lists the routes, as authz knows them.
func (f *Frame) Patterns() []string { return f.router.Patterns() }

// ServeHTTP implements http.Handler.
func (f *Frame) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.router.ServeHTTP(w, r) }

// refuse answers what the router did not let through.
func (f *Frame) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f.logInternal(r.Context(), err)
	problem.Write(w, r, err)
}

// logInternal keeps what the caller is not told.
func (f *Frame) logInternal(ctx context.Context, err error) {
	if fault.KindOf(err) == fault.Internal {
		f.cfg.Log.LogAttrs(ctx, slog.LevelError, "request failed", slog.Any("error", err))
	}
}

// guarded lets huma register its operations on our router, so that none escapes its row in authz. Between the
// router and the operation the principal travels in the request's context, and nowhere else.
type guarded struct{ router *auth.Router }

func (g guarded) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	g.router.Handle(pattern, func(w http.ResponseWriter, r *http.Request, who auth.Principal) {
		ctx := context.WithValue(r.Context(), addressKey{}, limit.From(r))
		h(w, r.WithContext(context.WithValue(ctx, principalKey{}, who)))
	})
}

func (g guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.router.ServeHTTP(w, r) }

type principalKey struct{}

func principal(ctx context.Context) auth.Principal {
	who, _ := ctx.Value(principalKey{}).(auth.Principal)
	return who
}

type addressKey struct{}

// Address is where the request that an operation serves came from, as limit.From names it.
func Address(ctx context.Context) string {
	from, _ := ctx.Value(addressKey{}).(string)
	return from
}
