package authz

import "slices"

// Need is what a route asks of its caller. The zero Need asks for more than anybody has.
type Need struct {
	level  level
	action Action
}

type level uint8

const (
	never level = iota
	public
	loggedIn
	action
)

// Public is open to everybody, before any log-in. testdata/public-routes.txt lists these routes.
func Public() Need { return Need{level: public} }

// LoggedIn is open to every account that is logged in.
func LoggedIn() Need { return Need{level: loggedIn} }

// May is open to accounts with a role that may do a.
func May(a Action) Need { return Need{level: action, action: a} }

// IsPublic reports whether no log-in is needed.
func (n Need) IsPublic() bool { return n.level == public }

// IsLoggedIn reports whether every account that is logged in passes.
func (n Need) IsLoggedIn() bool { return n.level == loggedIn }

// Allows reports whether a logged-in caller with these roles passes.
func (n Need) Allows(roles []Role) bool {
	return n.level == public || n.level == loggedIn || Allowed(roles, n.action)
}

// String is "public", "logged in", the action, or "never".
func (n Need) String() string {
	switch n.level {
	case public:
		return "public"
	case loggedIn:
		return "logged in"
	case action:
		return string(n.action)
	case never:
	}
	return "never"
}

// Route is one row of the route table. Pattern is a pattern of http.ServeMux with its method.
type Route struct {
	Pattern string
	Need    Need
}

// Routes lists every route of the centre: REST first, then the console.
func Routes() []Route { return slices.Concat(restRoutes(), consoleRoutes()) }

// NeedOf returns the row of a pattern. A pattern without a row gets the zero Need, which nobody passes.
func NeedOf(pattern string) (Need, bool) {
	for _, r := range Routes() {
		if r.Pattern == pattern {
			return r.Need, true
		}
	}
	return Need{}, false
}
