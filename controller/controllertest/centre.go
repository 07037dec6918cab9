// Package controllertest has a small centre for tests: it enrols controllers and renews their certificates, and has the key that
// commands are signed with. It knows nobody else and keeps nothing.
package controllertest

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/controller/identity"
	"kanmon/internal/pki"
)

// HashKey is the credential hash key it gives out.
var HashKey = []byte(strings.Repeat("\x5a", 32))

// Centre is an HTTPS server of one site.
type Centre struct {
	*httptest.Server
	CA    *pki.CA
	Key   pki.SigningKey // of commands, policies, acknowledgements
	Token pki.Token      // good any number of times
	site  string
}

// StartCentre serves until the test ends.
func StartCentre(t testing.TB, site string) *Centre {
	t.Helper()
	ca, err := pki.NewCA(site, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.IssueServer([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := &Centre{CA: ca, Key: pki.NewSigningKey(), Token: pki.NewToken(ca.Pin()), site: site}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/enrol", c.enrol)
	mux.HandleFunc("POST /api/v1/enrol/renew", c.renew)
	c.Server = httptest.NewUnstartedServer(mux)
	c.TLS = &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}
	c.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

// Enrol makes an identity of a controller below its data folder, with the sealing key there too.
func (c *Centre) Enrol(t testing.TB, controller, dataDir string) {
	t.Helper()
	sealer, err := pki.OpenSealer(filepath.Join(dataDir, "sealing-key"), true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = identity.Enroll(t.Context(), identity.Request{
		URL: c.URL, Token: c.Token, Controller: controller, Dir: filepath.Join(dataDir, "identity"), Sealer: sealer,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *Centre) enrol(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Controller, Token string
		CSR               []byte
		BoxKey            []byte `json:"box_key"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Token != c.Token.Reveal() {
		http.Error(w, `{"detail":"no such token"}`, http.StatusForbidden)
		return
	}
	sealed, err := pki.SealTo(in.BoxKey, pki.HashKeyInfo(c.site, in.Controller), HashKey)
	if err != nil {
		http.Error(w, `{"detail":"bad box key"}`, http.StatusBadRequest)
		return
	}
	answer := c.certify(in.CSR)
	answer["site"], answer["controller"], answer["hash_key"], answer["broker_url"] = c.site, in.Controller, sealed, "tls://127.0.0.1:1"
	answer["introduction"] = c.introduce(in.CSR, sealed)
	_ = json.NewEncoder(w).Encode(answer)
}

// introduce is the authority's word for the command key and the hash key.
func (c *Centre) introduce(csr, sealed []byte) []byte {
	_, public, err := pki.ParseCSR(csr)
	if err != nil {
		return nil
	}
	sig, _ := c.CA.Introduce(pki.Introduction{
		Site: c.site, Controller: public, CommandKeys: []ed25519.PublicKey{c.Key.Public()}, HashKey: sealed,
	})
	return sig
}

func (c *Centre) renew(w http.ResponseWriter, r *http.Request) {
	var in struct{ CSR []byte }
	_ = json.NewDecoder(r.Body).Decode(&in)
	_ = json.NewEncoder(w).Encode(c.certify(in.CSR))
}

func (c *Centre) certify(csr []byte) map[string]any {
	name, public, err := pki.ParseCSR(csr)
	if err != nil {
		return map[string]any{}
	}
	cert, err := c.CA.IssueDevice(name, public, time.Now())
	if err != nil {
		return map[string]any{}
	}
	return map[string]any{
		"certificate": string(pki.EncodeCertificate(cert)), "ca": string(c.CA.PEM()), "command_keys": [][]byte{c.Key.Public()},
	}
}
