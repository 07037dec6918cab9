package desk_test

import (
	"testing"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/store"
	"kanmon/lifecycle/desk"
	"kanmon/lifecycle/lifecycletest"
)

// R75-2: a card left in the reader of a door is told to its holder and the managers too; of one that nobody knows, to the managers alone.
func TestACardLeftAtADoorsReaderIsToldToItsHolderAndTheManagers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		o.managers(t)
		c, err := o.Card.Find(t.Context(), lifecycletest.Manager, lifecycletest.Key("1001"))
		if err != nil {
			t.Fatal(err)
		}
		tell := func(e event.Event) {
			t.Helper()
			err := o.Store.WriteDerived(t.Context(), "as a batch", func(tx *store.Tx) error { return desk.AtReader(t.Context(), tx, "ctl-1", e) })
			if err != nil {
				t.Fatal(err)
			}
		}
		left := event.Event{Kind: event.CardLeft, Reader: "PC-1", At: o.Clock.Now(), Card: c.ID, Person: c.Person, Detail: "for 125 s"}
		tell(left)
		for who, kind := range map[string]string{"manager": desk.CardLeft, "second": desk.CardLeft, "sato": desk.CardLeftOwn} {
			got := o.told(t, store.Actor{Kind: store.ActorAccount, ID: who})
			if len(got) != 1 || got[0].Kind != kind || got[0].Params["label"] != c.Label || got[0].Params["minutes"] != "2" || got[0].Params["desk"] != "PC-1" {
				t.Errorf("%s was told %+v", who, got)
			}
		}
		left.Card, left.Person, left.At, left.Detail = "", "", left.At.Add(time.Hour), "for ever"
		tell(left)
		if got := o.told(t, lifecycletest.Manager); len(got) != 2 || got[0].Params["label"] != "" && got[1].Params["label"] != "" {
			t.Errorf("managers were told %+v", got)
		}
		if got := o.told(t, store.Actor{Kind: store.ActorAccount, ID: "sato"}); len(got) != 1 {
			t.Errorf("the holder of another card was told %+v", got)
		}
	})
}
