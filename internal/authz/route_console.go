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
		{"GET /presence", May(EntryRead)},
		{"POST /presence", May(PresenceHand)},
		{"GET /staff", May(StaffRead)},
		{"GET /staff/{id}", May(StaffRead)},
		{"GET /cards", May(CardRead)},
		{"GET /cards/new", May(CardIssue)},
		{"POST /cards", May(CardIssue)},
		{"GET /cards/{id}", May(CardRead)},
		{"POST /cards/{id}/suspend", May(CardSuspend)},
		{"POST /cards/{id}/revoke", May(CardRevoke)},
		{"POST /cards/{id}/lift", May(CardLift)},
		{"GET /revocations", May(CardRead)},
		{"GET /revocations/{epoch}/{n}", May(CardRead)},
		{"GET /areas", May(AreaRead)},
		{"GET /doors/{id}/release", May(DoorRelease)},
		{"POST /doors/{id}/release", May(DoorRelease)},
		{"GET /controllers", May(DeviceRead)},
		{"GET /controllers/{name}", May(DeviceRead)},
		{"POST /controllers/{name}/token", May(DeviceWrite)},
		{"POST /controllers/{name}/revoke", May(DeviceRevoke)},
	}
}
