package identity_test

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/controller/identity"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// succession is a centre that replaces its authority.
type succession struct {
	*centre
	t         *testing.T
	old, next *pki.CA
}

func newSuccession(t *testing.T) *succession {
	t.Helper()
	c := startCentre(t)
	next, err := c.ca.Successor(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &succession{c, t, c.ca, next}
}

// name has the centre name authorities in its answers, on one's word, and say who issues certificates.
func (s *succession) name(issuer, by *pki.CA, list ...*pki.CA) {
	s.t.Helper()
	certificates := make([]*x509.Certificate, len(list))
	for i, ca := range list {
		certificates[i] = ca.Certificate()
	}
	word, err := by.Announce(certificates)
	if err != nil {
		s.t.Fatal(err)
	}
	s.set(0, func(a map[string]any) {
		a["authorities"], a["announced_authorities"], a["issuer"] = word.Keys, []pki.Announcement{word}, issuer.Pin()
	})
}

// issueBy has everything issued by another authority.
func (s *succession) issueBy(ca *pki.CA) {
	s.t.Helper()
	pair, err := ca.IssueServer([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ca, s.pair = ca, pair
}

func ask(t *testing.T, k *identity.Keeper) {
	t.Helper()
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// R47-1: a controller trusts an authority that a known one announces, gets a certificate by it as soon as it issues them, tells the centre so, and
// drops the one before; all of it stands after a restart.
func TestAControllerFollowsTheCentreToANewAuthority(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	k := keeper(r, id, new(bytes.Buffer))
	stands := func(step string, issuer *pki.CA, trusted ...*pki.CA) {
		t.Helper()
		loaded, err := identity.Load(r.Dir, r.Sealer)
		if err != nil {
			t.Fatalf("%s: after a restart: %v", step, err)
		}
		for name, got := range map[string]identity.Identity{"running": k.Identity(), "after a restart": loaded} {
			if !slices.EqualFunc(got.Authorities, trusted, func(c *x509.Certificate, ca *pki.CA) bool { return c.Equal(ca.Certificate()) }) {
				t.Errorf("%s, %s: trusts %d authorities, want %d", step, name, len(got.Authorities), len(trusted))
			}
			if got.Certificate.CheckSignatureFrom(issuer.Certificate()) != nil {
				t.Errorf("%s, %s: the certificate is another's", step, name)
			}
		}
		told := s.told()
		var pins []string
		for _, ca := range trusted {
			pins = append(pins, ca.Pin())
		}
		if last := told[len(told)-1]; !strings.HasSuffix(last, "; "+strings.Join(pins, " ")) {
			t.Errorf("%s: the centre was last told %q", step, last)
		}
	}
	s.name(s.old, s.old, s.old, s.next)
	ask(t, k)
	stands("announced", s.old, s.old, s.next)

	s.issueBy(s.next)
	s.name(s.next, s.old, s.old, s.next)
	ask(t, k)
	stands("in use", s.next, s.old, s.next)
	renewals := len(s.asked())
	ask(t, k)
	if n := len(s.asked()); n != renewals {
		t.Errorf("asked for %d certificates more, with one by the right authority", n-renewals)
	}

	s.name(s.next, s.old, s.next)
	ask(t, k)
	stands("retired", s.next, s.next)
	s.issueBy(s.old)
	if err := k.Ask(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("who has the retired authority's key is believed to be the centre: %v", err)
	}
}

func TestAnAuthorityThatNobodyKnownAnnouncesIsNotTrusted(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	thief, err := pki.NewCA("demo", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	k := keeper(r, id, &log)
	s.name(thief, thief, s.old, thief)
	ask(t, k)
	if got := k.Identity(); len(got.Authorities) != 1 || !got.Certificate.Equal(id.Certificate) || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("trusts %d authorities, %s", len(got.Authorities), log.String())
	}
}

// Who enrols while the one before leaves needs to trust the new one alone, and that is no alarm.
func TestWhoEnrolsDuringAChangeTrustsTheNewAuthorityAlone(t *testing.T) {
	s := newSuccession(t)
	s.issueBy(s.next)
	s.token = pki.NewToken(s.next.Pin())
	s.name(s.next, s.old, s.old, s.next)
	r, id := enrolled(t, s.centre)
	var log bytes.Buffer
	k := keeper(r, id, &log)
	ask(t, k)
	if got := k.Identity(); len(got.Authorities) != 1 || !got.Authorities[0].Equal(s.next.Certificate()) || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("trusts %d authorities, %s", len(got.Authorities), log.String())
	}
}

// A step that was forced: the authority of the own certificate is retired before there is another. It stays until there is, since nothing on the
// disk could be proved without it.
func TestTheOwnCertificatesAuthorityStaysUntilThereIsAnotherCertificate(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	k := keeper(r, id, new(bytes.Buffer))
	s.name(s.old, s.old, s.old, s.next)
	ask(t, k)
	s.name(s.old, s.old, s.next) // nobody issues by the new one yet
	ask(t, k)
	if loaded, err := identity.Load(r.Dir, r.Sealer); err != nil || len(loaded.Authorities) != 2 {
		t.Fatalf("after a restart: %d authorities, %v", len(loaded.Authorities), err)
	}
	s.issueBy(s.next)
	s.name(s.next, s.old, s.next)
	ask(t, k)
	loaded, err := identity.Load(r.Dir, r.Sealer)
	if err != nil || len(loaded.Authorities) != 1 || loaded.Certificate.CheckSignatureFrom(s.next.Certificate()) != nil {
		t.Errorf("with the new certificate: %d authorities, %v", len(loaded.Authorities), err)
	}
}

// Whichever files of a change reached the disk before the power went, the identity is whole.
func TestAPowerCutWhileTheAuthorityChangesLeavesAnIdentity(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	k := keeper(r, id, new(bytes.Buffer))
	read := func() map[string][]byte {
		t.Helper()
		files := map[string][]byte{}
		for _, name := range order {
			b, err := os.ReadFile(filepath.Join(r.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files[name] = b
		}
		return files
	}
	states := []map[string][]byte{read()}
	s.name(s.old, s.old, s.old, s.next)
	ask(t, k)
	states = append(states, read())
	s.issueBy(s.next)
	s.name(s.next, s.old, s.old, s.next)
	ask(t, k)
	states = append(states, read())
	s.name(s.next, s.old, s.next)
	ask(t, k)
	states = append(states, read())
	for i := range len(states) - 1 {
		for n := range len(order) + 1 {
			for j, name := range order { // the first n files are the new ones
				b := states[i][name]
				if j < n {
					b = states[i+1][name]
				}
				if err := os.WriteFile(filepath.Join(r.Dir, name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := identity.Load(r.Dir, r.Sealer); err != nil {
				t.Errorf("between %d and %d, %d files written: %v", i, i+1, n, err)
			}
		}
	}
}
