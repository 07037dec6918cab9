package auth

import (
	"net/http"
	"slices"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
)

// HandlerFunc serves a request from a caller the gate let through. On a public route who may be the zero
// Principal.
type HandlerFunc func(w http.ResponseWriter, r *http.Request, who Principal)

// RefuseFunc answers a request the gate did not let through: fault.Unauthenticated or fault.Denied.
type RefuseFunc func(w http.ResponseWriter, r *http.Request, err error)

// Router is an http.ServeMux in which every pattern is guarded by its row in authz. A pattern without a row is
// served to nobody.
type Router struct {
	gate     *Gate
	mux      *http.ServeMux
	refuse   RefuseFunc
	patterns []string
}

// Router makes an empty router. refuse answers what is not let through: a problem document, or a page.
func (g *Gate) Router(refuse RefuseFunc) *Router {
	return &Router{gate: g, mux: http.NewServeMux(), refuse: refuse}
}

// Handle serves a pattern (with its method, "GET /staff/{id}") with h, guarded by the pattern's row.
func (rt *Router) Handle(pattern string, h HandlerFunc) {
	need, _ := authz.NeedOf(pattern)
	rt.patterns = append(rt.patterns, pattern)
	rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		who, err := rt.gate.admit(r, need)
		if err != nil {
			rt.refuse(w, r, err)
			return
		}
		h(w, r, who)
	})
}

// Patterns lists what was registered, in order of the alphabet.
func (rt *Router) Patterns() []string { return slices.Sorted(slices.Values(rt.patterns)) }

// ServeHTTP implements http.Handler. A path nobody serves is refused as fault.NotFound; a method the path does
// not have is the mux's own 405 with its Allow header.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := rt.mux.Handler(r)
	if pattern != "" {
		rt.mux.ServeHTTP(w, r)
		return
	}
	probe := statusOnly{header: http.Header{}}
	h.ServeHTTP(&probe, r)
	if probe.status == http.StatusNotFound {
		rt.refuse(w, r, fault.New(fault.NotFound, "route.not_found", "no such path"))
		return
	}
	h.ServeHTTP(w, r)
}

// statusOnly finds out what a handler would answer.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }

// admit identifies the caller and holds it against what the route needs.
func (g *Gate) admit(r *http.Request, need authz.Need) (Principal, error) {
	who, err := g.Identify(r)
	if need.IsPublic() {
		if err != nil && fault.KindOf(err) != fault.Unauthenticated {
			return Principal{}, err
		}
		return who, nil
	}
	if err != nil {
		return Principal{}, err
	}
	if !need.Allows(who.Account().Roles) {
		return Principal{}, fault.New(fault.Denied, "auth.denied", "roles do not meet the route's need")
	}
	if who.Account().MustChange && !need.IsLoggedIn() {
		return Principal{}, fault.New(fault.Denied, "auth.must_change", "the password must be changed first")
	}
	return who, nil
}
