package revocation_test

import (
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

// hash is that of the centre's set.
func hash(t *testing.T, city *lifecycletest.City) string {
	t.Helper()
	set := access.Revocations{}
	err := city.Store.Read(t.Context(), func(q store.Queryer) error {
		list, err := revocation.Set(t.Context(), q)
		set.Merge(list...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return set.Hash()
}

func openEpoch(t *testing.T, city *lifecycletest.City) {
	t.Helper()
	if _, err := city.Device.OpenEpoch(t.Context(), 0, "restored"); err != nil {
		t.Fatal(err)
	}
}

// A door that was cut off when the epoch changed turns green when it has the whole set, and not before.
func TestTheFirstWordOfANewEpochCountsForEarlierOnesWhenTheSetsAreTheSame(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		v1 := revoke(t, city, ids["K-1"])
		confirm(t, city, 0, says(city, "ctl-1", v1))
		openEpoch(t, city)
		if got := behind(t, city); got != "[{ctl-1 1 1} {ctl-2 0 0}]" {
			t.Fatalf("behind %s", got)
		}
		v2 := revoke(t, city, ids["K-2"])
		if v2 != (access.Version{Epoch: 2, N: 1}) {
			t.Fatalf("version %v", v2)
		}
		confirm(t, city, 1, says(city, "ctl-2", v1)) // of the epoch before
		word := says(city, "ctl-2", v2)
		confirm(t, city, 0, word)
		if got, want := receipts(t, city), "1.1 ctl-1, 2.1 ctl-2"; got != want {
			t.Fatalf("receipts with another hash %s, want %s", got, want)
		}
		word.Hash = hash(t, city)
		confirm(t, city, 0, word)
		if got, want := receipts(t, city), "1.1 ctl-1, 1.1 ctl-2, 2.1 ctl-2"; got != want {
			t.Fatalf("receipts with our hash %s, want %s", got, want)
		}
		if got := behind(t, city); got != "[{ctl-1 1 1}]" {
			t.Fatalf("behind %s", got)
		}
		verified(t, city)
	})
}

// The centre was put back to before a card was revoked; a door that applied it reports it.
func TestWhatADoorKnowsOfTheLostDayIsTakenBack(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx := t.Context()
		lost := access.Revocation{
			Version: access.Version{Epoch: 1, N: 1}, Key: lifecycletest.Key("1001"), Card: ids["K-1"], State: access.Revoked,
		}
		report := func(controller string, entry access.Revocation) revocation.Adoption {
			return revocation.Adoption{
				Entry: entry, Controller: controller, Key: keyID(controller), AppliedAt: city.Clock.Now(), Payload: []byte("{}"),
			}
		}
		adopt := func(a revocation.Adoption, want bool) {
			t.Helper()
			if fresh, err := city.Card.Adopt(ctx, a); err != nil || fresh != want {
				t.Fatalf("Adopt = %v, %v, want %v", fresh, err, want)
			}
		}
		adopt(report("ctl-1", lost), false) // the epoch has not ended: a broken door makes no entries
		err := city.Store.Write(ctx, store.System("test"), "x", func(tx *store.Tx) error {
			_, _, err := city.Revocations.Adopt(ctx, tx, report("ctl-1", lost))
			return err
		})
		lifecycletest.WantFault(t, err, fault.Conflict, "revocation.epoch")
		openEpoch(t, city)
		wanted := wantedOf(t, city, "ctl-2")
		adopt(report("ctl-1", lost), true)
		there := access.Revocations{}
		there.Merge(lost)
		if hash(t, city) != there.Hash() {
			t.Error("the sets differ")
		}
		c, err := city.Card.Get(ctx, lifecycletest.Guard, ids["K-1"])
		if err != nil || c.State != card.Revoked {
			t.Fatalf("card %+v, %v", c, err)
		}
		changes, err := city.Card.History(ctx, lifecycletest.Guard, ids["K-1"])
		if err != nil || changes[len(changes)-1].Actor != "controller:ctl-1" || changes[len(changes)-1].Reason == "" {
			t.Fatalf("History = %+v, %v", changes, err)
		}
		if got := wantedOf(t, city, "ctl-2"); got != wanted+1 {
			t.Errorf("policy wanted %d, before %d: who was cut off then must learn of it", got, wanted)
		}
		adopt(report("ctl-1", lost), false) // again
		adopt(report("ctl-2", lost), false) // another door's word for the same
		if got, want := receipts(t, city), "1.1 ctl-1, 1.1 ctl-2"; got != want {
			t.Fatalf("receipts %s, want %s", got, want)
		}
		_, err = city.Card.Adopt(ctx, report("ctl-9", lost))
		lifecycletest.WantFault(t, err, fault.NotFound, "device.unknown_controller")
		verified(t, city)
	})
}

func wantedOf(t *testing.T, city *lifecycletest.City, controller string) uint64 {
	t.Helper()
	c, err := city.Device.Controller(t.Context(), lifecycletest.Guard, controller)
	if err != nil {
		t.Fatal(err)
	}
	return c.Wanted.N
}

