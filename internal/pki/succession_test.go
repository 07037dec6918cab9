package pki_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

type certificates = []*x509.Certificate

func sameCertificates(a, b certificates) bool {
	return slices.EqualFunc(a, b, (*x509.Certificate).Equal)
}

func newCA(t testing.TB, site string) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA(site, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func successor(t testing.TB, ca *pki.CA, now time.Time) *pki.CA {
	t.Helper()
	next, err := ca.Successor(now)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func word(t testing.TB, by *pki.CA, list ...*x509.Certificate) pki.Announcement {
	t.Helper()
	a, err := by.Announce(list)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// R47-1: an authority is taken on the word of one that is known, for its own site, and on nobody else's.
func TestAuthoritiesAreTakenOnTheWordOfAKnownOneOnly(t *testing.T) {
	old, thief, elsewhere := newCA(t, "demo"), newCA(t, "demo"), newCA(t, "other")
	next := successor(t, old, time.Now())
	known, both := certificates{old.Certificate()}, certificates{old.Certificate(), next.Certificate()}
	good := word(t, old, both...)
	if got := pki.FollowAuthorities("demo", known, []pki.Announcement{good}); !sameCertificates(got, both) {
		t.Errorf("the known one's word: %d authorities", len(got))
	}
	leaf, err := next.IssueDevice("ctl-1", pki.NewSigningKey().Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*pki.Announcement)) pki.Announcement {
		a := good
		a.Keys = slices.Clone(good.Keys)
		change(&a)
		return a
	}
	for name, bad := range map[string]pki.Announcement{
		"by a stranger":          word(t, thief, both...),
		"by a stranger as known": changed(func(a *pki.Announcement) { a.Sig = word(t, thief, both...).Sig }),
		"with one more":          changed(func(a *pki.Announcement) { a.Keys = append(a.Keys, thief.Certificate().Raw) }),
		"with another":           changed(func(a *pki.Announcement) { a.Keys[1] = thief.Certificate().Raw }),
		"another site's":         word(t, old, old.Certificate(), elsewhere.Certificate()),
		"no authority":           word(t, old, old.Certificate(), leaf),
		"an empty list":          word(t, old),
		"an endless list":        word(t, old, slices.Repeat(both, 5)...),
		"no certificate":         changed(func(a *pki.Announcement) { a.Keys[1] = []byte("x") }),
		"empty":                  {},
	} {
		if got := pki.FollowAuthorities("demo", known, []pki.Announcement{bad}); !sameCertificates(got, known) {
			t.Errorf("%s was taken", name)
		}
	}
}

// What an authority signs of one kind is no word of another kind: neither its introductions nor its announcements.
func TestAnAuthoritysWordsAreNotTakenForEachOther(t *testing.T) {
	old := newCA(t, "demo")
	both := certificates{old.Certificate(), successor(t, old, time.Now()).Certificate()}
	key := pki.NewSigningKey().Public()
	sig, err := old.Introduce(pki.Introduction{Site: "demo", Controller: key})
	if err != nil {
		t.Fatal(err)
	}
	a := word(t, old, both...)
	a.Sig = sig
	if got := pki.FollowAuthorities("demo", both[:1], []pki.Announcement{a}); len(got) != 1 {
		t.Error("an introduction is taken for an announcement")
	}
	told := pki.Introduction{Site: "demo", Controller: key}
	if told.Verify(old.Certificate(), word(t, old, both...).Sig) == nil {
		t.Error("an announcement is taken for an introduction")
	}
}

// Whoever was away, for however many changes, and hears all words in their order, trusts what the others do. The model is the list itself.
func TestWhoWasAwayCatchesUpWithAuthorities(t *testing.T) {
	pool := []*pki.CA{newCA(t, "demo")}
	for range 4 {
		pool = append(pool, successor(t, pool[len(pool)-1], time.Now()))
	}
	rapid.Check(t, func(rt *rapid.T) {
		var words []pki.Announcement
		lists := []certificates{{pool[0].Certificate()}}
		for i := range rapid.IntRange(1, 4).Draw(rt, "changes") {
			both := certificates{pool[i].Certificate(), pool[i+1].Certificate()}
			words = append(words, word(t, pool[i], both...), word(t, pool[i], both[1:]...))
			lists = append(lists, both, both[1:])
		}
		from := rapid.IntRange(0, len(lists)-1).Draw(rt, "from")
		if got := pki.FollowAuthorities("demo", lists[from], words); !sameCertificates(got, lists[len(lists)-1]) {
			rt.Fatalf("from %d of %d: %d authorities", from, len(lists), len(got))
		}
	})
}

// A certificate of either authority is good while both are trusted, and a machine whose clock stands where the old one began believes the new one.
func TestBothAuthoritiesAreBelievedWhileOneReplacesTheOther(t *testing.T) {
	begin := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	old, err := pki.NewCA("demo", begin)
	if err != nil {
		t.Fatal(err)
	}
	later := begin.AddDate(5, 0, 0)
	next := successor(t, old, later)
	if next.Certificate().Subject.String() == old.Certificate().Subject.String() {
		t.Error("both have one name: programs find issuers by their names")
	}
	pool := pki.Pool(old.Certificate(), next.Certificate())
	for name, ca := range map[string]*pki.CA{"old": old, "next": next} {
		pair, err := ca.IssueServer([]string{"centre.example.jp"}, later)
		if err != nil {
			t.Fatal(err)
		}
		for when, at := range map[string]time.Time{"now": later, "by a clock a year behind": later.AddDate(-1, 0, 0)} {
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: "centre.example.jp", CurrentTime: at}); err != nil {
				t.Errorf("%s, %s: %v", name, when, err)
			}
		}
		if pki.Issuer(pair.Leaf, certificates{next.Certificate(), old.Certificate()}) != ca.Certificate() {
			t.Errorf("%s: another issuer", name)
		}
	}
}

func TestAFileOfAuthoritiesIsReadWholeOrNotAtAll(t *testing.T) {
	old := newCA(t, "demo")
	list := certificates{old.Certificate(), successor(t, old, time.Now()).Certificate()}
	b := pki.EncodeCertificates(list)
	if got, err := pki.ParseCertificates(b); err != nil || !sameCertificates(got, list) {
		t.Errorf("%d, %v", len(got), err)
	}
	for name, bad := range map[string][]byte{
		"empty": {}, "cut": b[:len(b)-100], "something behind": append(slices.Clone(b), "x"...), "a key": append(slices.Clone(b), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"...),
	} {
		if got, err := pki.ParseCertificates(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %d, %v", name, len(got), err)
		}
	}
}
