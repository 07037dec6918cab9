package harness_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/api"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/tap"
	"kanmon/lifecycle/account"
	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/desk"
)

// office is a centre with a port for desks, a manager who is logged in, and a desk with one reader.
type office struct {
	t       *testing.T
	server  *api.Server
	browser *http.Client
	token   string // of the interface for programs
	agent   *desk.Agent
	reader  *plate
	log     *logText
	dir     string
}

// plate is a reader without cards of its own. It polices what a driver may be asked.
type plate struct {
	shown chan reader.Feedback
}

func (p *plate) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (p *plate) Show(_ context.Context, f reader.Feedback) error {
	p.shown <- f
	return nil
}

type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const officePassword = "correct horse battery"

func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), log: &logText{}, reader: &plate{make(chan reader.Feedback, 8)}}
	log := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	settings, err := api.ParseSettings([]byte(`{"data_dir":"` + filepath.Join(o.dir, "centre") + `","console_listen":"127.0.0.1:0",
		"broker":{"listen":"127.0.0.1:0"},"desks":{"listen":"127.0.0.1:0"}}`))
	o.must(err)
	settings.PasswordCost = account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}
	o.server, err = api.Open(t.Context(), settings, "test", log)
	o.must(err)
	o.background(o.server.Run)
	ca, err := os.ReadFile(o.server.AuthorityFile())
	o.must(err)
	authority, err := pki.ParseCertificate(ca)
	o.must(err)
	jar, err := cookiejar.New(nil)
	o.must(err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pki.Pool(authority), MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	o.browser = &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	o.logIn()
	o.enrol(log)
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatalf("%v\n%s", err, o.log)
	}
}

// background runs something until the test ends.
func (o *office) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(o.t.Context()))
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	o.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Error(err)
		}
	})
}

// call asks the interface for programs.
func (o *office) call(path string, in, out any) {
	o.t.Helper()
	b, err := json.Marshal(in)
	o.must(err)
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.server.URL()+"/api/v1/"+path, bytes.NewReader(b))
	o.must(err)
	r.Header.Set("Content-Type", "application/json")
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	res, err := o.browser.Do(r)
	o.must(err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	o.must(err)
	if res.StatusCode >= 300 {
		o.t.Fatalf("%s: %d %s\n%s", path, res.StatusCode, answer, o.log)
	}
	if out != nil {
		o.must(json.Unmarshal(answer, out))
	}
}

func (o *office) logIn() {
	o.t.Helper()
	token, err := os.ReadFile(o.server.BootstrapFile())
	o.must(err)
	o.call("setup", map[string]string{"token": strings.TrimSpace(string(token)), "login": "manager", "password": officePassword}, nil)
	var session struct{ Token string }
	o.call("session", map[string]string{"login": "manager", "password": officePassword}, &session)
	o.token = session.Token
	if status, _ := o.post("/login", url.Values{"login": {"manager"}, "password": {officePassword}}); status != http.StatusSeeOther {
		o.t.Fatalf("log-in: %d", status)
	}
	o.call("staff", map[string]string{"no": "1001", "name": "佐藤 花子"}, nil)
}

// enrol makes a desk of this machine, as the program does.
func (o *office) enrol(log *slog.Logger) {
	o.t.Helper()
	o.call("desks", map[string]any{"name": "front-1", "place": "市民課 3番窓口", "watch_s": 10, "accepts": []string{"bits", "felica"}}, nil)
	var ticket struct{ Token string }
	o.call("desks/front-1/token", map[string]any{}, &ticket)
	token, err := pki.ParseToken(ticket.Token)
	o.must(err)
	sealer, err := pki.OpenSealer(filepath.Join(o.dir, "sealing-key"), true)
	o.must(err)
	identity := filepath.Join(o.dir, "identity")
	_, err = desk.Enroll(o.t.Context(), desk.Request{URL: o.server.URL(), Token: token, Desk: "front-1", Dir: identity, Sealer: sealer})
	o.must(err)
	id, err := desk.Load(identity, sealer)
	o.must(err)
	centre := desk.NewCentre(identity, id, time.Now, log)
	o.t.Cleanup(centre.Close)
	o.agent = desk.New(desk.Config{Link: centre, Software: "test", Log: log})
	o.agent.Attach("R1", o.reader)
	o.background(o.agent.Run)
	o.agent.Up("R1")
	brokertest.Until(o.t, "the desk is heard", func() bool { return strings.Contains(o.page("/desks/front-1"), "使用可") })
}

