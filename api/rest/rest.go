// Package rest is the interface for other programs: JSON over HTTP under /api/v1, described by an OpenAPI 3.1
// document made from the code (GET /api/v1/openapi.json).
//
// Every answer that is not a success is a problem document (package problem). Bodies are strict: an unknown
// field, a double field, bytes behind the value and a body over MaxBody are refused. A caller logs in with
// POST /api/v1/session and shows the token as "Authorization: Bearer …".
//
// The document's version is SpecVersion; a test holds the document against testdata/openapi.json, so a change of
// the interface is a change of the version.
package rest

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
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/revocation"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

// SpecVersion is the version of the interface: major.minor.patch, where a change callers must follow is a new
// major and an addition a new minor.
const SpecVersion = "2.0.0"

// MaxBody is the most bytes a request may carry.
const MaxBody = 64 << 10

// Config is what the interface works on. All fields are needed.
type Config struct {
	Site     string // the site's name
	Software string // the program's version
	Gate     *auth.Gate
	Store    *store.Store
	Accounts *account.Register
	Staff    *staff.Register
	Areas    *area.Register
	Devices  *device.Register
	Cards    *card.Register
	Entries  *entrylog.Register
	HashKey  credential.HashKey // makes keys of card numbers, which go no further
	Log      *slog.Logger

	Revocations *revocation.Register
	Enrolment   Enrolment
	Releaser    Releaser
}

// API is the interface. It is an http.Handler for paths under /api/.
type API struct {
	cfg    Config
	router *auth.Router
	huma   huma.API
	spec   []byte
	enrols *limit.Limiter
}

// New builds the interface.
func New(cfg Config) (*API, error) {
	a := &API{cfg: cfg, enrols: limit.New()}
	a.router = cfg.Gate.Router(a.refuse)
	a.huma = humago.New(guarded{a.router}, humaConfig())
	for _, routes := range []func(*API){
		serviceRoutes, setupRoutes, sessionRoutes, accountRoutes, staffRoutes, areaRoutes, rightRoutes,
		deviceRoutes, enrolmentRoutes, cardRoutes, revocationRoutes, releaseRoutes, eventRoutes, ledgerRoutes,
	} {
		routes(a)
	}
	return a, a.describe()
}

// Patterns lists the routes, as authz knows them.
func (a *API) Patterns() []string { return a.router.Patterns() }

// Spec is the OpenAPI document, indented JSON.
func (a *API) Spec() []byte { return a.spec }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// refuse answers what the router did not let through.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	a.logInternal(r.Context(), err)
	problem.Write(w, r, err)
}

// logInternal keeps what the caller is not told.
func (a *API) logInternal(ctx context.Context, err error) {
	if fault.KindOf(err) == fault.Internal {
		a.cfg.Log.LogAttrs(ctx, slog.LevelError, "request failed", slog.Any("error", err))
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
