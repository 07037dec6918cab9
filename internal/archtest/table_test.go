package archtest

import "slices"

// rule says what one package (or every package below it, with a trailing /...) may import of ours.
// A package that no rule names fails the test: adding one is a decision, made here and in docs/architecture.md.
type rule struct {
	pkg string
	may []string
}

// pure packages may also import only the standard library.
var rules = []rule{
	// the vocabulary: pure
	{"internal/fault", nil},
	{"internal/authz", nil},
	{"internal/access/timetable", nil},
	{"internal/access", []string{"internal/access/timetable", "internal/fault"}},
	{"internal/access/decide", []string{"internal/access", "internal/access/timetable", "internal/fault"}},
	{"internal/event", []string{"internal/access", "internal/fault"}},
	{"internal/again", []string{"internal/access", "internal/access/decide", "internal/event"}},
	{"internal/wire", []string{"internal/access", "internal/event", "internal/fault"}},
	{"internal/ledger", []string{"internal/fault"}},

	// tools
	{"migrations", nil},
	{"internal/db", []string{"internal/fault"}},
	{"internal/db/dbtest", []string{"internal/db", "migrations"}},
	{"internal/ledger/store", []string{"internal/db", "internal/fault", "internal/ledger"}},
	{"internal/store", []string{"internal/authz", "internal/db", "internal/fault", "internal/ledger", "internal/ledger/store"}},
	{"internal/folder", []string{"internal/fault"}},
	{"internal/ask", []string{"internal/fault", "internal/pki"}},
	{"internal/kernelclock", nil},
	{"internal/mqtt", []string{"internal/fault", "internal/wire"}},
	{"internal/pki", []string{"internal/fault", "internal/folder"}},
	{"internal/broker", []string{"internal/fault", "internal/wire"}},
	{"internal/broker/mosquitto", []string{"internal/fault", "internal/wire"}},
	{"internal/broker/brokertest", []string{"internal/broker", "internal/broker/mosquitto", "internal/wire"}},

	{"internal/tap", []string{"internal/pki"}},

	// readers
	{"reader", []string{"internal/access", "reader/credential"}},
	{"reader/credential", []string{"internal/access", "internal/fault"}},
	{"reader/serialport", []string{"internal/fault"}},
	{"reader/terminal", []string{"internal/access", "internal/fault", "internal/mqtt", "internal/pki", "reader", "reader/credential"}},
	{"reader/line/frame", []string{"internal/fault", "reader", "reader/credential"}},
	{"reader/line", []string{"internal/access", "internal/fault", "reader", "reader/line/frame"}},
	{"reader/osdp", []string{"internal/fault"}},
	{"reader/osdp/bus", []string{"internal/fault", "reader/osdp"}},
	{"reader/osdp/bus/internal/exchange", []string{"reader/osdp"}},
	{"reader/osdp/bus/internal/keying", []string{"reader/osdp"}},
	{"reader/osdp/bus/internal/order", []string{"internal/fault"}},
	{"reader/osdp/bus/internal/repeat", []string{"reader/osdp"}},
	{"reader/desk", []string{"internal/ask", "internal/fault", "internal/folder", "internal/pki", "internal/tap", "reader", "reader/credential", "reader/pcsc", "reader/pcsc/apdu"}},
	{"reader/readertest", []string{"reader", "reader/credential"}},
	{"reader/pcsc/apdu", nil},
	{"reader/pcsc", []string{"internal/access", "internal/fault", "reader", "reader/credential", "reader/pcsc/apdu"}},
	{"reader/pcsc/pcscdtest", []string{"firmware-sim/vreader"}}, // a test's own daemon

	// the edge
	{"controller/door", []string{"internal/access", "internal/event"}},
	{"controller/inputs", nil},
	{"controller/cabinet", []string{"controller/inputs", "internal/event"}},
	{"controller/devices", []string{"internal/event", "internal/wire"}},
	{"controller/fit", []string{"internal/access/decide", "internal/access"}},
	{"controller/wiring", []string{"controller/door", "controller/fit", "controller/inputs"}},
	{"controller/site", []string{"internal/access/decide", "internal/access"}},
	{"controller/admission", []string{"reader", "internal/access/decide", "controller/site", "internal/access", "internal/event"}},
	{"controller/repeats", []string{"internal/access"}},
	{"controller/standing", []string{"internal/access/decide", "internal/event"}},
	{"controller/gate", []string{"controller/admission", "controller/revoked", "internal/access", "internal/access/decide", "internal/event"}},
	{"controller/keypad", []string{"reader/credential"}},
	{"controller/journal", []string{"controller/site", "internal/access", "internal/db", "internal/event", "internal/fault", "migrations"}},
	{"controller/lease", []string{"internal/access", "internal/event"}},
	{"controller/revoked", []string{"internal/access", "internal/event"}},
	{"controller/challenge", []string{"internal/wire"}},
	{"controller/clock", nil},
	{"controller/refusals", nil},
	{"controller/timeservice", []string{"internal/event"}},
	{"controller/core", []string{
		"controller/gate", "controller/repeats", "controller/standing", "internal/access/decide",
		"controller/admission", "controller/cabinet", "controller/challenge", "controller/clock", "controller/devices", "controller/door", "controller/fit",
		"controller/inputs", "controller/lease", "controller/refusals", "controller/revoked", "controller/site", "controller/timeservice", "controller/wiring",
		"internal/access", "internal/event", "internal/fault", "internal/wire", "reader",
	}},
	{"controller/readers", []string{
		"controller/config", "controller/core", "internal/access", "internal/event", "internal/fault", "internal/mqtt", "internal/pki", "reader", "reader/credential",
		"reader/line", "reader/pcsc", "reader/pcsc/apdu", "reader/serialport", "reader/terminal",
	}},
	{"controller/policystore", []string{"internal/access/decide", "internal/access", "internal/fault", "internal/wire"}},
	{"controller/uplink", []string{"controller/journal", "internal/access", "internal/event", "internal/fault", "internal/mqtt", "internal/wire"}},
	{"controller/replay", []string{"internal/again", "internal/access/decide", "controller/journal", "controller/policystore", "internal/access", "internal/event", "internal/fault", "internal/wire"}},
	{"controller/identity", []string{"internal/ask", "internal/fault", "internal/folder", "internal/pki", "internal/wire"}},
	{"controller/devicekey", []string{"internal/fault", "internal/folder", "internal/pki", "reader/osdp"}},
	{"controller/controllertest", []string{"controller/identity", "internal/pki"}},
	{"controller/output", []string{"internal/fault", "reader/osdp"}},
	{"controller/config", []string{
		"controller/inputs", "controller/wiring", "internal/fault", "internal/wire", "reader/line/frame", "reader/pcsc/apdu", "reader/serialport",
	}},
	{"controller/output/modbus", nil},
	{"controller/output/relayboard", []string{"controller/output/modbus", "internal/fault"}},
	{"controller/output/gpio", []string{"controller/inputs", "internal/fault"}},
	{"controller", []string{
		"controller/clock", "controller/config", "controller/core", "controller/devicekey", "controller/identity", "controller/inputs", "controller/journal", "controller/keypad", "controller/lease", "controller/output", "controller/output/gpio", "controller/output/relayboard", "controller/policystore", "controller/readers", "controller/replay",
		"controller/revoked", "controller/timeservice", "controller/uplink",
		"internal/access", "internal/event", "internal/fault", "internal/folder", "internal/kernelclock", "internal/mqtt", "internal/pki", "internal/wire",
		"reader", "reader/credential", "reader/osdp", "reader/osdp/bus", "reader/serialport",
	}},

	// the centre's registers; one register may use another only where it says so here
	{"lifecycle/field", []string{"internal/fault"}},
	{"lifecycle/period", []string{"internal/fault", "internal/store"}},
	{"lifecycle/history", []string{"internal/fault", "internal/store", "lifecycle/period"}},
	{"lifecycle/calendar/holiday", []string{"internal/access/timetable"}},
	{"lifecycle/calendar", with(register, "internal/access/timetable", "lifecycle/approval", "lifecycle/calendar/holiday", "lifecycle/device")},
	{"lifecycle/enrolment", []string{"internal/fault", "internal/store"}},
	{"lifecycle/device", with(register, "internal/wire", "lifecycle/enrolment")},
	{"lifecycle/staff", with(register, "lifecycle/device")},
	{"lifecycle/approval", with(register, "lifecycle/account")},
	{"lifecycle/area/premises", []string{"internal/access", "internal/fault", "lifecycle/field"}},
	{"lifecycle/profile", with(register, "lifecycle/approval", "lifecycle/device")},
	{"lifecycle/grade", with(register, "lifecycle/approval", "lifecycle/area/premises", "lifecycle/profile")},
	{"lifecycle/lockdown", with(register, "lifecycle/device")},
	{"lifecycle/area", with(register, "lifecycle/approval", "lifecycle/area/premises", "lifecycle/device", "lifecycle/grade", "lifecycle/profile", "lifecycle/staff")},
	{"lifecycle/entrylog", with(register, "internal/event", "lifecycle/entrylog/passage")},
	{"lifecycle/entrylog/passage", []string{"internal/access", "internal/event"}},
	{"lifecycle/revocation", with(register, "internal/wire", "lifecycle/device", "lifecycle/entrylog")},
	{"lifecycle/card", with(register, "lifecycle/device", "lifecycle/revocation", "lifecycle/staff")},
	{"lifecycle/card/number", []string{"lifecycle/card", "reader/credential"}},
	{"lifecycle/pin", with(register, "lifecycle/account", "lifecycle/area", "lifecycle/device", "lifecycle/notice", "lifecycle/staff", "reader/credential")}, // it draws the PINs that it keeps the hashes of
	{"lifecycle/desk", with(register, "internal/event", "internal/wire", "lifecycle/enrolment", "lifecycle/account", "lifecycle/alarm", "lifecycle/card", "lifecycle/notice")},
	{"lifecycle/key", register},
	{"lifecycle/account", register},
	{"lifecycle/command", register},
	{"lifecycle/notice", []string{"internal/fault", "internal/store", "lifecycle/field", "lifecycle/period"}},
	{"lifecycle/alarm/raise", []string{"internal/access", "internal/event"}},
	{"lifecycle/alarm", []string{
		"internal/access", "internal/authz", "internal/event", "internal/fault", "internal/store",
		"lifecycle/account", "lifecycle/alarm/raise", "lifecycle/entrylog", "lifecycle/field", "lifecycle/notice", "lifecycle/period",
	}},

	// the centre
	{"api/message", nil},
	{"api/auth", []string{"internal/authz", "internal/fault", "internal/store", "lifecycle/account"}},
	{"api/ingest", []string{
		"api/epoch", "internal/access", "internal/event", "internal/fault", "internal/store", "internal/wire",
		"lifecycle/alarm", "lifecycle/card", "lifecycle/desk", "lifecycle/device", "lifecycle/entrylog", "lifecycle/revocation",
	}},
	{"api/revoke", []string{"internal/access", "internal/fault", "internal/store", "internal/wire", "lifecycle/revocation"}},
	{"api/centre", []string{
		"api/command", "api/epoch", "api/ingest", "api/policy", "api/revoke", "api/watch", "internal/access", "internal/fault", "internal/mqtt", "internal/store", "internal/wire",
		"lifecycle/alarm", "lifecycle/card", "lifecycle/command", "lifecycle/device", "lifecycle/entrylog", "lifecycle/revocation",
	}},
	{"api/explain", []string{
		"internal/access", "internal/access/decide", "internal/again", "internal/authz", "internal/event", "internal/fault", "internal/store",
		"lifecycle/calendar", "lifecycle/entrylog", "lifecycle/period",
	}},
	{"api/watch", []string{"internal/fault", "lifecycle/alarm"}},
	{"api/webserver", []string{"internal/fault", "internal/pki"}},
	{"api/brokerfiles", []string{"internal/broker/mosquitto", "internal/fault", "internal/pki", "internal/store", "lifecycle/device"}},
	{"api/command", []string{"internal/access", "internal/fault", "internal/store", "internal/wire", "lifecycle/command"}},
	{"api/enrol", []string{"internal/fault", "internal/pki", "internal/store", "internal/wire", "lifecycle/device"}},
	{"api/desk", []string{"internal/access", "internal/fault", "internal/pki", "internal/store", "internal/tap", "internal/wire", "lifecycle/card/number", "lifecycle/desk", "reader/credential"}},
	{"api/keyrecord", []string{"api/sitekey", "internal/fault", "internal/store", "lifecycle/key"}},
	{"api/keychange", []string{"api/sitekey", "internal/fault", "internal/pki", "internal/store", "lifecycle/device"}},
	{"api/sitekey", []string{"internal/fault", "internal/ledger", "internal/pki", "internal/store", "internal/wire", "lifecycle/key", "reader/credential"}},
	{"api/epoch", []string{"internal/access", "internal/fault", "internal/folder", "internal/store", "lifecycle/device"}},
	{"api/policy", []string{"internal/access", "internal/fault", "internal/store", "internal/wire", "lifecycle/calendar", "lifecycle/device", "lifecycle/period", "lifecycle/revocation"}},

	// the interface for other programs: a room for each register, in one frame
	{"api/rest/view", []string{"internal/authz", "lifecycle/account", "lifecycle/approval", "lifecycle/entrylog", "lifecycle/period"}},
	{"api/rest/frame", []string{"api/auth", "api/message", "api/rest/limit", "api/rest/problem", "api/rest/strict", "internal/authz", "internal/fault"}},
	{"api/rest/service", with(restRoom)},
	{"api/rest/sessions", with(restRoom, "lifecycle/account")},
	{"api/rest/accounts", with(restRoom, "lifecycle/account")},
	{"api/rest/people", with(restRoom, "lifecycle/staff")},
	{"api/rest/approvals", with(restRoom, "lifecycle/approval")},
	{"api/rest/areas", with(restRoom, "api/command", "lifecycle/account", "lifecycle/approval", "lifecycle/area", "lifecycle/area/premises", "lifecycle/grade", "lifecycle/lockdown")},
	{"api/rest/calendar", with(restRoom, "internal/access/timetable", "lifecycle/approval", "lifecycle/calendar")},
	{"api/rest/devices", with(restRoom, "internal/pki", "lifecycle/approval", "lifecycle/device", "lifecycle/profile")},
	{"api/rest/desks", with(restRoom, "api/rest/limit", "internal/pki", "lifecycle/desk")},
	{"api/rest/enrolment", with(restRoom, "api/rest/limit")},
	{"api/rest/cards", with(restRoom, "lifecycle/card", "lifecycle/card/number", "lifecycle/revocation", "reader/credential")},
	{"api/rest/alarms", with(restRoom, "lifecycle/alarm")},
	{"api/rest/notices", with(restRoom, "lifecycle/notice")},
	{"api/rest/pins", with(restRoom, "lifecycle/pin")},
	{"api/rest/entries", with(restRoom, "internal/event", "lifecycle/entrylog")},
	{"api/rest/explain", with(restRoom, "api/explain", "internal/access/decide")},
	{"api/rest/presence", with(restRoom, "lifecycle/entrylog")},
	{"api/rest/ledger", with(restRoom)},

	// the simulator: the codec, never the bus
	{"firmware-sim/pty", nil},
	{"firmware-sim/control", nil},
	{"firmware-sim/outlog", nil},
	{"firmware-sim/vcard", nil},
	{"firmware-sim/vreader", nil},
	{"firmware-sim/world", []string{
		"firmware-sim/control", "firmware-sim/outlog", "firmware-sim/pd", "firmware-sim/pty", "firmware-sim/serialreader", "firmware-sim/vcard", "firmware-sim/vreader",
		"reader/credential", "reader/line/frame", "reader/osdp",
	}},
	{"firmware-sim/serialreader", []string{"reader", "reader/credential", "reader/line/frame"}},
	{"firmware-sim/pd", []string{"internal/fault", "internal/folder", "reader/osdp", "firmware-sim/pty"}},
}