func (o *office) post(path string, form url.Values) (int, string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.server.URL()+path, strings.NewReader(form.Encode()))
	o.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := o.browser.Do(r)
	o.must(err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	o.must(err)
	return res.StatusCode, res.Header.Get("Location")
}

func (o *office) page(path string) string {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.server.URL()+path, nil)
	o.must(err)
	res, err := o.browser.Do(r)
	o.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	o.must(err)
	return string(b)
}

// ask waits at the desk as a page does, has a card held there once the desk may be used, and returns the last event and its data.
func (o *office) ask(purpose string, card credential.Credential) (event string, data struct{ ID, Text string }) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.server.URL()+"/taps/stream?desk=front-1&for="+purpose, nil)
	o.must(err)
	res, err := o.browser.Do(r)
	o.must(err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if name, is := strings.CutPrefix(lines.Text(), "event: "); is {
			event = name
			if name == "wait" {
				o.hold(card)
			}
		}
		if text, is := strings.CutPrefix(lines.Text(), "data: "); is {
			o.must(json.Unmarshal([]byte(text), &data))
		}
	}
	return event, data
}

func (o *office) hold(card credential.Credential) {
	o.agent.Present(reader.Presentation{Reader: "R1", Credential: card, At: time.Now()})
}

// R43-2, R44-1, R75-2, R76-1: from the reader of a desk to the console, over HTTPS with certificates on both sides: a card is entered by holding it there,
// recognised when it is held there again, refused where it is foreign or no identifier, and noticed when it is left; and its number is nowhere.
func TestACardComesFromADesksReaderToThePageThatWaits(t *testing.T) {
	o := openOffice(t)
	card, err := credential.Parse("bits:26:bdd93740")
	o.must(err)
	event, tapped := o.ask("issue", card)
	if event != "tap" || !strings.Contains(tapped.Text, "ビット列") {
		t.Fatalf("%s %+v\n%s", event, tapped, o.log)
	}
	if shown := <-o.reader.shown; shown != reader.ShowGranted {
		t.Errorf("the reader shows %d", shown)
	}
	status, to := o.post("/cards", url.Values{"label": {"T-1"}, "person": {"1001"}, "tap": {tapped.ID}})
	if status != http.StatusSeeOther || !strings.HasPrefix(to, "/cards/C-") {
		t.Fatalf("issue: %d to %q\n%s", status, to, o.log)
	}
	if status, _ := o.post("/cards", url.Values{"label": {"T-2"}, "person": {"1001"}, "tap": {tapped.ID}}); status != http.StatusUnprocessableEntity {
		t.Errorf("the same tap makes another card: %d", status)
	}

	if event, said := o.ask("issue", card); event != "over" || !strings.Contains(said.Text, "T-1") {
		t.Errorf("a duplicate: %s %+v", event, said)
	}
	event, tapped = o.ask("whose", card)
	if page := o.page("/cards/whose?tap=" + tapped.ID); event != "tap" || !strings.Contains(page, "T-1") || !strings.Contains(page, "佐藤 花子") {
		t.Errorf("whose card is not said: %s", event)
	}
	foreign, err := credential.FromUID([]byte{4, 1, 2, 3, 4, 5, 6})
	o.must(err)
	if event, said := o.ask("issue", foreign); event != "over" || !strings.Contains(said.Text, "種別") {
		t.Errorf("a foreign card: %s %+v", event, said)
	}

	o.agent.Removed("R1")
	o.agent.Lies("R1", card, time.Now().Add(-time.Minute))
	brokertest.Until(t, "the card that was left is noticed", func() bool {
		return strings.Contains(o.page("/alarms"), "カードの置き忘れ") && strings.Contains(o.page("/desks"), "カード T-1")
	})
	if !strings.Contains(o.page("/notices"), "カード T-1") {
		t.Error("the manager is not told")
	}
	o.agent.Removed("R1")
	brokertest.Until(t, "the card that was taken lies there no more", func() bool { return !strings.Contains(o.page("/desks"), "カード T-1") })
	o.nowhere("bdd93740", "BDD93740")
}

