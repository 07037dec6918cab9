package enrol_test

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"kanmon/api/enrol"
	"kanmon/api/sitekey"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
)

// R47-1: a controller hears of a new command key, says so with its own key, and only its own word counts.
func TestAControllerHearsOfANewCommandKeyAndConfirmsIt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		box := newBox()
		key := box.key
		first, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), box.csr(t, "ctl-1"), box.box.Public())
		if err != nil {
			t.Fatal(err)
		}
		r.believed("ctl-1:")
		knows, challenge := []ed25519.PublicKey{first.CommandKeys[0]}, ""
		say := func(by pki.SigningKey) []ed25519.PublicKey {
			t.Helper()
			said := pki.Known{Site: "demo", Controller: "ctl-1", Authorities: []string{"pin"}, Challenge: challenge}
			for _, k := range knows {
				said.CommandKeys = append(said.CommandKeys, pki.KeyID(k))
			}
			got, err := r.enrol.Keys(t.Context(), said, said.Sign(by))
			if by.KeyID() != key.KeyID() {
				if fault.KindOf(err) != fault.Denied {
					t.Fatalf("by another key: %v", err)
				}
				return nil
			}
			if err != nil || got.Heard != (challenge != "") || got.Challenge == challenge {
				t.Fatalf("heard %v with the challenge %q, %v", got.Heard, challenge, err)
			}
			challenge = got.Challenge
			return pki.FollowKeys("demo", knows, got.Announced)
		}
		say(key)
		r.believed("ctl-1:") // it has met no challenge
		if next := say(key); !slices.EqualFunc(next, knows, func(a, b ed25519.PublicKey) bool { return a.Equal(b) }) {
			t.Fatalf("nothing was announced, and it knows %d keys", len(next))
		}
		act := sitekey.Act{At: r.Clock.Now(), By: "root", Reason: "yearly"}
		if err := r.keys.CommandRotation().Take(sitekey.Announce, act); err != nil {
			t.Fatal(err)
		}
		knows = say(key)
		announced, _ := r.keys.CommandRotation().Announced()
		if len(knows) != 2 || pki.KeyID(knows[1]) != announced {
			t.Fatalf("it knows %d keys", len(knows))
		}
		say(pki.NewSigningKey())
		r.believed("ctl-1:" + pki.KeyID(knows[0])) // it has not said that it took the new one
		say(key)
		r.believed("ctl-1:" + pki.KeyID(knows[0]) + "," + announced)
		if err := r.keys.CommandRotation().Take(sitekey.Use, act); err != nil {
			t.Fatal(err)
		}
		if err := r.keys.CommandRotation().Take(sitekey.Retire, act); err != nil {
			t.Fatal(err)
		}
		if knows = say(key); len(knows) != 1 || pki.KeyID(knows[0]) != announced || r.keys.Command().KeyID() != announced {
			t.Fatalf("in the end it knows %d keys", len(knows))
		}
		if _, err := r.enrol.Keys(t.Context(), pki.Known{Controller: "ctl-2"}, nil); fault.KindOf(err) != fault.Denied {
			t.Errorf("one that is not enrolled: %v", err)
		}
		if _, err := r.enrol.Keys(t.Context(), pki.Known{Controller: "ctl-9"}, nil); fault.KindOf(err) != fault.NotFound {
			t.Errorf("one that nobody knows: %v", err)
		}
	})
}

// believed wants what the enrolled controllers have said.
func (r *rig) believed(want string) {
	r.t.Helper()
	all, err := r.Device.Believed(r.t.Context(), store.System("test"))
	if err != nil || len(all) != 1 || all[0].Controller+":"+strings.Join(all[0].CommandKeys, ",") != want {
		r.t.Fatalf("believed %+v, %v, want %q", all, err, want)
	}
}

// R47-1: what a controller said once is not counted again: who shows its older words, and has since given it a key of his own, does not hide that.
func TestWhatAControllerSaidBeforeIsNotHeardAgain(t *testing.T) {
	r, box := open(t, dbtest.SQLite(t)), newBox()
	if _, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), box.csr(t, "ctl-1"), box.box.Public()); err != nil {
		t.Fatal(err)
	}
	say := func(challenge string, keys ...string) (enrol.Keys, pki.Known, []byte) {
		t.Helper()
		said := pki.Known{Site: "demo", Controller: "ctl-1", CommandKeys: keys, Challenge: challenge}
		sig := said.Sign(box.key)
		got, err := r.enrol.Keys(t.Context(), said, sig)
		if err != nil {
			t.Fatal(err)
		}
		return got, said, sig
	}
	first, _, _ := say("")
	second, older, sig := say(first.Challenge, "site")
	if !second.Heard {
		t.Fatal("its challenge was met, and it is not heard")
	}
	if got, _, _ := say(second.Challenge, "site", "thief"); !got.Heard {
		t.Fatal("not heard")
	}
	for range 2 {
		if got, err := r.enrol.Keys(t.Context(), older, sig); err != nil || got.Heard {
			t.Errorf("heard again: %v, %v", got.Heard, err)
		}
	}
	r.believed("ctl-1:site,thief")
}
