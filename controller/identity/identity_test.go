package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/controller/identity"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// centre is a small centre of our own: it enrols whoever has its token, and can be told to misbehave.
type centre struct {
	*httptest.Server
	ca      *pki.CA
	token   pki.Token
	command pki.SigningKey

	mu     sync.Mutex
	spoil  func(answer map[string]any) // changes what it answers
	refuse int                         // status of a refusal; 0: none
	taken  bool                        // refuses every key as another's
	seen   []ed25519.PublicKey         // keys it was asked to certify
	pair   *tls.Certificate            // shown as a server
	clock  func() time.Time
}

func startCentre(t *testing.T) *centre {
	t.Helper()
	c := &centre{command: pki.NewSigningKey(), clock: time.Now}
	c.found(t, time.Now())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/enrol", c.enrol)
	mux.HandleFunc("POST /api/v1/enrol/renew", c.renew)
	c.Server = httptest.NewUnstartedServer(mux)
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*c.pair}}, nil
	}}
	c.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

// found makes an authority, with the server's certificate and a token.
func (c *centre) found(t *testing.T, at time.Time) {
	t.Helper()
	ca, err := pki.NewCA("demo", at)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.IssueServer([]string{"127.0.0.1"}, at)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ca, c.pair, c.token = ca, pair, pki.NewToken(ca.Pin())
}

// enter founds the centre anew at the time of a bubble, and keeps it told of that time while ctx lasts: its own goroutines live outside.
func (c *centre) enter(ctx context.Context, t *testing.T) {
	t.Helper()
	c.found(t, time.Now())
	var told atomic.Pointer[time.Time]
	tell := func() { now := time.Now(); told.Store(&now) }
	tell()
	c.clock = func() time.Time { return *told.Load() }
	go func() {
		tick := time.NewTicker(30 * time.Minute)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				tell()
			}
		}
	}()
}