// C-11: a card whose memory holds a formula, a script, a quotation, a NUL and what commands a terminal is entered and recognised as any other, and what it says is on no page, in no log and in no file.
func TestWhatACardSaysIsOnNoPageAndInNoFile(t *testing.T) {
	const evil = "=1+1|'\"><script>\x00\x1b[2J"
	o := openOffice(t)
	card, err := credential.FromService(0xfe00, 0x1a8b, []byte(evil))
	o.must(err)
	event, tapped := o.ask("issue", card)
	if event != "tap" {
		t.Fatalf("%s %+v", event, tapped)
	}
	status, to := o.post("/cards", url.Values{"label": {"T-1"}, "person": {"1001"}, "tap": {tapped.ID}})
	if status != http.StatusSeeOther {
		t.Fatalf("issue: %d\n%s", status, o.log)
	}
	_, tapped = o.ask("whose", card)
	for _, path := range []string{to, "/cards", "/cards/whose?tap=" + tapped.ID, "/desks/front-1", "/live", "/alarms"} {
		if page := o.page(path); strings.Contains(page, "=1+1") || strings.Contains(page, "3d312b31") {
			t.Errorf("%s says what the card says", path)
		}
	}
	if !strings.Contains(o.page("/cards/whose?tap="+tapped.ID), "T-1") {
		t.Error("the card is not recognised")
	}
	o.nowhere(evil, "3d312b317c", "3D312B317C")
}

// nowhere looks for a card number in the log and in every file.
func (o *office) nowhere(numbers ...string) {
	o.t.Helper()
	found := func(where string, b []byte) {
		for _, n := range append(numbers, "\xbd\xd9\x37\x40") {
			if bytes.Contains(b, []byte(n)) {
				o.t.Errorf("a card number is in %s", where)
			}
		}
	}
	found("the log", []byte(o.log.String()))
	err := filepath.WalkDir(o.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found(path, b)
		return err
	})
	o.must(err)
}

// R103-1: who has no certificate, or one of a controller's, is not let in; who was thrown out is refused at once.
func TestADesksPortIsForDesksThatAreEnrolled(t *testing.T) {
	o := openOffice(t)
	res, err := o.browser.Post(o.server.DeskURL()+"/desk/v1/tap", "application/json", strings.NewReader("{}"))
	if err == nil {
		_ = res.Body.Close()
		t.Errorf("without a certificate: %d", res.StatusCode)
	}
	sealer, err := pki.OpenSealer(filepath.Join(o.dir, "sealing-key"), false)
	o.must(err)
	id, err := desk.Load(filepath.Join(o.dir, "identity"), sealer)
	o.must(err)
	o.call("desks/front-1/revoke", map[string]string{"reason": "盗難"}, nil)
	centre := desk.NewCentre(o.dir, id, time.Now, slog.New(slog.DiscardHandler))
	defer centre.Close()
	if _, err := centre.Tap(t.Context(), tap.Tap{}); fault.CodeOf(err) != "desk.revoked" {
		t.Errorf("after it was thrown out: %v", err)
	}
}
