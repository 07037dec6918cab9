package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

func (c centre) controller(t *testing.T, name string) device.Controller {
	t.Helper()
	got, err := c.Device.Controller(t.Context(), lifecycletest.Guard, name)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (c centre) card(t *testing.T, no string) string {
	t.Helper()
	cards, err := c.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: no})
	if err != nil || len(cards) != 1 {
		t.Fatalf("cards of %s: %+v, %v", no, cards, err)
	}
	return cards[0].ID
}

func (c centre) suspend(t *testing.T, no string) access.Version {
	t.Helper()
	_, v, err := c.Card.Suspend(t.Context(), lifecycletest.Manager, c.card(t, no), "紛失", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (c centre) setHash(t *testing.T, entries ...access.Revocation) string {
	t.Helper()
	set := access.Revocations{}
	set.Merge(entries...)
	return set.Hash()
}

func receipt(upto access.Version, hash string) wire.RevokedReceipt {
	return wire.RevokedReceipt{V: wire.V, Type: wire.Receipt, Upto: upto, Hash: hash, AppliedAt: time.Date(2027, 4, 1, 0, 0, 1, 0, time.UTC)}
}

func online(start, n uint64, change func(*wire.ControllerStatus)) wire.ControllerStatus {
	s := wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, Start: start, N: n}
	if change != nil {
		change(&s)
	}
	return s
}

// R47-1, R103-1: what the controller has not signed with its own key, for its own topic, changes nothing, is seen, and is not acknowledged.
func TestWhatIsNotSignedByItsControllerChangesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		v := c.suspend(t, "1001")
		e := newEdge("ctl-1", 1).tap(2)
		events := func(payload []byte) error {
			ack, err := c.ingest.HandleEvents(t.Context(), "ctl-1", payload)
			if err != nil && ack != (wire.AckUpTo{}) {
				t.Errorf("refused and acknowledged: %+v", ack)
			}
			return err
		}
		status := func(payload []byte) error {
			_, _, err := c.ingest.HandleStatus(t.Context(), "ctl-1", payload, false, time.Now())
			return err
		}
		confirm := func(payload []byte) error { return c.ingest.HandleReceipt(t.Context(), "ctl-1", payload, time.Now()) }
		live := func(payload []byte) error { return c.ingest.HandleLive(t.Context(), "ctl-1", payload) }
		answer := func(payload []byte) error {
			_, err := c.ingest.HandleAnswer(t.Context(), "ctl-1", payload)
			return err
		}
		encode := func(v any) []byte {
			b, err := wire.Encode(v)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		r, l, a := receipt(v, c.setHash(t)), wire.LiveEvents{V: wire.V, Type: wire.Live}, wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: "x", Done: true}
		for _, raw := range e.raws {
			l.Events = append(l.Events, raw)
		}
		forgeries := map[string]struct {
			take    func([]byte) error
			payload []byte
		}{
			"unsigned events":                  {events, e.batchAs("ctl-1", "", 1, 2)},
			"events signed by another":         {events, e.batchAs("ctl-1", "ctl-2", 1, 2)},
			"events signed for another topic":  {events, e.batchAs("ctl-2", "ctl-1", 1, 2)},
			"an unsigned status":               {status, encode(online(1, 1, nil))},
			"a status signed by another":       {status, seal(t, "ctl-1", "ctl-2", wire.Status, online(1, 1, nil))},
			"a status for another topic":       {status, seal(t, "ctl-2", "ctl-1", wire.Status, online(1, 1, nil))},
			"an unsigned receipt":              {confirm, encode(r)},
			"a receipt signed by another":      {confirm, seal(t, "ctl-1", "ctl-2", wire.Receipt, r)},
			"a receipt of another controller":  {confirm, seal(t, "ctl-2", "ctl-2", wire.Receipt, r)},
			"unsigned live events":             {live, encode(l)},
			"live events signed by another":    {live, seal(t, "ctl-1", "ctl-2", wire.Live, l)},
			"an unsigned answer":               {answer, encode(a)},
			"an answer signed by another":      {answer, seal(t, "ctl-1", "ctl-2", wire.Answer, a)},
			"an answer of another controller":  {answer, seal(t, "ctl-2", "ctl-2", wire.Answer, a)},
			"a batch under a status' envelope": {status, seal(t, "ctl-1", "ctl-1", wire.Live, l)},
		}
		for name, f := range forgeries {
			if err := f.take(f.payload); fault.KindOf(err) != fault.Denied || err == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		c.commitReceipts(t)
		bad := c.list(t, entrylog.Filter{Limit: 500})
		for _, entry := range bad {
			if entry.Reason != entrylog.BadSignature || !entry.Alarm || entry.Controller != "ctl-1" {
				t.Errorf("entry %+v", entry)
			}
		}
		if len(bad) != len(forgeries) {
			t.Errorf("%d forgeries seen, want %d", len(bad), len(forgeries))
		}
		if got := c.controller(t, "ctl-1"); got.Online || got.Start != 0 {
			t.Errorf("controller %+v", got)
		}
		if item := c.item(t, v); item.Confirmed != 0 {
			t.Errorf("confirmed by %d", item.Confirmed)
		}
		if early, err := c.Entries.Provisional(t.Context(), lifecycletest.Guard, 10); err != nil || len(early) != 0 {
			t.Errorf("provisional %+v, %v", early, err)
		}
		c.send(t, "ctl-1", e.batch(1, 2), 2) // the honest one still goes through
		c.verify(t)
	})
}

