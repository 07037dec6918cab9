package enrol_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/api/enrol"
	"kanmon/api/sitekey"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

// rig is a centre with a controller that was entered and never enrolled.
type rig struct {
	*lifecycletest.City
	t       *testing.T
	keys    *sitekey.Keys
	enrol   *enrol.Service
	changed int
}

func open(t *testing.T, d *db.DB) *rig {
	t.Helper()
	city := lifecycletest.Open(t, d)
	r := &rig{City: city, t: t}
	dir := t.TempDir()
	var err error
	r.keys, err = sitekey.Open(sitekey.Config{
		Dir: filepath.Join(dir, "keys"), SealingKey: filepath.Join(dir, "sealing-key"), Site: "demo", Origin: "kanmon/demo",
		Hosts: []string{"localhost"}, Clock: city.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.enrol = enrol.New(enrol.Config{
		Site: "demo", Devices: city.Device, Secrets: r.keys, BrokerURL: func() string { return "tls://localhost:18830" },
		Changed: func() { r.changed++ }, Clock: city.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	for _, name := range []string{"ctl-1", "ctl-2"} {
		if _, err := city.Device.AddController(t.Context(), lifecycletest.Manager, device.NewController{Name: name, Place: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *rig) token(controller string) string {
	r.t.Helper()
	token, expires, err := r.enrol.Token(r.t.Context(), lifecycletest.Manager, controller)
	if err != nil || !expires.Equal(r.Clock.Now().Add(24*time.Hour)) || token.Pin() != r.keys.CA().Pin() {
		r.t.Fatalf("token until %v, %v", expires, err)
	}
	return token.Reveal()
}

// leaves is how many facts the ledger holds.
func (r *rig) leaves() int64 {
	r.t.Helper()
	size, err := r.Store.Size(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return size
}

// box is a controller's own keys.
type box struct {
	key pki.SigningKey
	box pki.BoxKey
}

func newBox() box { return box{pki.NewSigningKey(), pki.NewBoxKey()} }

func (b box) csr(t *testing.T, name string) []byte {
	t.Helper()
	csr, err := pki.MakeCSR(b.key, name)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

func certificate(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	c, err := pki.ParseCertificate([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// R47-1, R103-1: a controller gets in with a token that a person with the right carried to it, once, with a key that never left it.
func TestAControllerGetsInWithItsTokenAndHasWhatItNeeds(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r, b := open(t, d), newBox()
		token := r.token("ctl-1")
		got, err := r.enrol.Enrol(t.Context(), "ctl-1", token, b.csr(t, "ctl-1"), b.box.Public())
		if err != nil || got.Site != "demo" || got.Controller != "ctl-1" || got.BrokerURL != "tls://localhost:18830" || r.changed != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		c := certificate(t, got.Certificate)
		_, err = c.Verify(x509.VerifyOptions{
			Roots: r.keys.CA().Pool(), CurrentTime: r.Clock.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if public, ok := c.PublicKey.(ed25519.PublicKey); err != nil || !ok || !public.Equal(b.key.Public()) || c.Subject.CommonName != "ctl-1" || c.Subject.Organization[0] != "demo" {
			t.Errorf("certificate %v, %v", c.Subject, err)
		}
		if !certificate(t, got.CA).Equal(r.keys.CA().Certificate()) || len(got.CommandKeys) != 1 || !bytes.Equal(got.CommandKeys[0], r.keys.Command().Public()) {
			t.Error("another authority or command key")
		}
		if hash, err := b.box.Open(pki.HashKeyInfo("demo", "ctl-1"), got.HashKey); err != nil || len(hash) != 32 {
			t.Errorf("hash key: %d bytes, %v", len(hash), err)
		}
		told := pki.Introduction{Site: "demo", Controller: b.key.Public(), CommandKeys: []ed25519.PublicKey{got.CommandKeys[0]}, HashKey: got.HashKey}
		if err := told.Verify(r.keys.CA().Certificate(), got.Introduction); err != nil {
			t.Error(err)
		}
		if err := r.Device.Peer(t.Context(), "ctl-1", b.key.Public()); err != nil {
			t.Error(err)
		}
		shown, err := r.Device.Controller(t.Context(), lifecycletest.Guard, "ctl-1")
		if err != nil || shown.State != device.Enrolled || shown.Fingerprint != pki.Fingerprint(b.key.Public()) || !shown.CertificateUntil.Equal(c.NotAfter) ||
			shown.CertificateSerial != pki.Serial(c) {
			t.Errorf("register %+v, %v", shown.Identity, err)
		}
		// The answer may have been lost; another box with the same token is not the same.
		if again, err := r.enrol.Enrol(t.Context(), "ctl-1", token, b.csr(t, "ctl-1"), b.box.Public()); err != nil || again.Certificate == "" {
			t.Errorf("once more: %v", err)
		}
		thief := newBox()
		if _, err := r.enrol.Enrol(t.Context(), "ctl-1", token, thief.csr(t, "ctl-1"), thief.box.Public()); fault.CodeOf(err) != "device.token_used" {
			t.Errorf("another key with the same token: %v", err)
		}
	})
}

func TestWhoHasNoGoodTokenOrRequestStaysOutside(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r, b := open(t, d), newBox()
		if _, _, err := r.enrol.Token(t.Context(), lifecycletest.Guard, "ctl-1"); fault.KindOf(err) != fault.Denied {
			t.Errorf("a guard makes a token: %v", err)
		}
		token, other := r.token("ctl-1"), r.token("ctl-2")
		good, public := b.csr(t, "ctl-1"), b.box.Public()
		broken := bytes.Clone(good)
		broken[len(broken)-1] ^= 1
		for name, c := range map[string]struct {
			controller, token string
			csr, box          []byte
			kind              fault.Kind
		}{
			"no token":                        {"ctl-1", "", good, public, fault.Invalid},
			"another controller's token":      {"ctl-1", other, good, public, fault.Unauthenticated},
			"a token nobody gave":             {"ctl-1", strings.Repeat("a", 20) + token[strings.IndexByte(token, '.'):], good, public, fault.Unauthenticated},
			"a controller nobody entered":     {"ctl-9", token, b.csr(t, "ctl-9"), public, fault.Unauthenticated},
			"a request in another name":       {"ctl-1", token, b.csr(t, "ctl-2"), public, fault.Invalid},
			"a request in the centre's name":  {"centre", token, b.csr(t, "centre"), public, fault.Invalid},
			"a request that was altered":      {"ctl-1", token, broken, public, fault.Invalid},
			"no request":                      {"ctl-1", token, nil, public, fault.Invalid},
			"a box key of another length":     {"ctl-1", token, good, public[:31], fault.Invalid},
			"a box key that is no good point": {"ctl-1", token, good, make([]byte, 32), fault.Invalid},
		} {
			if got, err := r.enrol.Enrol(t.Context(), c.controller, c.token, c.csr, c.box); err == nil || fault.KindOf(err) != c.kind {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		// None of it used the token up.
		if _, err := r.enrol.Enrol(t.Context(), "ctl-1", token, good, public); err != nil {
			t.Fatal(err)
		}
		r.Clock.Pass(25 * time.Hour)
		late := newBox()
		if _, err := r.enrol.Enrol(t.Context(), "ctl-2", other, late.csr(t, "ctl-2"), late.box.Public()); fault.CodeOf(err) != "device.token_expired" {
			t.Errorf("a day later: %v", err)
		}
	})
}

// A request that is shown again, by whoever has seen it, makes nothing: the certificate that is there is given while it has long to go.
func TestARequestShownAgainMakesNoSecondCertificate(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r, b := open(t, d), newBox()
		first, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), b.csr(t, "ctl-1"), b.box.Public())
		if err != nil {
			t.Fatal(err)
		}
		csr, last, until := b.csr(t, "ctl-1"), first.Certificate, certificate(t, first.Certificate).NotAfter
		for _, step := range []struct {
			passes time.Duration
			fresh  bool
		}{
			{0, false},
			{119 * 24 * time.Hour, false}, // 61 days are left
			{time.Minute, true},
			{0, false},
			{125 * 24 * time.Hour, true}, // 55 days are left
			{time.Minute, false},
			{300 * 24 * time.Hour, true}, // it has ended
		} {
			r.Clock.Pass(step.passes)
			before := r.leaves()
			got, err := r.enrol.Renew(t.Context(), csr)
			if err != nil || (got.Certificate != last) != step.fresh || (r.leaves() != before) != step.fresh {
				t.Fatalf("%v before the end: fresh %v, %v", until.Sub(r.Clock.Now()), got.Certificate != last, err)
			}
			last, until = got.Certificate, certificate(t, got.Certificate).NotAfter
		}
	})
}

// When the authority itself ends soon, so does every new certificate: one an hour is enough.
func TestShortCertificatesAreMadeOnceAnHour(t *testing.T) {
	r, b := open(t, dbtest.SQLite(t)), newBox()
	_, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), b.csr(t, "ctl-1"), b.box.Public())
	if err != nil {
		t.Fatal(err)
	}
	r.Clock.Pass(r.keys.CA().Certificate().NotAfter.Sub(r.Clock.Now()) - 30*24*time.Hour)
	seen := map[string]bool{}
	for range 3 * 60 / 5 {
		got, err := r.enrol.Renew(t.Context(), b.csr(t, "ctl-1"))
		if err != nil {
			t.Fatal(err)
		}
		seen[got.Certificate] = true
		r.Clock.Pass(5 * time.Minute)
	}
	if len(seen) != 3 {
		t.Fatalf("%d certificates in three hours", len(seen))
	}
}

func TestManyRequestsAtOnceMakeOneCertificate(t *testing.T) {
	r, b := open(t, dbtest.SQLite(t)), newBox()
	_, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), b.csr(t, "ctl-1"), b.box.Public())
	if err != nil {
		t.Fatal(err)
	}
	r.Clock.Pass(170 * 24 * time.Hour)
	before, csr := r.leaves(), b.csr(t, "ctl-1")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := r.enrol.Renew(t.Context(), csr); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made := r.leaves() - before; made != 1 {
		t.Fatalf("%d were made", made)
	}
}

func TestAKeyRenewsItsOwnCertificateUntilItIsRevoked(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r, b := open(t, d), newBox()
		first, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), b.csr(t, "ctl-1"), b.box.Public())
		if err != nil {
			t.Fatal(err)
		}
		r.Clock.Pass(400 * 24 * time.Hour) // long after its end: the key is the proof
		got, err := r.enrol.Renew(t.Context(), b.csr(t, "ctl-1"))
		if err != nil || !certificate(t, got.Certificate).NotAfter.After(r.Clock.Now().Add(179*24*time.Hour)) || got.CA != first.CA || len(got.CommandKeys) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		for name, c := range map[string]box{"another key": newBox(), "nobody": newBox()} {
			who := "ctl-1"
			if name == "nobody" {
				who = "ctl-9"
			}
			if _, err := r.enrol.Renew(t.Context(), c.csr(t, who)); err == nil || r.enrol.Known(t.Context(), c.csr(t, who)) {
				t.Errorf("%s got a certificate, or is known", name)
			}
		}
		if _, err := r.enrol.Renew(t.Context(), b.csr(t, "ctl-2")); err == nil {
			t.Error("a key got a certificate in another's name")
		}
		known := r.enrol.Known(t.Context(), b.csr(t, "ctl-1"))
		if err := r.Device.RevokeController(t.Context(), lifecycletest.Manager, "ctl-1", "盗難"); err != nil {
			t.Fatal(err)
		}
		if !known || r.enrol.Known(t.Context(), b.csr(t, "ctl-1")) {
			t.Fatalf("before it was revoked: known %v; or after", known)
		}
		if _, err := r.enrol.Renew(t.Context(), b.csr(t, "ctl-1")); fault.CodeOf(err) != "device.revoked" {
			t.Fatalf("after it was revoked: %v", err)
		}
		if _, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), b.csr(t, "ctl-1"), b.box.Public()); fault.CodeOf(err) != "device.key_taken" {
			t.Fatalf("the revoked key comes back: %v", err)
		}
	})
}
