package authz

// consoleRoutes are the routes of api/console. Its owner keeps this file.
func consoleRoutes() []Route {
	return []Route{
		{"GET /{$}", LoggedIn()},
		{"GET /login", Public()},
		{"POST /login", Public()},
		{"POST /logout", LoggedIn()},
		{"GET /password", LoggedIn()},
		{"POST /password", LoggedIn()},
		{"GET /static/", Public()},
		{"GET /live", May(EntryRead)},
		{"GET /live/events", May(EntryRead)},
		{"GET /staff", May(StaffRead)},
		{"GET /staff/{id}", May(StaffRead)},
		{"GET /cards", May(CardRead)},
		{"GET /controllers", May(DeviceRead)},
	}
}
