package enrol_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"kanmon/api/sitekey"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/lifecycletest"
)

// R47-1: once a new authority issues certificates, a controller gets one by it however fresh the one it has; the answers say whom to trust, and
// what it says it has is what the operator is told.
func TestAControllerGetsACertificateByTheAuthorityThatIssuesNow(t *testing.T) {
	r := open(t, dbtest.SQLite(t))
	box := newBox()
	csr := box.csr(t, "ctl-1")
	first, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), csr, box.box.Public())
	if err != nil {
		t.Fatal(err)
	}
	old := certificate(t, first.CA)
	act := sitekey.Act{At: r.Clock.Now(), By: "root", Reason: "yearly"}
	if err := r.keys.AuthorityRotation().Take(sitekey.Announce, act); err != nil {
		t.Fatal(err)
	}
	got, err := r.enrol.Renew(t.Context(), csr)
	if err != nil || got.Certificate != first.Certificate || got.Issuer != pki.Pin(old) || len(got.Authorities) != 2 {
		t.Fatalf("announced: %d authorities, %v", len(got.Authorities), err)
	}
	trusts := pki.FollowAuthorities("demo", []*x509.Certificate{old}, got.AnnouncedAuthorities)
	if err := r.keys.AuthorityRotation().Take(sitekey.Use, act); err != nil {
		t.Fatal(err)
	}
	if got, err = r.enrol.Renew(t.Context(), csr); err != nil {
		t.Fatal(err)
	}
	now := certificate(t, got.Certificate)
	if len(trusts) != 2 || pki.Issuer(now, trusts) != trusts[1] || got.Issuer != pki.Pin(trusts[1]) {
		t.Errorf("in use: %d trusted, by %v", len(trusts), now.Issuer)
	}
	if again, err := r.enrol.Renew(t.Context(), csr); err != nil || again.Certificate != got.Certificate {
		t.Errorf("asked once more: another certificate, %v", err)
	}
	said := pki.Known{Site: "demo", Controller: "ctl-1", CommandKeys: []string{"k"}, Authorities: []string{"old", "new"}, Issuer: "new", HashKeys: []string{"h"}}
	for range 2 { // the first answer has the challenge
		answer, err := r.enrol.Keys(t.Context(), said, said.Sign(box.key))
		if err != nil {
			t.Fatal(err)
		}
		said.Challenge = answer.Challenge
	}
	all, err := r.Device.Believed(t.Context(), store.System("test"))
	if err != nil || len(all) != 1 || strings.Join(all[0].Authorities, ",") != "old,new" || all[0].Issuer != "new" || !slices.Equal(all[0].HashKeys, said.HashKeys) {
		t.Errorf("heard %+v, %v", all, err)
	}
	stale := pki.NewToken(pki.Pin(old))
	if _, err := r.enrol.Enrol(t.Context(), "ctl-1", stale.Reveal(), newBox().csr(t, "ctl-1"), box.box.Public()); fault.CodeOf(err) != "enrol.pin" {
		t.Errorf("a token from before the change: %v", err)
	}
	token, _, err := r.enrol.Token(t.Context(), lifecycletest.Manager, "ctl-1")
	if err != nil || token.Pin() != got.Issuer {
		t.Errorf("a token of today pins %s, %v", token.Pin(), err)
	}
}