// A door that had nothing of the lost day, and confirmed what the centre then had, confirms what was taken back since.
func TestWhatIsTakenBackIsConfirmedByTheOthersToo(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		openEpoch(t, city)
		v := revoke(t, city, ids["K-2"])
		word := says(city, "ctl-2", v)
		word.Hash = hash(t, city)
		confirm(t, city, 0, word)
		if _, err := city.Card.Adopt(t.Context(), revocation.Adoption{Controller: "ctl-1", Entry: access.Revocation{
			Version: access.Version{Epoch: 1, N: 8}, Key: lifecycletest.Key("1001"), Card: ids["K-1"], State: access.Revoked,
		}}); err != nil {
			t.Fatal(err)
		}
		confirm(t, city, 0, word) // with the set of before
		if got, want := receipts(t, city), "1.8 ctl-1, 2.1 ctl-2"; got != want {
			t.Fatalf("receipts %s, want %s", got, want)
		}
		word.Hash = hash(t, city)
		confirm(t, city, 0, word)
		if got, want := receipts(t, city), "1.8 ctl-1, 1.8 ctl-2, 2.1 ctl-2"; got != want {
			t.Fatalf("receipts %s, want %s", got, want)
		}
	})
}

// Entries come in any order from many doors; what is in force decides, and a card revoked since stays revoked.
func TestAdoptedEntriesTurnTheCardToWhatIsInForce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx := t.Context()
		openEpoch(t, city)
		adopt := func(n uint64, id, key string, s access.CredentialState) {
			t.Helper()
			_, err := city.Card.Adopt(ctx, revocation.Adoption{Controller: "ctl-1", Entry: access.Revocation{
				Version: access.Version{Epoch: 1, N: n}, Key: lifecycletest.Key(key), Card: id, State: s,
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		state := func(label string, want card.State) {
			t.Helper()
			if c, err := city.Card.Get(ctx, lifecycletest.Guard, ids[label]); err != nil || c.State != want {
				t.Fatalf("%s is %s, %v, want %s", label, c.State, err, want)
			}
		}
		adopt(3, ids["K-1"], "1001", access.Active) // lifted; the suspension comes after it
		state("K-1", card.Issued)
		adopt(2, ids["K-1"], "1001", access.Suspended)
		state("K-1", card.Issued)
		adopt(4, ids["K-2"], "1002", access.Suspended)
		state("K-2", card.Suspended)
		revoke(t, city, ids["K-2"])
		adopt(5, ids["K-2"], "1002", access.Active)
		state("K-2", card.Revoked)
		adopt(6, "C-gone", "gone", access.Revoked) // a card of the lost day
		_, err := city.Card.Issue(ctx, lifecycletest.Manager, card.Issue{Label: "K-9", Kind: card.Personal, Person: "1003", Key: lifecycletest.Key("gone")})
		lifecycletest.WantFault(t, err, fault.Conflict, "card.credential_revoked")
		verified(t, city)
	})
}

// The day was lived twice: the version that the door shows belongs to another card by now. Neither of the two is forgotten.
func TestALostEntryWhoseNumberWentToAnotherCardIsMadeAnew(t *testing.T) {
	for _, c := range []struct {
		name    string
		lost    access.CredentialState
		then    func(*testing.T, *lifecycletest.City, string) // what was done with the card of the lost entry since
		want    card.State
		entries int
	}{
		{"a revocation", access.Revoked, nil, card.Revoked, 2},
		{"a suspension", access.Suspended, nil, card.Suspended, 2},
		{"a lift", access.Active, nil, card.Issued, 1},
		{"a suspension of a card that was revoked since", access.Suspended, revokes, card.Revoked, 2},
		{"a revocation of a card that was suspended since", access.Revoked, suspends, card.Revoked, 3},
		{"a suspension of a card that was suspended and let go since", access.Suspended, letsGo, card.Issued, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				city, ids := found(t, d)
				revoke(t, city, ids["K-2"]) // 1.1, as the lost one was
				if c.then != nil {
					c.then(t, city, ids["K-1"])
				}
				openEpoch(t, city)
				lost := revocation.Adoption{Controller: "ctl-1", Key: keyID("ctl-1"), AppliedAt: city.Clock.Now(), Payload: []byte("{}"), Entry: access.Revocation{
					Version: access.Version{Epoch: 1, N: 1}, Key: lifecycletest.Key("1001"), Card: ids["K-1"], State: c.lost,
				}}
				for range 2 { // the second time nothing is left to do
					if _, err := city.Card.Adopt(t.Context(), lost); err != nil {
						t.Fatal(err)
					}
				}
				if k, err := city.Card.Get(t.Context(), lifecycletest.Guard, ids["K-1"]); err != nil || k.State != c.want {
					t.Errorf("the card is %s, %v, want %s", k.State, err, c.want)
				}
				if k, err := city.Card.Get(t.Context(), lifecycletest.Guard, ids["K-2"]); err != nil || k.State != card.Revoked {
					t.Errorf("the card that has the number is %s, %v", k.State, err)
				}
				items, err := city.Revocations.List(t.Context(), lifecycletest.Guard, revocation.Filter{})
				if err != nil || len(items) != c.entries {
					t.Errorf("%d entries, want %d: %+v, %v", len(items), c.entries, items, err)
				}
				verified(t, city)
			})
		})
	}
}

func revokes(t *testing.T, city *lifecycletest.City, id string) { revoke(t, city, id) }

func suspends(t *testing.T, city *lifecycletest.City, id string) {
	if _, _, err := city.Card.Suspend(t.Context(), lifecycletest.Manager, id, "lost", city.Clock.Now()); err != nil {
		t.Fatal(err)
	}
}

func letsGo(t *testing.T, city *lifecycletest.City, id string) {
	suspends(t, city, id)
	if _, _, err := city.Card.Lift(t.Context(), lifecycletest.Manager, id, "found"); err != nil {
		t.Fatal(err)
	}
}
