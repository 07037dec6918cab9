package ingest_test

import (
	"context"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// applied is the event of an entry of the revocation set, sealed by somebody.
func applied(r access.Revocation, by wire.Signer) event.Event {
	list := []access.Revocation{r}
	if by != nil {
		wire.NewSealer("demo", by).Seal(list)
	}
	return event.Event{Kind: event.RevocationApplied, Card: r.Card, Policy: &list[0].Version, Entry: &list[0]}
}

// entry is one of the card of a person.
func (c centre) entry(t *testing.T, epoch, n uint64, person string, state access.CredentialState) access.Revocation {
	t.Helper()
	return access.Revocation{
		Version: access.Version{Epoch: epoch, N: n}, Key: lifecycletest.Key(person), Card: c.card(t, person), State: state,
	}
}

func (c centre) wantCard(t *testing.T, person string, want card.State) {
	t.Helper()
	cards, err := c.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: person})
	if err != nil || cards[0].State != want {
		t.Errorf("the card of %s is %s, %v, want %s", person, cards[0].State, err, want)
	}
}

func (c centre) epoch(t *testing.T) uint64 {
	t.Helper()
	var n uint64
	err := c.Store.Read(t.Context(), func(q store.Queryer) (err error) {
		n, err = device.Epoch(context.Background(), q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// R84-1: what a restored database lacks of the revocations comes back from the doors, whatever order statuses and events come in.
func TestARevocationThatOnlyADoorRemembersIsAdopted(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		lost := c.entry(t, 1, 3, "1001", access.Revoked) // of the day that is gone: this database knows of none
		gone := access.Revocation{Version: access.Version{Epoch: 1, N: 2}, Key: lifecycletest.Key("gone"), Card: "C-gone", State: access.Revoked}
		sealed := lifecycletest.CentreSigner()
		e := newEdge("ctl-1", 1)
		e.record(applied(lost, sealed))
		e.record(applied(gone, sealed)) // the card itself was issued on the lost day
		e.tap(1)
		wanted := c.controller(t, "ctl-2").Wanted
		c.send(t, "ctl-1", e.batch(1, 3), 3)
		items, err := c.Revocations.List(t.Context(), lifecycletest.Guard, revocation.Filter{})
		if err != nil || len(items) != 2 || items[0].Version != lost.Version || items[0].State != access.Revoked || items[1].Card != "C-gone" {
			t.Fatalf("revocations %+v, %v", items, err)
		}
		if got := c.controller(t, "ctl-2").Wanted; got.Epoch != 2 || !wanted.Less(got) {
			t.Errorf("the other door should have %v, before %v", got, wanted)
		}
		c.wantCard(t, "1001", card.Revoked)
		c.send(t, "ctl-1", e.batch(1, 3), 3)
		if n := c.epoch(t); n != 2 {
			t.Errorf("told again, the epoch is %d", n)
		}
		c.verify(t)
	})
}

// The database was put back, and nobody noticed before its first new revocation took the number of a lost one.
func TestADayThatIsLivedTwiceForgetsNeitherOfTwoRevocations(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		if _, _, err := c.Card.Revoke(t.Context(), lifecycletest.Manager, c.card(t, "1002"), "lost", time.Time{}); err != nil {
			t.Fatal(err)
		}
		e := newEdge("ctl-1", 1)
		e.record(applied(c.entry(t, 1, 1, "1001", access.Revoked), lifecycletest.CentreSigner()))
		c.send(t, "ctl-1", e.batch(1, 1), 1)
		c.wantCard(t, "1001", card.Revoked)
		c.wantCard(t, "1002", card.Revoked)
		if n := c.epoch(t); n != 2 {
			t.Errorf("the epoch is %d, want a new one", n)
		}
		c.verify(t)
	})
}

// R76-2: a stolen controller whose key is still good brings no card back to life and ends none, and opens no epoch: what the centre has not
// sealed is an alarm and nothing more.
func TestAControllersWordAloneChangesNoCard(t *testing.T) {
	device := lifecycletest.DeviceSigner("ctl-1")
	for name, lie := range map[string]func(*testing.T, centre) event.Event{
		"never given out, its own seal": func(t *testing.T, c centre) event.Event {
			return applied(c.entry(t, 1, 1_000_000, "1001", access.Active), device)
		},
		"never given out, no seal": func(t *testing.T, c centre) event.Event {
			return applied(c.entry(t, 1, 1_000_000, "1001", access.Active), nil)
		},
		"a far epoch": func(t *testing.T, c centre) event.Event {
			return applied(c.entry(t, 1<<40, 1, "1002", access.Revoked), device)
		},
		"in the place of another": func(t *testing.T, c centre) event.Event {
			return applied(c.entry(t, 1, 1, "1002", access.Revoked), device)
		},
		"the seal of another entry": func(t *testing.T, c centre) event.Event {
			e := applied(c.entry(t, 1, 2, "1001", access.Suspended), lifecycletest.CentreSigner())
			e.Entry.State = access.Active
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				c := open(t, d)
				c.suspend(t, "1001") // entry 1.1
				e := newEdge("ctl-1", 1)
				e.record(lie(t, c))
				e.tap(1)
				c.send(t, "ctl-1", e.batch(1, 2), 2)
				c.wantCard(t, "1001", card.Suspended)
				c.wantCard(t, "1002", card.Issued)
				if n := c.epoch(t); n != 1 {
					t.Errorf("the epoch is %d", n)
				}
				if q := c.quarantined(t); len(q) != 1 || q[0].Reason != entrylog.BadSeal || q[0].Controller != "ctl-1" {
					t.Errorf("quarantined %+v", q)
				}
				c.verify(t)
			})
		})
	}
}

// An honest door that says what it applied of what the centre has made is no alarm.
func TestAnEntryThatTheCentreKnowsIsNoNews(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.suspend(t, "1001")
		e := newEdge("ctl-1", 1)
		e.record(applied(c.entry(t, 1, 1, "1001", access.Suspended), lifecycletest.CentreSigner()))
		c.send(t, "ctl-1", e.batch(1, 1), 1)
		if q := c.quarantined(t); len(q) != 0 {
			t.Errorf("quarantined %+v", q)
		}
		if n := c.epoch(t); n != 1 {
			t.Errorf("the epoch is %d", n)
		}
	})
}
