package rest_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"kanmon/api/auth"
	"kanmon/api/explain"
	"kanmon/api/rest"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/desk"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/grade"
	"kanmon/lifecycle/lockdown"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/profile"
	"kanmon/lifecycle/revocation"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "corect horse battery"

// bench is the interface over a real database, and what it logged.
type bench struct {
	t           *testing.T
	db          *db.DB
	api         *rest.API
	store       *store.Store
	accounts    *account.Register
	devices     *device.Register
	enrolment   *enrolment
	releaser    *releaser
	revocations *revocation.Register
	alarms      *alarm.Register
	log         *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, dbtest.SQLite(t))
}

func newBenchOn(t *testing.T, d *db.DB) *bench {
	t.Helper()
	b := &bench{t: t, db: d, log: &lockedBuffer{}}
	s, err := store.New(b.db, store.Config{Origin: "kanmon.test/rest"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := credential.NewHashKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	b.store, b.devices, b.revocations = s, device.New(s), revocation.New(s, revocation.Config{})
	b.alarms = alarm.New(s, alarm.Limits{})
	b.enrolment, b.releaser = &enrolment{devices: b.devices}, &releaser{}
	b.accounts = account.New(s, account.Config{Cost: account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	approvals := approval.New(s)
	b.api, err = rest.New(rest.Config{
		Site: "demo", Software: "test", Gate: auth.New(auth.Config{Accounts: b.accounts}), Store: s, Accounts: b.accounts,
		Staff: staff.New(s), Areas: area.New(s, approvals), Approvals: approvals, Grades: grade.New(s, approvals), Lockdowns: lockdown.New(s), Profiles: profile.New(s, approvals), Days: calendar.New(s, approvals), Devices: b.devices, Cards: card.New(s, b.revocations, key.Forms), Entries: entrylog.New(s), PINs: pin.New(s, pin.Config{HashKey: key}), Alarms: b.alarms, Notices: notice.New(s),
		Explainer: explain.New(s, key.Forms), Revocations: b.revocations, Enrolment: b.enrolment, Releaser: b.releaser, HashKey: key, Desks: desk.New(s, b.alarms), Seats: seats{}, Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// add makes an account and logs it in; it returns the token.
func (b *bench) add(login string, roles ...authz.Role) string {
	b.t.Helper()
	_, err := b.accounts.Add(b.t.Context(), store.System("test"), account.Details{
		ID: login, Staff: "S-" + login, Roles: roles, Password: account.NewPassword(password),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := b.accounts.Login(b.t.Context(), login, account.NewPassword(password))
	if err != nil {
		b.t.Fatal(err)
	}
	return s.Token.Reveal()
}

// reply is an answer, read as JSON.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (b *bench) call(token, method, path, body string) reply {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, "/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Accept-Language", "en")
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	out := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &out.json); err != nil {
			b.t.Fatalf("%s %s: %v in %q", method, path, err, out.text)
		}
	}
	return out
}

// want calls and checks status and problem code.
func (b *bench) want(status int, code, token, method, path, body string) reply {
	b.t.Helper()
	got := b.call(token, method, path, body)
	if got.status != status || (code != "" && got.json["code"] != code) {
		b.t.Fatalf("%s %s: got %d %s, want %d %q", method, path, got.status, got.text, status, code)
	}
	if status >= 400 && got.header.Get("Content-Type") != "application/problem+json" {
		b.t.Fatalf("%s %s: content type %q", method, path, got.header.Get("Content-Type"))
	}
	return got
}
