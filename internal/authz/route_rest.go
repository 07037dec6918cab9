package authz

// restRoutes are the routes of api/rest.
func restRoutes() []Route {
	return []Route{
		{"GET /api/v1/healthz", Public()},
		{"GET /api/v1/version", Public()},
		{"GET /api/v1/openapi.json", Public()},
		{"POST /api/v1/setup", Public()},
		{"POST /api/v1/session", Public()},
		{"GET /api/v1/session", LoggedIn()},
		{"DELETE /api/v1/session", LoggedIn()},
		{"POST /api/v1/session/password", LoggedIn()},
		{"POST /api/v1/enrol", Public()},       // the token is the right
		{"POST /api/v1/enrol/renew", Public()}, // the enrolled key is the right
		{"POST /api/v1/enrol/keys", Public()},  // so it is here
		{"POST /api/v1/desks/enrol", Public()}, // and here the desk's
		{"GET /api/v1/desks", May(DeviceRead)},
		{"POST /api/v1/desks", May(DeviceWrite)},
		{"POST /api/v1/desks/{name}/change", May(DeviceWrite)},
		{"POST /api/v1/desks/{name}/token", May(DeviceWrite)},
		{"POST /api/v1/desks/{name}/revoke", May(DeviceRevoke)},

		{"GET /api/v1/staff", May(StaffRead)},
		{"POST /api/v1/staff", May(StaffWrite)},
		{"GET /api/v1/staff/{id}", May(StaffRead)},
		{"PUT /api/v1/staff/{id}", May(StaffWrite)},

		{"GET /api/v1/pins", May(PINRead)},
		{"GET /api/v1/staff/{id}/pins", May(PINRead)},
		{"POST /api/v1/staff/{id}/pins", May(PINWrite)},
		{"DELETE /api/v1/staff/{id}/pins", May(PINWrite)},
		{"GET /api/v1/staff/{id}/pins/log", May(PINRead)},

		{"GET /api/v1/areas", May(AreaRead)},
		{"POST /api/v1/areas", May(AreaWrite)},
		{"GET /api/v1/areas/{id}", May(AreaRead)},
		{"PUT /api/v1/areas/{id}", May(AreaWrite)},
		{"POST /api/v1/areas/{id}/lockdown", May(AreaLockdown)},
		{"POST /api/v1/areas/{id}/lift", May(AreaLift)},
		{"POST /api/v1/areas/{id}/forget", May(PresenceForget)},
		{"GET /api/v1/grades", May(AreaRead)},
		{"PUT /api/v1/grades/{grade}", May(AreaWrite)},
		{"GET /api/v1/schedules", May(AreaRead)},
		{"POST /api/v1/schedules", May(AreaWrite)},
		{"PUT /api/v1/schedules/{id}", May(AreaWrite)},
		{"GET /api/v1/calendar", May(AreaRead)},
		{"PUT /api/v1/calendar/days/{date}", May(AreaWrite)},
		{"DELETE /api/v1/calendar/days/{date}", May(AreaWrite)},
		{"GET /api/v1/doors", May(AreaRead)},
		{"POST /api/v1/doors", May(AreaWrite)},
		{"PUT /api/v1/doors/{id}", May(AreaWrite)},
		{"PUT /api/v1/interlocks/{name}", May(AreaWrite)},
		{"POST /api/v1/doors/{id}/release", May(DoorRelease)},
		{"GET /api/v1/rights", May(AreaRead)},
		{"POST /api/v1/rights", May(AreaWrite)},
		{"POST /api/v1/rights/many", May(AreaWrite)},
		{"DELETE /api/v1/rights/{id}", May(AreaWrite)},

		{"GET /api/v1/approvals", May(ApprovalRead)},
		{"GET /api/v1/approvals/{id}", May(ApprovalRead)},
		{"POST /api/v1/approvals/approve", May(ApprovalRead)}, // here and below the register asks for the right to the change itself
		{"POST /api/v1/approvals/{id}/approve", May(ApprovalRead)},
		{"POST /api/v1/approvals/{id}/refuse", May(ApprovalRead)},
		{"POST /api/v1/approvals/{id}/withdraw", May(ApprovalRead)},

		{"GET /api/v1/controllers", May(DeviceRead)},
		{"POST /api/v1/controllers", May(DeviceWrite)},
		{"POST /api/v1/controllers/{name}/token", May(DeviceWrite)},
		{"POST /api/v1/controllers/{name}/revoke", May(DeviceRevoke)},
		{"GET /api/v1/readers", May(DeviceRead)},
		{"POST /api/v1/readers", May(DeviceWrite)},
		{"GET /api/v1/profiles", May(DeviceRead)},
		{"GET /api/v1/readers/{controller}/{name}/profile", May(DeviceRead)},
		{"PUT /api/v1/readers/{controller}/{name}/profile", May(AreaWrite)}, // what a reader proves is part of how an area is kept

		{"GET /api/v1/cards", May(CardRead)},
		{"POST /api/v1/cards", May(CardIssue)},
		{"GET /api/v1/cards/{id}", May(CardRead)},
		{"GET /api/v1/cards/{id}/credentials", May(CardRead)},
		{"POST /api/v1/cards/{id}/credentials", May(CardIssue)},
		{"POST /api/v1/cards/{id}/credentials/{credential}/end", May(CardRevoke)},
		{"POST /api/v1/cards/{id}/suspend", May(CardSuspend)},
		{"POST /api/v1/cards/{id}/revoke", May(CardRevoke)},
		{"POST /api/v1/cards/{id}/lift", May(CardLift)},
		{"GET /api/v1/revocations", May(CardRead)},
		{"GET /api/v1/revocations/{epoch}/{n}", May(CardRead)},

		{"GET /api/v1/events", May(EntryRead)},
		{"GET /api/v1/events/{id}/explanation", May(EntryRead)},
		{"GET /api/v1/explain", May(AreaRead)},
		{"GET /api/v1/presence", May(EntryRead)},
		{"POST /api/v1/presence/hand", May(PresenceHand)},

		{"GET /api/v1/alarms", May(AlarmRead)},
		{"GET /api/v1/alarms/{id}", May(AlarmRead)},
		{"POST /api/v1/alarms/{id}/acknowledge", May(AlarmHandle)},
		{"POST /api/v1/alarms/{id}/close", May(AlarmHandle)},

		{"GET /api/v1/notices", LoggedIn()}, // each account its own
		{"POST /api/v1/notices/{id}/read", LoggedIn()},

		{"GET /api/v1/accounts", May(AccountRead)},
		{"POST /api/v1/accounts", May(AccountWrite)},
		{"GET /api/v1/accounts/{id}", May(AccountRead)},
		{"POST /api/v1/accounts/{id}/disable", May(AccountWrite)},
		{"POST /api/v1/accounts/{id}/enable", May(AccountWrite)},
		{"PUT /api/v1/accounts/{id}/roles", May(AccountWrite)},

		{"GET /api/v1/ledger/checkpoint", May(LedgerRead)},
		{"GET /api/v1/ledger/verify", May(LedgerRead)},
	}
}
