package authz

// consoleRoutes are the routes of api/console. Its owner keeps this file.
func consoleRoutes() []Route {
	return []Route{
		{"GET /", Public()}, // every address that is no page
		{"GET /{$}", LoggedIn()},
		{"GET /static/{file}", Public()},
		{"POST /language", Public()},
		{"GET /setup", Public()},
		{"POST /setup", Public()},
		{"GET /login", Public()},
		{"POST /login", Public()},
		{"POST /logout", LoggedIn()},
		{"GET /password", LoggedIn()},
		{"POST /password", LoggedIn()},
		{"GET /live", May(EntryRead)},
		{"GET /live/stream", May(EntryRead)},
		{"GET /staff", May(StaffRead)},
		{"GET /staff/{id}", May(StaffRead)},
		{"GET /cards", May(CardRead)},
		{"GET /cards/new", May(CardIssue)},
		{"POST /cards", May(CardIssue)},
		{"GET /cards/{id}", May(CardRead)},
		{"GET /areas", May(AreaRead)},
		{"GET /controllers", May(DeviceRead)},
	}
}