func (c *centre) enrol(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Controller, Token string
		CSR               []byte
		BoxKey            []byte `json:"box_key"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Token != c.token.Reveal() {
		c.problem(w, http.StatusForbidden)
		return
	}
	answer := c.certify(in.CSR)
	sealed, _ := pki.SealTo(in.BoxKey, "kanmon hash key v1\ndemo\nctl-1", []byte(strings.Repeat("k", 32)))
	answer["site"], answer["controller"], answer["hash_key"], answer["broker_url"] = "demo", in.Controller, sealed, "tls://127.0.0.1:1"
	c.answer(w, answer)
}

func (c *centre) renew(w http.ResponseWriter, r *http.Request) {
	var in struct{ CSR []byte }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		c.problem(w, http.StatusBadRequest)
		return
	}
	c.answer(w, c.certify(in.CSR))
}

func (c *centre) certify(csr []byte) map[string]any {
	name, public, err := pki.ParseCSR(csr)
	if err != nil {
		return map[string]any{}
	}
	c.mu.Lock()
	c.seen = append(c.seen, public)
	c.mu.Unlock()
	cert, _ := c.ca.IssueDevice(name, public, c.clock())
	return map[string]any{
		"certificate": string(pki.EncodeCertificate(cert)), "ca": string(c.ca.PEM()), "command_keys": [][]byte{c.command.Public()},
	}
}

func (c *centre) answer(w http.ResponseWriter, answer map[string]any) {
	c.mu.Lock()
	spoil, refuse, taken := c.spoil, c.refuse, c.taken
	c.mu.Unlock()
	if taken {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprint(w, `{"title":"conflict","code":"device.key_taken","detail":"この鍵は使えません。"}`)
		return
	}
	if refuse != 0 {
		c.problem(w, refuse)
		return
	}
	if spoil != nil {
		spoil(answer)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (*centre) problem(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, `{"title":"拒否","detail":"登録用トークンが正しくないか、期限が切れています。"}`)
}

func (c *centre) set(refuse int, spoil func(map[string]any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse, c.spoil = refuse, spoil
}

func (c *centre) take(taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = taken
}

func (c *centre) asked() []ed25519.PublicKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

func request(t *testing.T, c *centre) identity.Request {
	t.Helper()
	dir := t.TempDir()
	sealer, err := pki.OpenSealer(filepath.Join(dir, "sealing-key"), true)
	if err != nil {
		t.Fatal(err)
	}
	return identity.Request{URL: c.URL, Token: c.token, Controller: "ctl-1", Dir: filepath.Join(dir, "identity"), Sealer: sealer}
}

func enrolled(t *testing.T, c *centre) (identity.Request, identity.Identity) {
	t.Helper()
	r := request(t, c)
	id, err := identity.Enroll(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r, id
}

// R103-1
func TestAnEnrolledControllerHasWhatItGotAlsoAfterARestart(t *testing.T) {
	c := startCentre(t)
	r := request(t, c)
	if _, err := identity.Load(r.Dir, r.Sealer); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("before: %v", err)
	}
	made, err := identity.Enroll(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := identity.Load(r.Dir, r.Sealer)
	if err != nil {
		t.Fatal(err)
	}
	if got.Site != "demo" || got.Controller != "ctl-1" || got.URL != c.URL || got.BrokerURL != "tls://127.0.0.1:1" ||
		!got.Key.Public().Equal(made.Key.Public()) || !got.Certificate.Equal(made.Certificate) || !got.CA.Equal(c.ca.Certificate()) ||
		len(got.CommandKeys) != 1 || !got.CommandKeys[0].Equal(c.command.Public()) || string(got.HashKey.Bytes()) != strings.Repeat("k", 32) {
		t.Errorf("%+v", got)
	}
}

// R47-1
func TestNoSecretLiesInTheClear(t *testing.T) {
	r, id := enrolled(t, startCentre(t))
	err := filepath.WalkDir(r.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, secret := range []string{string(id.Key.Seed()), string(id.HashKey.Bytes())} {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s holds a secret in the clear", path)
			}
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", id, id, id.HashKey); strings.Contains(text, "kkkk") {
		t.Error("the hash key was printed")
	}
}

func TestARefusalIsToldInTheCentresWordsAndNothingIsKept(t *testing.T) {
	c := startCentre(t)
	r := request(t, c)
	r.Token = pki.NewToken(c.ca.Pin())
	_, err := identity.Enroll(t.Context(), r)
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "期限が切れています") {
		t.Errorf("%v", err)
	}
	if _, err := identity.Load(r.Dir, r.Sealer); fault.KindOf(err) != fault.NotFound {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTheTokenIsNotToldToAStranger(t *testing.T) {
	c, stranger := startCentre(t), startCentre(t)
	r := request(t, c)
	r.URL = stranger.URL
	if _, err := identity.Enroll(t.Context(), r); err == nil || len(stranger.asked()) > 0 {
		t.Errorf("%v, %d requests reached the stranger", err, len(stranger.asked()))
	}
	r.URL = strings.Replace(c.URL, "https:", "http:", 1)
	if _, err := identity.Enroll(t.Context(), r); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without TLS: %v", err)
	}
}

func TestAnAnswerThatDoesNotHoldIsNotTaken(t *testing.T) {
	c, other := startCentre(t), startCentre(t)
	foreign := other.certify(mustCSR(t, pki.NewSigningKey(), "ctl-1"))
	for name, spoil := range map[string]func(map[string]any){
		"another key's certificate": func(a map[string]any) {
			a["certificate"] = c.certify(mustCSR(t, pki.NewSigningKey(), "ctl-1"))["certificate"]
		},
		"another authority":     func(a map[string]any) { a["ca"] = string(other.ca.PEM()) },
		"a foreign certificate": func(a map[string]any) { a["certificate"] = foreign["certificate"] },
		"another controller":    func(a map[string]any) { a["controller"] = "ctl-2" },
		"no command key":        func(a map[string]any) { a["command_keys"] = [][]byte{} },
		"a short command key":   func(a map[string]any) { a["command_keys"] = [][]byte{{1, 2}} },
		"another's hash key": func(a map[string]any) {
			a["hash_key"] = []byte("0123456789012345678901234567890123456789012345678901234567890123")
		},
		"no site": func(a map[string]any) { a["site"] = "" },
	} {
		c.set(0, spoil)
		r := request(t, c)
		if _, err := identity.Enroll(t.Context(), r); err == nil {
			t.Errorf("%s was taken", name)
		}
		if _, err := identity.Load(r.Dir, r.Sealer); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s left an identity: %v", name, err)
		}
	}
}

func mustCSR(t *testing.T, key pki.SigningKey, name string) []byte {
	t.Helper()
	csr, err := pki.MakeCSR(key, name)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

// The answer to the first attempt is lost; the second shows the same key, so a token used up by the first still serves.
func TestASecondAttemptShowsTheSameKey(t *testing.T) {
	c := startCentre(t)
	r := request(t, c)
	c.set(http.StatusBadGateway, nil)
	if _, err := identity.Enroll(t.Context(), r); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("%v", err)
	}
	c.set(0, nil)
	if _, err := identity.Enroll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if seen := c.asked(); len(seen) != 2 || !seen[0].Equal(seen[1]) {
		t.Errorf("%d keys, the same: %v", len(seen), len(seen) == 2 && seen[0].Equal(seen[1]))
	}
	if _, err := identity.Enroll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if seen := c.asked(); seen[1].Equal(seen[2]) {
		t.Error("enrolling again kept the old key")
	}
}

func TestACertificateOfAnotherKeyIsFoundAtTheStart(t *testing.T) {
	c := startCentre(t)
	r, _ := enrolled(t, c)
	r2, _ := enrolled(t, c)
	b, err := os.ReadFile(filepath.Join(r2.Dir, "certificate.pem"))
	if err == nil {
		err = os.WriteFile(filepath.Join(r.Dir, "certificate.pem"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := identity.Load(r.Dir, r.Sealer); fault.CodeOf(err) != "identity.mixed" {
		t.Errorf("%v", err)
	}
}

// C-32: a controller that was away while its certificate ended renews it all the same.
func TestACertificateIsRenewedAlsoAfterItsEnd(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	later := time.Now().Add(200 * 24 * time.Hour)
	c.clock = func() time.Time { return later }
	k := identity.NewKeeper(identity.KeeperConfig{
		Dir: r.Dir, Identity: id, Clock: func() time.Time { return later }, Warn: func(int) {}, Log: slog.New(slog.DiscardHandler),
	})
	if !k.Until().Before(later) {
		t.Fatal("the certificate has not ended: this test proves nothing")
	}
	if err := k.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	loaded, err := identity.Load(r.Dir, r.Sealer)
	if err != nil || !loaded.Certificate.NotAfter.Equal(k.Until()) || !k.Until().After(later.Add(179*24*time.Hour)) {
		t.Errorf("on disk until %v, in use until %v, %v", loaded.Certificate.NotAfter, k.Until(), err)
	}
	if !loaded.Key.Public().Equal(id.Key.Public()) {
		t.Error("the key changed")
	}
	shown, err := k.TLS().GetClientCertificate(nil)
	if err != nil || string(shown.Certificate[0]) != string(loaded.Certificate.Raw) {
		t.Errorf("a new connection shows the old certificate (%v)", err)
	}
}

func TestTheKeeperWarnsOnceAtEachStepWhileTheCentreIsAway(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	for _, tt := range []struct {
		left time.Duration
		want []int
	}{
		{61 * 24 * time.Hour, nil},
		{40 * 24 * time.Hour, nil},
		{29 * 24 * time.Hour, []int{30}},
		{5 * 24 * time.Hour, []int{7}},
		{time.Hour, []int{1}},
		{-time.Hour, []int{0}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var warned []int
		at := id.Certificate.NotAfter.Add(-tt.left)
		id := id
		id.URL = "https://127.0.0.1:1" // nobody is there
		k := identity.NewKeeper(identity.KeeperConfig{
			Dir: r.Dir, Identity: id, Clock: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler),
			Warn: func(days int) { warned = append(warned, days); cancel() },
		})
		if tt.want == nil {
			cancel()
		}
		if err := k.Run(ctx); err != nil || !slices.Equal(warned, tt.want) {
			t.Errorf("%v before the end: warned %v, %v, want %v", tt.left, warned, err, tt.want)
		}
		cancel()
	}
}
