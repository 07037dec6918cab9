package revocation_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// hashedAgain is what a further layer makes of a form in these tests.
func hashedAgain(form access.Key) access.Key {
	return sha256.Sum256(append([]byte("again "), form[:]...))
}

func twoForms(first access.Key) []access.Key { return []access.Key{hashedAgain(first), first} }

// set is the whole set, as doors have it.
func set(t *testing.T, city *lifecycletest.City) (all []access.Revocation) {
	t.Helper()
	err := city.Store.Read(t.Context(), func(q store.Queryer) (err error) {
		all, err = revocation.Set(t.Context(), q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func stateOf(t *testing.T, city *lifecycletest.City, id string) card.State {
	t.Helper()
	c, err := city.Card.Get(t.Context(), lifecycletest.Guard, id)
	if err != nil {
		t.Fatal(err)
	}
	return c.State
}

// R47-1, R75-3: an entry is made in the newest form in use and keeps it; a later one in another form counts for the same card.
func TestEntriesAreMadeInTheNewestFormAndKeepIt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		first := lifecycletest.Key("1001")
		suspends(t, city, ids["K-1"])
		city.Hash = twoForms
		old := access.Revocation{Version: access.Version{Epoch: 1, N: 1}, Key: first, Card: ids["K-1"], State: access.Suspended}
		if got := set(t, city); !slices.Equal(got, []access.Revocation{old}) {
			t.Fatalf("the set %v", got)
		}
		for _, step := range []struct {
			turn func(*testing.T, *lifecycletest.City, string)
			want access.CredentialState
		}{{lifts, access.Active}, {suspends, access.Suspended}, {revokes, access.Revoked}} {
			step.turn(t, city, ids["K-1"])
			got := set(t, city)
			if len(got) != 2 || got[0] != old || got[1].Key != hashedAgain(first) || got[1].State != step.want {
				t.Fatalf("the set %v", got)
			}
			err := city.Store.Read(t.Context(), func(q store.Queryer) error {
				entry, found, err := revocation.InForce(t.Context(), q, twoForms(first))
				if !found || entry.State != step.want {
					t.Errorf("in force %v, want %s", entry, step.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		verified(t, city)
	})
}

func lifts(t *testing.T, city *lifecycletest.City, id string) {
	if _, _, err := city.Card.Lift(t.Context(), lifecycletest.Manager, id, "found"); err != nil {
		t.Fatal(err)
	}
}

// R44-1: a credential is refused that was revoked in any form, also of a card that the register lost.
func TestACredentialRevokedInANewerFormIsNotIssuedAnew(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, _ := found(t, d)
		city.Hash = twoForms
		gone := access.Key{0x60}
		err := city.Store.Write(t.Context(), lifecycletest.Manager, "", func(tx *store.Tx) error {
			_, err := city.Revocations.Add(t.Context(), tx, revocation.Entry{Card: "C-gone", Key: hashedAgain(gone), State: access.Revoked})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = city.Card.Issue(t.Context(), lifecycletest.Manager, card.Issue{Label: "K-9", Kind: card.Personal, Person: "1003", Key: gone})
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_revoked")
	})
}

// R84-1: a lost entry turns the card, whichever form it has; of two the one that outranks the other counts.
func TestALostEntryOfAnotherFormTurnsTheCard(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		openEpoch(t, city)
		city.Hash = twoForms
		adopt := func(n uint64, key access.Key, s access.CredentialState, want card.State) {
			t.Helper()
			_, err := city.Card.Adopt(t.Context(), revocation.Adoption{Controller: "ctl-1", Entry: access.Revocation{
				Version: access.Version{Epoch: 1, N: n}, Key: key, Card: ids["K-1"], State: s,
			}})
			if got := stateOf(t, city, ids["K-1"]); err != nil || got != want {
				t.Fatalf("after entry %d the card is %s, %v, want %s", n, got, err, want)
			}
		}
		first := lifecycletest.Key("1001")
		adopt(2, first, access.Suspended, card.Suspended)
		adopt(3, hashedAgain(first), access.Active, card.Issued)
		adopt(1, hashedAgain(first), access.Suspended, card.Issued) // older than the lift
		adopt(4, first, access.Revoked, card.Revoked)
		adopt(5, hashedAgain(first), access.Active, card.Revoked)
		verified(t, city)
	})
}

// R84-1: a lost entry whose number went to another card is made anew in the newest form, but not when the card has a stricter one in another.
func TestALostEntryIsMadeAnewInTheNewestFormOnlyWhereItSaysSomething(t *testing.T) {
	for name, c := range map[string]struct {
		since func(*testing.T, *lifecycletest.City, string) // in form 1
		lost  access.CredentialState
		added int
	}{
		"nothing since": {nil, access.Revoked, 1}, "suspended since": {suspends, access.Suspended, 0}, "revoked since": {revokes, access.Revoked, 0},
		"suspended since and lost as revoked": {suspends, access.Revoked, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				city, ids := found(t, d)
				revoke(t, city, ids["K-2"]) // has the number
				if c.since != nil {
					c.since(t, city, ids["K-1"])
				}
				openEpoch(t, city)
				city.Hash = twoForms
				before := set(t, city)
				_, err := city.Card.Adopt(t.Context(), revocation.Adoption{
					Controller: "ctl-1", Key: keyID("ctl-1"), AppliedAt: city.Clock.Now(), Payload: []byte("{}"),
					Entry: access.Revocation{
						Version: access.Version{Epoch: 1, N: 1}, Key: hashedAgain(lifecycletest.Key("1001")), Card: ids["K-1"], State: c.lost,
					},
				})
				got := set(t, city)
				if err != nil || len(got) != len(before)+c.added {
					t.Fatalf("%d entries after %d, %v", len(got), len(before), err)
				}
				if newest := got[len(got)-1]; c.added > 0 && (newest.Key != hashedAgain(lifecycletest.Key("1001")) || newest.Version.Epoch != 2) {
					t.Errorf("made anew as %v", newest)
				}
				verified(t, city)
			})
		})
	}
}

// A card that only doors know is judged by its other entries, whose forms are all that is known of it.
func TestALostEntryOfAnUnknownCardYieldsToItsStricterOne(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		revoke(t, city, ids["K-2"]) // 1.1
		openEpoch(t, city)
		city.Hash = twoForms
		gone := access.Key{0x60}
		adopt := func(n uint64, key access.Key) {
			t.Helper()
			_, err := city.Card.Adopt(t.Context(), revocation.Adoption{
				Controller: "ctl-1", Key: keyID("ctl-1"), AppliedAt: city.Clock.Now(), Payload: []byte("{}"),
				Entry: access.Revocation{Version: access.Version{Epoch: 1, N: n}, Key: key, Card: "C-gone", State: access.Revoked},
			})
			if got := set(t, city); err != nil || len(got) != 2 {
				t.Errorf("%d entries, %v", len(got), err)
			}
		}
		adopt(2, gone)
		adopt(1, hashedAgain(gone)) // its number is another card's
	})
}