func (c centre) item(t *testing.T, v access.Version) revocation.Item {
	t.Helper()
	items, err := c.Revocations.List(t.Context(), lifecycletest.Guard, revocation.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(items, func(i revocation.Item) bool { return i.Version == v })
	if i < 0 {
		t.Fatalf("no revocation %v in %+v", v, items)
	}
	return items[i]
}

// commitReceipts runs the committer until what waits is committed.
func (c centre) commitReceipts(t *testing.T) {
	t.Helper()
	told := c.ingest.Receipts().Subscribe()
	defer told.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.ingest.RunReceipts(ctx) }()
	select {
	case <-told.Wake():
	case <-time.After(500 * time.Millisecond): // nothing waited
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// R103-1: a controller that was thrown out is believed nothing more, also what it had signed before.
func TestARevokedControllerIsBelievedNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1).tap(3)
		c.send(t, "ctl-1", e.batch(1, 1), 1)
		if err := c.Device.RevokeController(t.Context(), lifecycletest.Manager, "ctl-1", "盗難"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ingest.HandleEvents(t.Context(), "ctl-1", e.batch(2, 3)); fault.KindOf(err) != fault.Denied || err == nil {
			t.Fatalf("events: %v", err)
		}
		_, _, err := c.ingest.HandleStatus(t.Context(), "ctl-1", seal(t, "ctl-1", "ctl-1", wire.Status, online(1, 1, nil)), false, time.Now())
		if fault.KindOf(err) != fault.Denied || c.controller(t, "ctl-1").Online {
			t.Fatalf("status: %v", err)
		}
	})
}

func TestAFloodOfForgeriesCostsLittle(t *testing.T) {
	c := open(t, dbtest.SQLite(t))
	for i := range 2000 {
		payload := []byte(fmt.Sprintf(`{"v":1,"type":"signed","key":"00","sig":"","body":{"i":%d}}`, i))
		if _, err := c.ingest.HandleAnswer(t.Context(), "ctl-1", payload); fault.KindOf(err) != fault.Denied {
			t.Fatal(err)
		}
	}
	if n := len(c.list(t, entrylog.Filter{Limit: 500})); n == 0 || n > 100 {
		t.Fatalf("%d rows", n)
	}
}

func TestTheSignatureOfABatchIsKeptAndCanBeCheckedLater(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1).tap(9)
		c.send(t, "ctl-1", e.batch(1, 4), 4)
		c.send(t, "ctl-1", e.batch(3, 9), 9)
		for seq, first := range map[uint64]uint64{1: 1, 4: 1, 5: 3, 9: 3} {
			err := c.Store.Read(t.Context(), func(q store.Queryer) error {
				b, err := entrylog.BatchOf(t.Context(), q, "ctl-1", 1, seq)
				if err != nil {
					return err
				}
				raws, err := entrylog.Bodies(t.Context(), q, "ctl-1", 1, b.First, b.Last)
				if err != nil {
					return err
				}
				batch := wire.NewEventBatch(1, b.First, e.heads[b.First-1], raws)
				batch.Key, batch.Sig = b.Key, b.Sig
				if b.First != first || batch.Head != b.Head || batch.Prev != b.Prev {
					t.Errorf("event %d came in %d–%d", seq, b.First, b.Last)
				}
				return wire.VerifyBatch(at("ctl-1", wire.Events), batch, wire.OneKey(lifecycletest.DeviceSigner("ctl-1").Public()))
			})
			if err != nil {
				t.Errorf("event %d: %v", seq, err)
			}
		}
		c.verify(t)
	})
}

// M-4: what was kept by a broker, or is sent again by one, does not turn back what is known.
func TestAnOldStatusIsNoNews(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		hand := func(start, n uint64, retained bool) bool {
			t.Helper()
			s := online(start, n, func(s *wire.ControllerStatus) {
				s.Software, s.Nonce = fmt.Sprintf("%d.%d", start, n), fmt.Sprintf("%032x", start*100+n)
			})
			heard, news, err := c.ingest.HandleStatus(t.Context(), "ctl-1", seal(t, "ctl-1", "ctl-1", wire.Status, s), retained, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if granted := heard.Lease != nil; granted != (news && !retained) {
				t.Errorf("%d.%d: news %v, retained %v, lease %v", start, n, news, retained, granted)
			}
			return news
		}
		for _, s := range []struct {
			start, n       uint64
			retained, news bool
		}{{3, 7, true, true}, {3, 7, false, false}, {3, 8, false, true}, {3, 6, false, false}, {2, 900, true, false}, {4, 1, false, true}, {3, 9, false, false}} {
			if got := hand(s.start, s.n, s.retained); got != s.news {
				t.Errorf("%+v: news %v", s, got)
			}
		}
		if got := c.controller(t, "ctl-1"); got.Software != "4.1" {
			t.Errorf("software %s", got.Software)
		}
	})
}

