package pki_test

import (
	"crypto/ed25519"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

type keyList = []ed25519.PublicKey

func sameKeys(a, b keyList) bool {
	return slices.EqualFunc(a, b, func(x, y ed25519.PublicKey) bool { return x.Equal(y) })
}

func TestKeysAreTakenOnTheWordOfAKnownKeyOnly(t *testing.T) {
	old, next, thief := pki.NewSigningKey(), pki.NewSigningKey(), pki.NewSigningKey()
	known, keys := keyList{old.Public()}, keyList{old.Public(), next.Public()}
	good := pki.Announce("demo", keys, old)
	if got := pki.FollowKeys("demo", known, []pki.Announcement{good}); !sameKeys(got, keys) {
		t.Errorf("the known key's word: %d keys", len(got))
	}
	changed := func(change func(*pki.Announcement)) pki.Announcement {
		a := good
		a.Keys = slices.Clone(good.Keys)
		change(&a)
		return a
	}
	for name, bad := range map[string]pki.Announcement{
		"by a stranger":          pki.Announce("demo", keys, thief),
		"by a stranger as known": changed(func(a *pki.Announcement) { a.Sig = thief.Sign([]byte("x")) }),
		"for another site":       pki.Announce("other", keys, old),
		"with one key more":      changed(func(a *pki.Announcement) { a.Keys = append(a.Keys, thief.Public()) }),
		"with another key":       changed(func(a *pki.Announcement) { a.Keys[1] = thief.Public() }),
		"a short key":            pki.Announce("demo", keyList{old.Public(), next.Public()[:31]}, old),
		"an empty list":          pki.Announce("demo", nil, old),
		"an endless list":        pki.Announce("demo", slices.Repeat(keys, 5), old),
		"empty":                  {},
	} {
		if got := pki.FollowKeys("demo", known, []pki.Announcement{bad}); !sameKeys(got, known) {
			t.Errorf("%s was taken", name)
		}
	}
}

// An old announcement, shown again, never takes away a key that came later, and never brings back one that was retired.
func TestOldAnnouncementsDoNotTurnTheClockBack(t *testing.T) {
	a, b, c := pki.NewSigningKey(), pki.NewSigningKey(), pki.NewSigningKey()
	one, two, three := a.Public(), b.Public(), c.Public()
	for name, tt := range map[string]struct {
		known keyList
		word  pki.Announcement
		want  keyList
	}{
		"while it is replaced":  {keyList{one, two}, pki.Announce("demo", keyList{one}, a), keyList{one, two}},
		"after it was retired":  {keyList{two}, pki.Announce("demo", keyList{one, two}, a), keyList{two}},
		"the farewell, again":   {keyList{two, three}, pki.Announce("demo", keyList{two}, a), keyList{two, three}},
		"the farewell, in time": {keyList{one, two}, pki.Announce("demo", keyList{two}, a), keyList{two}},
	} {
		if got := pki.FollowKeys("demo", tt.known, []pki.Announcement{tt.word}); !sameKeys(got, tt.want) {
			t.Errorf("%s: %d keys", name, len(got))
		}
	}
}

// Whoever was away, for however many changes, and hears all words in their order, believes what the others do. The model is the list itself.
func TestWhoWasAwayCatchesUp(t *testing.T) {
	pool := make([]pki.SigningKey, 6)
	for i := range pool {
		pool[i] = pki.NewSigningKey()
	}
	rapid.Check(t, func(t *rapid.T) {
		changes := rapid.IntRange(1, 5).Draw(t, "changes")
		var words []pki.Announcement
		lists := []keyList{{pool[0].Public()}}
		for i := range changes {
			both := keyList{pool[i].Public(), pool[i+1].Public()}
			words = append(words, pki.Announce("demo", both, pool[i]), pki.Announce("demo", both[1:], pool[i]))
			lists = append(lists, both, both[1:])
		}
		from := rapid.IntRange(0, len(lists)-1).Draw(t, "from")
		if got := pki.FollowKeys("demo", lists[from], words); !sameKeys(got, lists[len(lists)-1]) {
			t.Fatalf("from %d of %d: %d keys", from, len(lists), len(got))
		}
	})
}

func TestWhatAControllerKnowsIsSaidByItself(t *testing.T) {
	me, other := pki.NewSigningKey(), pki.NewSigningKey()
	said := pki.Known{Site: "demo", Controller: "ctl-1", CommandKeys: []string{"aa", "bb"}, Authorities: []string{"cc"}, Issuer: "cc", HashKeys: []string{"dd"}, Challenge: "ff"}
	sig := said.Sign(me)
	if err := said.Verify(me.Public(), sig); err != nil {
		t.Error(err)
	}
	for i, change := range []func(*pki.Known){
		func(k *pki.Known) { k.Site = "other" }, func(k *pki.Known) { k.Controller = "ctl-2" },
		func(k *pki.Known) { k.CommandKeys = []string{"aa"} }, func(k *pki.Known) { k.Authorities = nil },
		func(k *pki.Known) { k.CommandKeys, k.Authorities = []string{"aa"}, []string{"bb", "cc"} },
		func(k *pki.Known) { k.Issuer = "ee" }, func(k *pki.Known) { k.HashKeys = []string{"dd", "ee"} },
		func(k *pki.Known) { k.Challenge = "" },
	} {
		bad := said
		change(&bad)
		if fault.KindOf(bad.Verify(me.Public(), sig)) != fault.Denied {
			t.Errorf("changed in the way %d", i)
		}
	}
	if said.Verify(other.Public(), sig) == nil || said.Verify(nil, sig) == nil {
		t.Error("another key's word, or nobody's")
	}
}
