package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

var now = time.Now()

func authority(t *testing.T) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA("demo", now)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// openssl is the other program that judges our certificates.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("openssl", args...).CombinedOutput()
	if err != nil {
		t.Errorf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func file(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// R103-1
func TestOpensslAcceptsADeviceCertificateAsAClientAndNothingElse(t *testing.T) {
	ca, key := authority(t), pki.NewSigningKey()
	csr, err := pki.MakeCSR(key, "ctl-1")
	if err != nil {
		t.Fatal(err)
	}
	request := file(t, "csr.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))
	if out := openssl(t, "req", "-in", request, "-verify", "-noout", "-subject"); !strings.Contains(out, "CN = ctl-1") {
		t.Errorf("the request: %s", out)
	}
	name, public, err := pki.ParseCSR(csr)
	if err != nil || name != "ctl-1" || !bytes.Equal(public, key.Public()) {
		t.Fatalf("%s, %v", name, err)
	}
	cert, err := ca.IssueDevice(name, public, now)
	if err != nil {
		t.Fatal(err)
	}
	caFile, certFile := file(t, "ca.pem", ca.PEM()), file(t, "cert.pem", pki.EncodeCertificate(cert))
	if out := openssl(t, "verify", "-CAfile", caFile, "-purpose", "sslclient", certFile); !strings.Contains(out, ": OK") {
		t.Error(out)
	}
	if out, err := exec.Command("openssl", "verify", "-CAfile", caFile, "-purpose", "sslserver", certFile).CombinedOutput(); err == nil {
		t.Errorf("good as a server too: %s", out)
	}
	if out := openssl(t, "x509", "-in", certFile, "-noout", "-text"); !strings.Contains(out, "CN = ctl-1") ||
		!strings.Contains(out, "O = demo") || !strings.Contains(out, "ED25519") || !strings.Contains(out, "TLS Web Client Authentication") {
		t.Error(out)
	}
	if left := cert.NotAfter.Sub(now); left < 179*24*time.Hour || left > 181*24*time.Hour {
		t.Errorf("good for %v", left)
	}
}

func TestOpensslFindsARevokedCertificateOnTheList(t *testing.T) {
	ca := authority(t)
	good, err := ca.IssueDevice("ctl-1", pki.NewSigningKey().Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := ca.IssueDevice("ctl-2", pki.NewSigningKey().Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	list, err := ca.CRL([]pki.Revoked{{Serial: pki.Serial(bad), At: now}}, 7, now)
	if err != nil {
		t.Fatal(err)
	}
	caFile, crl := file(t, "ca.pem", ca.PEM()), file(t, "crl.pem", list)
	openssl(t, "verify", "-CAfile", caFile, "-CRLfile", crl, "-crl_check", file(t, "good.pem", pki.EncodeCertificate(good)))
	out, err := exec.Command("openssl", "verify", "-CAfile", caFile, "-CRLfile", crl, "-crl_check", file(t, "bad.pem", pki.EncodeCertificate(bad))).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "certificate revoked") {
		t.Errorf("the revoked one: %v, %s", err, out)
	}
}

func TestAServerCertificateIsGoodForItsHosts(t *testing.T) {
	ca := authority(t)
	pair, err := ca.IssueServer([]string{"kanmon.example.jp", "192.0.2.7"}, now)
	if err != nil {
		t.Fatal(err)
	}
	chain, _, err := pki.EncodePair(pair)
	if err != nil {
		t.Fatal(err)
	}
	caFile, cert := file(t, "ca.pem", ca.PEM()), file(t, "server.pem", chain)
	openssl(t, "verify", "-CAfile", caFile, "-purpose", "sslserver", "-verify_hostname", "kanmon.example.jp", cert)
	openssl(t, "verify", "-CAfile", caFile, "-purpose", "sslserver", "-verify_ip", "192.0.2.7", cert)
	if _, err := exec.Command("openssl", "verify", "-CAfile", caFile, "-verify_hostname", "other.example.jp", cert).CombinedOutput(); err == nil {
		t.Error("good for another host")
	}
}

func TestTheAuthorityComesBackFromItsBytes(t *testing.T) {
	ca := authority(t)
	b, err := ca.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	again, err := pki.ParseCA(b)
	if err != nil || again.Pin() != ca.Pin() {
		t.Fatalf("%v", err)
	}
	cert, err := again.IssueDevice("ctl-1", pki.NewSigningKey().Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: ca.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if _, err := pki.ParseCA(b[:len(b)/2]); err == nil {
		t.Error("half of it was taken")
	}
}

func TestARequestForAnotherKindOfKeyOrWithABrokenSignatureIsRefused(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "ctl-1"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	good, err := pki.MakeCSR(pki.NewSigningKey(), "ctl-1")
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Replace(good, []byte("ctl-1"), []byte("ctl-2"), 1)
	for name, csr := range map[string][]byte{"P-256": other, "renamed": bad, "empty": nil, "huge": make([]byte, 1<<20), "cut": good[:50]} {
		if _, _, err := pki.ParseCSR(csr); err == nil || fault.KindOf(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseCSR(f *testing.F) {
	csr, err := pki.MakeCSR(pki.NewSigningKey(), "ctl-1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(csr)
	f.Fuzz(func(t *testing.T, b []byte) {
		if name, public, err := pki.ParseCSR(b); err == nil && (len(public) != 32 || len(name) > len(b)) {
			t.Errorf("%q, %x", name, public)
		}
	})
}

// The box: a secret reaches its receiver and nobody else, and only in its context.
func TestASecretSealedToABoxOpensThereAlone(t *testing.T) {
	box, other := pki.NewBoxKey(), pki.NewBoxKey()
	sealed, err := pki.SealTo(box.Public(), "hash key of ctl-1", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	back, err := pki.ParseBoxKey(box.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := back.Open("hash key of ctl-1", sealed); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another box":     func() ([]byte, error) { return other.Open("hash key of ctl-1", sealed) },
		"another context": func() ([]byte, error) { return box.Open("hash key of ctl-2", sealed) },
		"altered":         func() ([]byte, error) { b := bytes.Clone(sealed); b[40] ^= 1; return box.Open("hash key of ctl-1", b) },
		"too short":       func() ([]byte, error) { return box.Open("hash key of ctl-1", sealed[:10]) },
	} {
		if got, err := open(); err == nil {
			t.Errorf("%s: opened %q", name, got)
		}
	}
	if _, err := pki.SealTo(make([]byte, 32), "x", nil); err == nil {
		t.Error("sealed to the zero point")
	}
}
