package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/controller/identity"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		!got.Key.Public().Equal(made.Key.Public()) || !got.Certificate.Equal(made.Certificate) || !got.Authorities[0].Equal(c.ca.Certificate()) ||
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
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "期限が切れています") || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 600 {
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
		"another authority":                 func(a map[string]any) { a["ca"] = string(other.ca.PEM()) },
		"a foreign certificate":             func(a map[string]any) { a["certificate"] = foreign["certificate"] },
		"another controller":                func(a map[string]any) { a["controller"] = "ctl-2" },
		"no command key":                    func(a map[string]any) { a["command_keys"] = [][]byte{} },
		"no introduction":                   func(a map[string]any) { delete(a, "introduction") },
		"a hash key that is not introduced": func(a map[string]any) { a["hash_key"] = hashKey(t, c, "demo", "ctl-1", 32) },
		"a short command key":               func(a map[string]any) { a["command_keys"] = [][]byte{{1, 2}} },
		"another's hash key": func(a map[string]any) {
			a["hash_key"] = []byte("0123456789012345678901234567890123456789012345678901234567890123")
		},
		"no site": func(a map[string]any) { a["site"] = "" },
		"another authority and its certificate": func(a map[string]any) {
			a["ca"], a["certificate"] = string(other.ca.PEM()), device(t, other.ca, "ctl-1", last(c))
		},
		"a whole identity of another controller": func(a map[string]any) {
			a["controller"], a["certificate"], a["hash_key"] = "ctl-2", device(t, c.ca, "ctl-2", last(c)), hashKey(t, c, "demo", "ctl-2", 32)
		},
		"another site":            func(a map[string]any) { a["site"], a["hash_key"] = "other", hashKey(t, c, "other", "ctl-1", 32) },
		"a short hash key":        func(a map[string]any) { a["hash_key"] = hashKey(t, c, "demo", "ctl-1", 31) },
		"a server's certificate":  func(a map[string]any) { a["certificate"] = serverFor(t, c.ca, last(c)) },
		"a broker without TLS":    func(a map[string]any) { a["broker_url"] = "tcp://127.0.0.1:1883" },
		"a broker without a port": func(a map[string]any) { a["broker_url"] = "tls://127.0.0.1" },
		"an endless answer":       func(a map[string]any) { a["more"] = strings.Repeat("x", 1<<20) },
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

// R103-1: HTTPS may stand on a proxy's certificate. What a proxy changes on the way is found by the authority's signature.
func TestACommandKeyThatAProxyPutsInIsNotTaken(t *testing.T) {
	c, proxy := startCentre(t), pki.NewSigningKey().Public()
	other, err := pki.NewCA("demo", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(map[string]any){
		"its own":         func(a map[string]any) { a["command_keys"] = [][]byte{proxy} },
		"its own besides": func(a map[string]any) { a["command_keys"] = [][]byte{c.command.Public(), proxy} },
		"by another's word": func(a map[string]any) {
			a["command_keys"], a["introduction"] = [][]byte{proxy}, introduction(t, other, last(c), proxy, a)
		},
		"once for another's": func(a map[string]any) { a["introduction"] = introduction(t, c.ca, proxy, c.command.Public(), a) },
	} {
		c.set(0, spoil)
		r := request(t, c)
		if _, err := identity.Enroll(t.Context(), r); fault.CodeOf(err) != "pki.introduction" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := identity.Load(r.Dir, r.Sealer); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s left an identity: %v", name, err)
		}
	}
}

func introduction(t *testing.T, ca *pki.CA, controller, key ed25519.PublicKey, a map[string]any) []byte {
	hash, _ := a["hash_key"].([]byte)
	sig, err := ca.Introduce(pki.Introduction{Site: "demo", Controller: controller, CommandKeys: []ed25519.PublicKey{key}, HashKey: hash})
	if err != nil {
		t.Error(err)
	}
	return sig
}

func last(c *centre) ed25519.PublicKey {
	seen := c.asked()
	return seen[len(seen)-1]
}

func device(t *testing.T, ca *pki.CA, name string, key ed25519.PublicKey) string {
	cert, err := ca.IssueDevice(name, key, time.Now())
	if err != nil {
		t.Error(err)
		return ""
	}
	return string(pki.EncodeCertificate(cert))
}

// hashKey is one of some length, sealed as the centre does.
func hashKey(t *testing.T, c *centre, site, controller string, size int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	sealed, err := pki.SealTo(c.box, pki.HashKeyInfo(site, controller), make([]byte, size))
	if err != nil {
		t.Error(err)
	}
	return sealed
}

// serverFor is a certificate of the authority for our key and name that is not for a client; the authority itself makes none.
func serverFor(t *testing.T, ca *pki.CA, key ed25519.PublicKey) string {
	b, err := ca.Bytes()
	if err != nil {
		t.Error(err)
	}
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		t.Error(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "ctl-1", Organization: []string{"demo"}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, pair.Leaf, key, pair.PrivateKey)
	if err != nil {
		t.Error(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestNamesThatNoControllerCanHaveAreNotEnrolled(t *testing.T) {
	c := startCentre(t)
	for _, name := range []string{"", "centre", "all", "CTL-1", "a/b"} {
		r := request(t, c)
		r.Controller = name
		if _, err := identity.Enroll(t.Context(), r); fault.CodeOf(err) != "identity.controller" || len(c.asked()) > 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTheTokenIsNotCarriedToWhereARedirectPoints(t *testing.T) {
	c := startCentre(t)
	c.set(http.StatusTemporaryRedirect, nil)
	if _, err := identity.Enroll(t.Context(), request(t, c)); fault.KindOf(err) != fault.Denied {
		t.Errorf("%v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.strays > 0 {
		t.Error("it followed")
	}
}

func TestAControllerWhoseClockIsBehindIsEnrolled(t *testing.T) {
	c := startCentre(t)
	c.clock = func() time.Time { return time.Now().Add(3 * time.Hour) }
	if _, id := enrolled(t, c); !id.Certificate.NotBefore.After(time.Now()) {
		t.Error("the certificate has begun: this test proves nothing")
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
