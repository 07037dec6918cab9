package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kanmon/controller/identity"
	"kanmon/internal/pki"
)

// centre is a small centre of our own: it enrols whoever has its token, and can be told to misbehave.
type centre struct {
	*httptest.Server
	ca      *pki.CA
	token   pki.Token
	command pki.SigningKey

	mu        sync.Mutex
	spoil     func(answer map[string]any) // changes what it answers
	refuse    int                         // status of a refusal; 0: none
	taken     bool                        // refuses every key as another's
	seen      []ed25519.PublicKey         // keys it was asked to certify
	box       []byte                      // the last one's, to seal to
	strays    int                         // requests to other paths
	challenge string                      // to be said next
	known     []string                    // what each controller said it knows, in order: "ids; pins"
	hashes    [][]string                  // the fingerprints of hash keys that it said it has
	next      *pki.SigningKey             // announced besides command
	pair      *tls.Certificate            // shown as a server
	clock     func() time.Time
}

func startCentre(t *testing.T) *centre {
	t.Helper()
	c := &centre{command: pki.NewSigningKey(), clock: time.Now}
	c.found(t, time.Now(), time.Now())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/enrol", c.enrol)
	mux.HandleFunc("POST /api/v1/enrol/renew", c.renew)
	mux.HandleFunc("POST /api/v1/enrol/keys", c.keys)
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.strays++
	})
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

// found makes an authority of one moment, with a server's certificate of another and a token.
func (c *centre) found(t *testing.T, authority, at time.Time) {
	t.Helper()
	ca, err := pki.NewCA("demo", authority)
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
	c.found(t, time.Now(), time.Now())
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
	c.mu.Lock()
	c.box = in.BoxKey
	c.mu.Unlock()
	sealed, _ := pki.SealTo(in.BoxKey, "kanmon hash key v1\ndemo\nctl-1", []byte(strings.Repeat("k", 32)))
	answer["site"], answer["controller"], answer["hash_key"], answer["broker_url"] = "demo", in.Controller, sealed, "tls://127.0.0.1:1"
	answer["introduction"] = c.introduce(sealed, c.command.Public())
	c.answer(w, answer)
}

// introduce is the authority's word for command keys, to who asked last.
func (c *centre) introduce(sealed []byte, keys ...ed25519.PublicKey) []byte {
	seen := c.asked()
	if len(seen) == 0 {
		return nil
	}
	sig, _ := c.ca.Introduce(pki.Introduction{Site: "demo", Controller: seen[len(seen)-1], CommandKeys: keys, HashKey: sealed})
	return sig
}

func (c *centre) renew(w http.ResponseWriter, r *http.Request) {
	var in struct{ CSR []byte }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		c.problem(w, http.StatusBadRequest)
		return
	}
	c.answer(w, c.certify(in.CSR))
}

// keys answers what the centre's keys are, to a controller that says truly what it knows.
func (c *centre) keys(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Controller  string   `json:"controller"`
		CommandKeys []string `json:"command_keys"`
		Authorities []string `json:"authorities"`
		Issuer      string   `json:"issuer"`
		HashKeys    []string `json:"hash_keys"`
		Challenge   string   `json:"challenge"`
		Sig         []byte   `json:"sig"`
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	said := pki.Known{
		Site: "demo", Controller: in.Controller, CommandKeys: in.CommandKeys, Authorities: in.Authorities, Issuer: in.Issuer, HashKeys: in.HashKeys,
		Challenge: in.Challenge,
	}
	if seen := c.asked(); err != nil || len(seen) == 0 || said.Verify(seen[len(seen)-1], in.Sig) != nil {
		c.problem(w, http.StatusForbidden)
		return
	}
	answer := map[string]any{"command_keys": [][]byte{c.command.Public()}, "announced": []pki.Announcement{}}
	c.mu.Lock()
	heard := in.Challenge != "" && in.Challenge == c.challenge
	c.challenge = rand.Text()
	answer["challenge"], answer["heard"] = c.challenge, heard
	if heard {
		c.hashes = append(c.hashes, in.HashKeys)
		c.known = append(c.known, strings.Join(in.CommandKeys, " ")+"; "+strings.Join(in.Authorities, " "))
	}
	if c.next != nil {
		both := []ed25519.PublicKey{c.command.Public(), c.next.Public()}
		answer["command_keys"], answer["announced"] = [][]byte{both[0], both[1]}, []pki.Announcement{pki.Announce("demo", both, c.command)}
	}
	c.mu.Unlock()
	c.answer(w, answer)
}

// announce has the centre name another command key besides.
func (c *centre) announce(key pki.SigningKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = &key
}

func (c *centre) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.known)
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
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, `{"title":"拒否","detail":"登録用トークンが正しくないか、期限が切れています。\u001b[2J`+strings.Repeat("長", 500)+`"}`)
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
