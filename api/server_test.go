package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/api/webserver"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func settings(t *testing.T, dir string) Settings {
	t.Helper()
	s, err := ParseSettings([]byte(`{"data_dir":` + quoted(dir) + `,"console_listen":"127.0.0.1:0","broker":{"listen":"127.0.0.1:0"}}`))
	if err != nil {
		t.Fatal(err)
	}
	s.PasswordCost = account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}
	return s
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// running is a centre at work.
type running struct {
	*Server
	t      *testing.T
	url    string
	client *http.Client // trusts ca.pem of the data folder, and nothing else
	stop   func() error // ends it and returns what Run returned
}

// trusting is a client that believes the authority in a file.
func trusting(t *testing.T, file string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", file)
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func start(t *testing.T, dir string) *running {
	t.Helper()
	return startWith(t, settings(t, dir))
}

// within runs a centre, and fn meanwhile.
func within(t *testing.T, dir string, fn func(*running)) {
	t.Helper()
	r := start(t, dir)
	fn(r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
}

func startWith(t *testing.T, config Settings) *running {
	t.Helper()
	s, err := Open(t.Context(), config, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	r := &running{Server: s, t: t, url: s.URL(), client: trusting(t, filepath.Join(config.DataDir, authorityFile))}
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-ended
		r.client.CloseIdleConnections()
		return err
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// call sends a request as a program does and returns status and body.
func (r *running) call(token, method, path, body string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(text)
}

const testPassword = "corect horse battery"

// login makes an account with the roles and returns a token.
func (r *running) login(id string, roles ...authz.Role) string {
	r.t.Helper()
	cheap := account.New(r.store, account.Config{Cost: account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	_, err := cheap.Add(r.t.Context(), store.System("test"), account.Details{
		ID: id, Roles: roles, Password: account.NewPassword(testPassword),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := cheap.Login(r.t.Context(), id, account.NewPassword(testPassword))
	if err != nil {
		r.t.Fatal(err)
	}
	return s.Token.Reveal()
}

// R101-1: no default account: the first one is made with the token in a file only its owner may read.
func TestAFirstStartIsSetUpWithTheTokenInItsFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	r := start(t, dir)
	info, err := os.Stat(r.BootstrapFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("token file: %v %v", info, err)
	}
	token, err := os.ReadFile(r.BootstrapFile())
	if err != nil {
		t.Fatal(err)
	}
	body := `{"token":` + quoted(strings.TrimSpace(string(token))) + `,"login":"yamada","password":"` + testPassword + `"}`
	if res, text := r.call("", "POST", "/api/v1/setup", body); res.StatusCode != http.StatusCreated {
		t.Fatalf("set-up: %d %s", res.StatusCode, text)
	}
	if _, err := os.Stat(r.BootstrapFile()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the token file is still there: %v", err)
	}
	if res, _ := r.call("", "POST", "/api/v1/setup", body); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("second set-up: %d", res.StatusCode)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, dir)
	if again.BootstrapFile() != "" {
		t.Error("a token for a centre that has an account")
	}
	login := `{"login":"yamada","password":"` + testPassword + `"}`
	if res, text := again.call("", "POST", "/api/v1/session", login); res.StatusCode != http.StatusCreated {
		t.Errorf("log-in after the restart: %d %s", res.StatusCode, text)
	}
}

// R101-1: every route of the whole centre, REST and console, has a row; without a session nothing but the
// public ones is served, and no role gets more than its row.
func TestEveryRouteOfTheCentreIsGuardedByItsRow(t *testing.T) {
	r := start(t, t.TempDir())
	r.login("keeper", authz.SystemManager)
	tokens := map[authz.Role]string{}
	for _, role := range authz.Roles() {
		tokens[role] = r.login(strings.ReplaceAll(string(role), "_", "-"), role)
	}
	served := map[string]bool{}
	for _, pattern := range r.routes {
		served[pattern] = true
		need, ok := authz.NeedOf(pattern)
		if !ok {
			t.Errorf("%s has no row in internal/authz", pattern)
		}
		method, path, _ := strings.Cut(pattern, " ")
		if need.IsPublic() || strings.Contains(path, "stream") || method == "DELETE" || strings.HasSuffix(path, "logout") {
			continue // streams do not end; the others end what this test stands on
		}
		path = strings.NewReplacer("{id}", "nothing", "{$}", "").Replace(path)
		res, _ := r.call("", method, path, "")
		if !turnedAway(res) {
			t.Errorf("%s without a session: %d", pattern, res.StatusCode)
		}
		for role, token := range tokens {
			res, _ := r.call(token, method, path, "")
			if refused := res.StatusCode == http.StatusForbidden; refused == need.Allows([]authz.Role{role}) || turnedAway(res) {
				t.Errorf("%s as %s: %d, needs %s", pattern, role, res.StatusCode, need)
			}
		}
	}
	for _, row := range authz.Routes() {
		if !served[row.Pattern] {
			t.Errorf("internal/authz has a row for %s, which nobody serves", row.Pattern)
		}
	}
}

// turnedAway reports an answer to somebody unknown: 401, or a page's way to the log-in.
func turnedAway(res *http.Response) bool {
	return res.StatusCode == http.StatusUnauthorized || strings.HasPrefix(res.Header.Get("Location"), "/login")
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	r := start(t, t.TempDir())
	for _, path := range []string{"/", "/login", "/api/v1/healthz", "/api/v1/staff", "/api/nothing", "/nothing", "/static/nothing"} {
		res, _ := r.call("", "GET", path, "")
		policy := res.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for name, want := range map[string]string{
			"Strict-Transport-Security": "max-age=31536000", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if len(res.Header.Get("X-Request-Id")) != 12 {
			t.Errorf("%s: request id %q", path, res.Header.Get("X-Request-Id"))
		}
	}
}

func TestARestartKeepsTheKeysAndTheData(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	r.login("boss", authz.SystemManager)
	before := readAll(t, filepath.Join(dir, keysFolder))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, dir)
	if after := readAll(t, filepath.Join(dir, keysFolder)); after != before {
		t.Error("other keys after a restart")
	}
	if _, err := again.accounts.Login(t.Context(), "boss", account.NewPassword(testPassword)); err != nil {
		t.Error(err)
	}
}

// The list of who is inside is made by this program's rules before the first event comes.
func TestAStartMakesThePresenceReady(t *testing.T) {
	r := start(t, t.TempDir())
	var n int
	err := r.store.Read(t.Context(), func(q store.Queryer) error { return q.Get(t.Context(), &n, `SELECT COUNT(*) FROM presence_rules`) })
	if err != nil || n != 1 {
		t.Errorf("%d rows of rules, %v", n, err)
	}
}

func readAll(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 7 {
		t.Fatalf("%d keys: %v", len(entries), err)
	}
	var all strings.Builder
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
		}
		all.WriteString(e.Name() + string(b))
	}
	return all.String()
}

func TestTheCentreRefusesToStartWithoutAUsableDataFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), settings(t, filepath.Join(file, "data")), "test", slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "cannot be used; give another data_dir") {
		t.Fatalf("got %v", err)
	}
}

// Two programs on one folder would each keep a broker, a bootstrap token and a ledger key of their own.
func TestASecondCentreOnTheSameFolderIsRefusedInBothLanguages(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	_, err := Open(t.Context(), settings(t, dir), "test", slog.New(slog.DiscardHandler))
	if fault.KindOf(err) != fault.Conflict || fault.CodeOf(err) != "folder.in_use" ||
		!strings.Contains(err.Error(), dir+" は、動作中の別の kanmon-api が使用しています") ||
		!strings.Contains(err.Error(), "another kanmon-api is running on the data folder "+dir) {
		t.Fatalf("got %v", err)
	}
	if _, err := Verify(t.Context(), settings(t, dir), slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("verify beside a running centre: %v", err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if err := start(t, dir).stop(); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
}

func TestASealingKeyOthersMayReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := start(t, dir).stop(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, sealingKeyFile)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), settings(t, dir), "test", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	other := settings(t, dir)
	other.Site = "elsewhere"
	if _, err := Open(t.Context(), other, "test", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("the keys of another site are taken")
	}
}

func TestATakenPortIsSaidAndLeavesNothingOpen(t *testing.T) {
	r := start(t, t.TempDir())
	s := settings(t, t.TempDir())
	s.ConsoleListen = r.listener.Addr().String()
	_, err := Open(t.Context(), s, "test", slog.New(slog.DiscardHandler))
	if err == nil || fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "open the console's port") {
		t.Fatalf("got %v", err)
	}
}

// A page that listens for new entries does not hold up the end.
func TestAnOpenStreamDoesNotHoldUpTheEnd(t *testing.T) {
	r := start(t, t.TempDir())
	token := r.login("guard", authz.Guard)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/live/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("stream: %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= webserver.CloseTime {
		t.Errorf("the end took %v: the stream was cut, not ended", took)
	}
}
