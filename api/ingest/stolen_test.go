package ingest_test

import (
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/lifecycletest"
)

// R76-2: a stolen controller with a key that is still good cannot bring a card that was reported lost back to life.
func TestAControllersWordLiftsNoSuspension(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.suspend(t, "1001")
		lie := access.Version{Epoch: 1, N: 1_000_000}
		e := newEdge("ctl-1", 1)
		e.record(event.Event{Kind: event.RevocationApplied, Card: c.card(t, "1001"), Policy: &lie}) // "lifted"
		c.send(t, "ctl-1", e.batch(1, 1), 1)
		cards, err := c.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: "1001"})
		if err != nil || cards[0].State != card.Suspended {
			t.Fatalf("the suspended card is %v, %v", cards[0].State, err)
		}
	})
}

// Nor can it end cards for good: what it claims stops them, and a manager lets them go again.
func TestAControllersWordEndsNoCardForGood(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1)
		for i, no := range []string{"1001", "1002"} {
			e.record(event.Event{Kind: event.RevocationApplied, Card: c.card(t, no), Reason: access.CredentialRevoked, Policy: &access.Version{Epoch: 1, N: uint64(1_000_000 + i)}})
		}
		c.send(t, "ctl-1", e.batch(1, 2), 2)
		for _, no := range []string{"1001", "1002"} {
			cards, err := c.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: no})
			if err != nil || cards[0].State != card.Suspended {
				t.Fatalf("card of %s is %v, %v", no, cards[0].State, err)
			}
			if _, _, err := c.Card.Lift(t.Context(), lifecycletest.Manager, cards[0].ID, "checked"); err != nil {
				t.Errorf("the card of %s stays stopped: %v", no, err)
			}
		}
	})
}