// A lease is a promise as of a nonce; whether the controller can use it decides when the card's last hour ends.
func TestALeaseNamesTheNewestVersionsAndIsRecordedWhereItCounts(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		received := time.Now().UTC().Truncate(time.Microsecond)
		n := uint64(0)
		hand := func(revoked access.Version) *wire.LeaseGrant {
			t.Helper()
			n++
			received = received.Add(time.Second)
			s := online(1, n, func(s *wire.ControllerStatus) { s.Revoked, s.Nonce = &revoked, fmt.Sprintf("%032x", n) })
			heard, _, err := c.ingest.HandleStatus(t.Context(), "ctl-1", seal(t, "ctl-1", "ctl-1", wire.Status, s), false, received)
			if err != nil || heard.Lease == nil || heard.Lease.Nonce != s.Nonce || !heard.Lease.At.Equal(received) {
				t.Fatalf("heard %+v, %v", heard, err)
			}
			return heard.Lease
		}
		if g := hand(access.Version{}); g.Revoked != (access.Version{Epoch: 1}) || g.Policy != c.controller(t, "ctl-1").Wanted || g.Centre != 1 {
			t.Fatalf("lease %+v", g)
		}
		first := c.controller(t, "ctl-1").LeasedAt
		if !first.Equal(received) {
			t.Fatalf("leased at %v, want %v", first, received)
		}
		v := c.suspend(t, "1001")
		if g := hand(access.Version{}); g.Revoked != v {
			t.Fatalf("lease %+v", g)
		}
		if got := c.controller(t, "ctl-1").LeasedAt; !got.Equal(first) {
			t.Fatalf("a controller that lacks a revocation was leased at %v", got)
		}
		hand(v)
		if got := c.controller(t, "ctl-1").LeasedAt; !got.Equal(received) {
			t.Fatalf("leased at %v, want %v", got, received)
		}
	})
}

// R75-3: receipts that come together are one transaction, and each counts once.
func TestReceiptsAreCommittedInGroups(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		v := c.suspend(t, "1001")
		hash := c.setHash(t, access.Revocation{Version: v, Key: lifecycletest.Key("1001"), Card: c.card(t, "1001"), State: access.Suspended})
		for range 3 {
			for _, name := range []string{"ctl-1", "ctl-2"} {
				if err := c.ingest.HandleReceipt(t.Context(), name, seal(t, name, name, wire.Receipt, receipt(v, hash)), time.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		before, err := c.Store.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.commitReceipts(t)
		after, err := c.Store.Size(t.Context())
		if err != nil || after-before != 2 {
			t.Fatalf("%d leaves, %v, want one for each controller", after-before, err)
		}
		if item := c.item(t, v); item.Confirmed != 2 || item.Targets != 2 {
			t.Fatalf("item %+v", item)
		}
		got, err := c.Revocations.Receipt(t.Context(), lifecycletest.Guard, v)
		if err != nil || len(got.Doors) != 2 {
			t.Fatalf("receipt %+v, %v", got, err)
		}
		for _, line := range got.Doors {
			r, err := wire.OpenReceipt(at(line.Controller, wire.Receipt), line.Payload, wire.OneKey(lifecycletest.DeviceSigner(line.Controller).Public()))
			if err != nil || r.Upto != v {
				t.Errorf("%s: the kept receipt cannot be checked: %+v, %v", line.Controller, r, err)
			}
		}
		c.verify(t)
	})
}

func TestEventsBeforeTheirTurnAreShownAndAreNoRecord(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1).tap(8)
		l := wire.LiveEvents{V: wire.V, Type: wire.Live}
		for _, raw := range e.raws[6:] {
			l.Events = append(l.Events, raw)
		}
		told := c.ingest.Entries().Subscribe()
		defer told.Close()
		if err := c.ingest.HandleLive(t.Context(), "ctl-1", seal(t, "ctl-1", "ctl-1", wire.Live, l)); err != nil {
			t.Fatal(err)
		}
		<-told.Wake()
		early, err := c.Entries.Provisional(t.Context(), lifecycletest.Guard, 10)
		if err != nil || len(early) != 2 || !early[0].Provisional || early[0].Seq != 8 {
			t.Fatalf("provisional %+v, %v", early, err)
		}
		if n := len(c.list(t, entrylog.Filter{})); n != 0 {
			t.Fatalf("%d entries in the log", n)
		}
		c.send(t, "ctl-1", e.batch(1, 8), 8)
		if early, err = c.Entries.Provisional(t.Context(), lifecycletest.Guard, 10); err != nil || len(early) != 0 {
			t.Fatalf("still provisional %+v, %v", early, err)
		}
	})
}
