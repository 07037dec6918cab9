package sitekey_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
)

// R47-1: a new authority is trusted besides the present one, then issues certificates, the centre's own among them, and then the one before is
// trusted no more and its key is gone.
func TestAnAuthorityIsReplacedInThreeSteps(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	first := open(t, cfg)
	old, oldServer := first.CA(), first.Server().Leaf
	secret, err := old.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	trusts := []*x509.Certificate{old.Certificate()}
	hears := func(k *sitekey.Keys) []*x509.Certificate {
		_, words := k.Authorities()
		return pki.FollowAuthorities("demo", trusts, words)
	}
	same := func(a, b []*x509.Certificate) bool { return slices.EqualFunc(a, b, (*x509.Certificate).Equal) }

	k := stepped(t, cfg, authority(sitekey.Announce))
	both, _ := k.Authorities()
	if k.CA().Pin() != old.Pin() || len(both) != 2 || !both[0].Equal(old.Certificate()) || !same(hears(k), both) || !k.Server().Leaf.Equal(oldServer) {
		t.Fatalf("announced: %d authorities", len(both))
	}
	next := both[1]
	if pin, ok := k.AuthorityRotation().Announced(); !ok || pin != pki.Pin(next) {
		t.Errorf("announced %s, %v", pin, ok)
	}

	k = stepped(t, cfg, authority(sitekey.Use))
	centre, err := k.Centre()
	if err != nil {
		t.Fatal(err)
	}
	mosquitto, _, err := k.Issued("mosquitto", []string{"broker.example.jp"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*x509.Certificate{"server": k.Server().Leaf, "centre": centre.Leaf, "mosquitto": firstOf(t, mosquitto)} {
		if pki.Issuer(c, both) != both[1] {
			t.Errorf("%s is not by the new authority", name)
		}
	}
	if list, _ := k.Authorities(); !k.CA().Certificate().Equal(next) || !same(list, both) || !same(hears(k), both) {
		t.Errorf("in use: %d authorities", len(list))
	}
	if pin, ok := k.AuthorityRotation().Leaving(); !ok || pin != old.Pin() {
		t.Errorf("leaving %s, %v", pin, ok)
	}

	k = stepped(t, cfg, authority(sitekey.Retire))
	if list, _ := k.Authorities(); !same(list, both[1:]) || !same(hears(k), both[1:]) {
		t.Errorf("who knew the old one alone trusts %d of %d", len(hears(k)), len(list))
	}
	if text := plain(t, cfg, "device-ca"); strings.Contains(text, b64(secret)) || !strings.Contains(text, b64(old.Certificate().Raw)) {
		t.Error("the retired key is still there, or its certificate is not")
	}
	if bytes.Count(k.TrustedPEM(), []byte("BEGIN CERTIFICATE")) != 1 {
		t.Error("who imports what is trusted imports the old one too")
	}
}

func firstOf(t *testing.T, chain []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(chain)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A broker that checks revocation lists refuses everybody whose authority has none.
func TestEveryTrustedAuthorityHasARevocationList(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	open(t, cfg)
	k := stepped(t, cfg, authority(sitekey.Announce))
	b, err := k.CRLs([]pki.Revoked{{Serial: "2a", At: time.Now()}}, 7, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	list, _ := k.Authorities()
	for i, ca := range list {
		block, rest := pem.Decode(b)
		if block == nil {
			t.Fatalf("%d lists", i)
		}
		crl, err := x509.ParseRevocationList(block.Bytes)
		if err != nil || crl.CheckSignatureFrom(ca) != nil || len(crl.RevokedCertificateEntries) != 1 {
			t.Errorf("list %d: %v", i, err)
		}
		b = rest
	}
}

func TestStepsOfAnAuthorityOutOfTurnChangeNothing(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	k := open(t, cfg)
	refused := func(name string, s sitekey.Step) {
		t.Helper()
		before := plain(t, cfg, "device-ca")
		if err := k.AuthorityRotation().Take(s, act("x")); fault.CodeOf(err) != "sitekey.step" {
			t.Errorf("%s: %v", name, err)
		}
		if plain(t, cfg, "device-ca") != before {
			t.Errorf("%s changed the file", name)
		}
	}
	refused("use", sitekey.Use)
	refused("retire", sitekey.Retire)
	if err := k.AuthorityRotation().Take(sitekey.Announce, act("x")); err != nil {
		t.Fatal(err)
	}
	refused("a second announcement", sitekey.Announce)
	refused("retire before use", sitekey.Retire)
	if err := k.AuthorityRotation().Take(sitekey.Use, act("x")); err != nil {
		t.Fatal(err)
	}
	refused("a change during a change", sitekey.Announce)
}

// R47-1: the register says who changed the authority, when and why.
func TestTheRegisterTellsOfANewAuthority(t *testing.T) {
	record, cfg := recorder(t), config(t.TempDir(), nil)
	old := record(open(t, cfg))[key.DeviceCA].Fingerprint
	got := record(stepped(t, cfg, authority(sitekey.Announce)))
	next := got[key.DeviceCANext].Fingerprint
	if got[key.DeviceCA].Fingerprint != old || next == "" || next == old || got[key.DeviceCANext].Reason != "年次の交換 (山田)" {
		t.Errorf("announced: %+v", got)
	}
	got = record(stepped(t, cfg, authority(sitekey.Use)))
	if got[key.DeviceCA].Fingerprint != next || got[key.DeviceCANext].State != key.Retired || got[key.DeviceCABefore].Fingerprint != old ||
		got[key.DeviceCABefore].State != key.Active {
		t.Errorf("in use: %+v", got)
	}
	got = record(stepped(t, cfg, authority(sitekey.Retire)))
	if got[key.DeviceCABefore].State != key.Retired || got[key.DeviceCA].Fingerprint != next {
		t.Errorf("retired: %+v", got)
	}
}