var register = []string{"internal/access", "internal/authz", "internal/fault", "internal/store", "lifecycle/field", "lifecycle/history", "lifecycle/period"}

// restRoom is what every room of the REST interface may see; of registers only its own, and no other room.
var restRoom = []string{"api/auth", "api/rest/frame", "api/rest/view", "internal/access", "internal/authz", "internal/fault", "internal/store"}

func with(base []string, more ...string) []string { return append(slices.Clone(base), more...) }

// broad packages see most of their side of the house; what they may NOT import is what matters.
var broad = []rule{
	{"api", []string{"controller/", "firmware-sim/", "reader/osdp", "reader/serialport", "reader/pcsc"}},
	{"api/rest/...", []string{"controller/", "firmware-sim/", "internal/db", "reader/osdp", "reader/serialport"}},
	{"api/console/...", []string{"controller/", "firmware-sim/", "internal/db", "internal/mqtt", "reader/osdp", "reader/serialport"}},
	{"firmware-sim/demo", []string{"controller", "controller/", "reader/osdp/bus", "internal/db", "internal/store", "lifecycle/"}},
	{"firmware-sim/fleet", []string{"api/", "reader/osdp/bus", "internal/db", "internal/store", "lifecycle/"}},
	{"lifecycle/lifecycletest", nil},
	{"internal/harness/...", nil},
	{"internal/archtest", nil},
}

// importers names the one package that may import an outside library, tests included.
var importers = map[string][]string{
	"github.com/tarm/serial":              {"reader/serialport"},
	"github.com/ebfe/scard":               {"reader/pcsc"},
	"github.com/eclipse/paho.mqtt.golang": {"internal/mqtt"},
	"github.com/mochi-mqtt/server/v2":     {"internal/broker"},
	"github.com/jmoiron/sqlx":             {"internal/db"},
	"github.com/mattn/go-sqlite3":         {"internal/db"},
	"github.com/jackc/pgx/v5":             {"internal/db", "internal/db/dbtest"},
	"golang.org/x/mod":                    {"internal/ledger"},
	"github.com/danielgtaylor/huma/v2":    {"api/rest/frame"},
	"golang.org/x/crypto/argon2":          {"lifecycle/account"},
	"github.com/chromedp":                 {"internal/harness/browser"},
	"github.com/creack/pty":               {"firmware-sim/pty"},
	"github.com/rickar/cal/v2":            {"lifecycle/calendar/holiday"},
	"golang.org/x/term":                   {"firmware-sim/pty"},
	"github.com/go-pdf/fpdf":              {"internal/document"},
}
