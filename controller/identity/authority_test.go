package identity_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"log/slog"
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

// What is not on disk is not said to the centre: it would go on without a controller that forgets it at the next restart.
func TestAnAuthorityThatCouldNotBeKeptIsNotSaidToBeTrusted(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	k := keeper(r, id, new(bytes.Buffer))
	file := filepath.Join(r.Dir, "ca.pem")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block := func() { // nothing can be renamed over a folder that is not empty
		t.Helper()
		if err := errors.Join(os.Remove(file), os.MkdirAll(filepath.Join(file, "x"), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	heal := func(b []byte) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(file), os.WriteFile(file, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	ask(t, k)
	last := func() string { told := s.told(); return told[len(told)-1] }
	s.name(s.old, s.old, s.old, s.next)
	block()
	if err := k.Ask(t.Context()); err == nil || strings.Contains(last(), s.next.Pin()) {
		t.Fatalf("told %q, %v", last(), err)
	}
	heal(was)
	ask(t, k)
	loaded, err := identity.Load(r.Dir, r.Sealer)
	if err != nil || len(loaded.Authorities) != 2 || !strings.HasSuffix(last(), s.old.Pin()+" "+s.next.Pin()) {
		t.Fatalf("with the disk well again: %d authorities on it, told %q, %v", len(loaded.Authorities), last(), err)
	}
	both := pki.EncodeCertificates(loaded.Authorities)
	s.issueBy(s.next)
	s.name(s.next, s.old, s.old, s.next)
	block()
	n := len(s.told())
	if err := k.Ask(t.Context()); err == nil || k.Identity().Certificate.Equal(id.Certificate) {
		t.Errorf("a certificate that could not be kept: %v, in use: %v", err, !k.Identity().Certificate.Equal(id.Certificate))
	}
	if err := k.Ask(t.Context()); err == nil || len(s.told()) > n+1 {
		t.Errorf("the centre was told %d times more, %v", len(s.told())-n-1, err)
	}
	heal(both)
	ask(t, k)
	if loaded, err = identity.Load(r.Dir, r.Sealer); err != nil || loaded.Certificate.CheckSignatureFrom(s.next.Certificate()) != nil {
		t.Errorf("in the end: %v", err)
	}
}

// A thief of the old authority's key who adds his own while it is replaced is not got rid of by words: the old key signed his, too. It is heard, here
// and by what this controller says it trusts.
func TestAnAuthorityThatTheCentreDoesNotNameIsHeard(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	var log bytes.Buffer
	k := keeper(r, id, &log)
	thief, err := s.old.Successor(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.name(s.old, s.old, s.old, s.next, thief)
	ask(t, k)
	log.Reset()
	s.name(s.old, s.old, s.old, s.next)
	ask(t, k)
	told := s.told()
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), thief.Pin()) || !strings.Contains(told[len(told)-1], thief.Pin()) {
		t.Errorf("told %q, heard %s", told[len(told)-1], log.String())
	}
}

// Who missed two changes, and reaches the centre all the same by HTTPS of another authority, ends with the present authority alone.
func TestWhoMissedTwoChangesTrustsThePresentAuthorityAlone(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	k := keeper(r, id, new(bytes.Buffer))
	third, err := s.next.Successor(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair := s.pair // for HTTPS by another authority, which this machine trusts
	if err := os.WriteFile(filepath.Join(r.Dir, "web-ca.pem"), s.old.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.issueBy(third)
	s.mu.Lock()
	s.pair = pair
	s.mu.Unlock()
	var words []pki.Announcement
	for i, ca := range []*pki.CA{s.old, s.next} {
		w, err := ca.Announce([]*x509.Certificate{[]*pki.CA{s.next, third}[i].Certificate()})
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, w)
	}
	s.set(0, func(a map[string]any) {
		a["authorities"], a["announced_authorities"], a["issuer"] = words[1].Keys, words, third.Pin()
	})
	ask(t, k)
	loaded, err := identity.Load(r.Dir, r.Sealer)
	if err != nil || len(loaded.Authorities) != 1 || !loaded.Authorities[0].Equal(third.Certificate()) || loaded.Certificate.CheckSignatureFrom(third.Certificate()) != nil {
		t.Errorf("trusts %d authorities, %v", len(loaded.Authorities), err)
	}
}

// The name of the authority that issues certificates comes over HTTPS alone: who lies about it gains no endless renewals, and an earlier certificate
// that is shown again is not taken.
func TestALieAboutWhoIssuesCertificatesChangesNothing(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	k := keeper(r, id, new(bytes.Buffer))
	s.name(s.next, s.old, s.old, s.next) // nobody issues by it yet
	n := len(s.asked())
	if err := k.Ask(t.Context()); fault.CodeOf(err) != "identity.issuer" || len(s.asked()) != n+1 {
		t.Errorf("%d renewals, %v", len(s.asked())-n, err)
	}
	s.issueBy(s.next)
	ask(t, k)
	present := k.Identity().Certificate
	s.name(s.old, s.old, s.old, s.next)
	answer := s.spoil
	s.set(0, func(a map[string]any) {
		answer(a)
		if _, there := a["certificate"]; there {
			a["certificate"] = string(pki.EncodeCertificate(id.Certificate))
		}
	})
	if err := k.Ask(t.Context()); fault.CodeOf(err) != "identity.older" || !k.Identity().Certificate.Equal(present) {
		t.Errorf("an earlier certificate: %v", err)
	}
}

// A connection that stands on an authority which is trusted no more has to end; while one is added none has to.
func TestAConnectionEndsWithTheTrustItStandsOn(t *testing.T) {
	s := newSuccession(t)
	r, id := enrolled(t, s.centre)
	ended := 0
	k := identity.NewKeeper(identity.KeeperConfig{
		Dir: r.Dir, Identity: id, Warn: func(int) {}, Distrusted: func() { ended++ }, Log: slog.New(slog.DiscardHandler),
	})
	s.name(s.old, s.old, s.old, s.next)
	ask(t, k)
	s.issueBy(s.next)
	s.name(s.next, s.old, s.old, s.next)
	ask(t, k)
	if ended != 0 {
		t.Errorf("ended %d connections too early", ended)
	}
	s.name(s.next, s.old, s.next)
	ask(t, k)
	if ended != 1 {
		t.Errorf("ended %d connections", ended)
	}
}
