package ingest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/api/epoch"
	"kanmon/api/ingest"
	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
)

// edge is a controller's journal as far as the centre is concerned: the bytes of its events and the chain.
type edge struct {
	name  string
	epoch uint64
	raws  [][]byte
	heads []event.Hash // heads[n] after n events
}

func newEdge(name string, epoch uint64) *edge {
	return &edge{name: name, epoch: epoch, heads: []event.Hash{event.Start(name, epoch)}}
}

// record adds an event; its number and time follow the last one.
func (e *edge) record(e2 event.Event) {
	e2.Epoch, e2.Seq = e.epoch, uint64(len(e.raws)+1)
	if e2.At.IsZero() {
		e2.At = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(e2.Seq) * time.Second)
	}
	raw, err := event.Encode(e2)
	if err != nil {
		panic(err)
	}
	e.raws = append(e.raws, raw)
	e.heads = append(e.heads, event.Next(e.heads[len(e.heads)-1], raw))
}

func (e *edge) tap(n int) *edge {
	for range n {
		e.record(event.Event{
			Kind: event.AccessGranted, Door: "D-1", Area: "server-room", Reader: "IN-1", Direction: access.In,
			Reason: access.Granted, Person: "1001", Card: "C-1",
		})
	}
	return e
}

// batch is the payload with the events first to last, signed by the edge.
func (e *edge) batch(first, last int) []byte { return e.batchAs(e.name, e.name, first, last) }

// batchAs is one for the topic of a controller, signed with the key of another, or of nobody.
func (e *edge) batchAs(controller, signer string, first, last int) []byte {
	b := wire.NewEventBatch(e.epoch, uint64(first), e.heads[first-1], e.raws[first-1:last]) // small
	if signer != "" {
		b = wire.SignBatch(at(controller, wire.Events), b, lifecycletest.DeviceSigner(signer))
	}
	payload, err := wire.Encode(b)
	if err != nil {
		panic(err)
	}
	return payload
}

func at(controller string, k wire.Kind) wire.Address {
	return wire.Address{Site: "demo", Controller: controller, Kind: k}
}

// seal is a payload on the topic of a controller, signed with the key of another.
func seal(tb testing.TB, controller, signer string, k wire.Kind, body any) []byte {
	tb.Helper()
	payload, err := wire.Seal(at(controller, k), body, lifecycletest.DeviceSigner(signer))
	if err != nil {
		tb.Fatal(err)
	}
	return payload
}

type centre struct {
	*lifecycletest.City
	ingest *ingest.Ingest
	epochs *epoch.Keeper
}

func open(tb testing.TB, d *db.DB) centre {
	tb.Helper()
	city := lifecycletest.Open(tb, d)
	city.Found(tb)
	log := slog.New(slog.DiscardHandler)
	c := centre{City: city, epochs: epoch.New(filepath.Join(tb.TempDir(), epoch.File), city.Store, city.Device, log)}
	if _, err := c.epochs.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	c.ingest = ingest.New(ingest.Config{
		Site: "demo", Store: city.Store, Entries: city.Entries, Alarms: city.Alarms, Devices: city.Device, Cards: city.Card, Revocations: city.Revocations,
		Epochs: c.epochs, Known: wire.OneKey(lifecycletest.CentreSigner().Public()), Log: log,
	})
	return c
}

// send hands a payload in and wants an acknowledgement up to want.
func (c centre) send(t *testing.T, controller string, payload []byte, want uint64) {
	t.Helper()
	ack, err := c.ingest.HandleEvents(t.Context(), controller, payload)
	if err != nil || ack.UpTo != want {
		t.Fatalf("acknowledged %d, %v, want %d", ack.UpTo, err, want)
	}
}

func (c centre) list(t *testing.T, f entrylog.Filter) []entrylog.Entry {
	t.Helper()
	entries, err := c.Entries.List(t.Context(), lifecycletest.Guard, f)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func (c centre) quarantined(t *testing.T) []entrylog.Entry {
	t.Helper()
	return c.list(t, entrylog.Filter{Kind: entrylog.Quarantined})
}

func (c centre) verify(t *testing.T) {
	t.Helper()
	report, err := c.Store.Verify(t.Context())
	if err != nil || !report.OK() {
		t.Fatalf("Verify = %+v, %v", report, err)
	}
}

func TestABatchIsInTheLogWithItsNamesAndWakesListeners(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		listener := c.ingest.Entries().Subscribe()
		defer listener.Close()
		c.send(t, "ctl-1", newEdge("ctl-1", 1).tap(3).batch(1, 3), 3)
		select {
		case <-listener.Wake():
		default:
			t.Fatal("the listener was not woken")
		}
		entries := c.list(t, entrylog.Filter{})
		if len(entries) != 3 || entries[0].Seq != 3 || entries[0].ID != c.ingest.Entries().Newest() {
			t.Fatalf("entries %+v", entries)
		}
		e := entries[2]
		if e.PersonName != "佐藤 花子" || e.DoorName != "電算室 正面" || e.AreaName != "電子計算機室" || e.Seq != 1 ||
			e.Controller != "ctl-1" || e.Reason != access.Granted || e.Alarm || !e.Received.Equal(c.Clock.Now()) {
			t.Fatalf("entry %+v", e)
		}
		if after := c.list(t, entrylog.Filter{AfterID: e.ID}); len(after) != 2 || after[0].Seq != 2 || after[1].Seq != 3 {
			t.Fatalf("after %d: %+v", e.ID, after)
		}
		c.verify(t)
	})
}

func TestEventsAboutNobodyAndNothingAreKept(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1)
		e.record(event.Event{
			Kind: event.AccessDenied, Door: "D-99", Area: "nowhere\x00", Person: "9999", Card: "C-9", Credential: "0011223344556677",
			Reason: access.UnknownCredential, Detail: "a\x00b", Unsure: true,
		})
		c.send(t, "ctl-1", e.batch(1, 1), 1)
		got := c.list(t, entrylog.Filter{Person: "9999"})
		if len(got) != 1 || got[0].Door != "D-99" || got[0].DoorName != "" || got[0].Area != "nowhere\x00" || !got[0].Unsure {
			t.Fatalf("entries %+v", got)
		}
		c.verify(t)
	})
}

func TestARepeatWithTheSameBytesChangesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1).tap(10)
		c.send(t, "ctl-1", e.batch(1, 6), 6)
		c.send(t, "ctl-1", e.batch(1, 6), 6)
		c.send(t, "ctl-1", e.batch(2, 3), 6)
		c.send(t, "ctl-1", e.batch(4, 10), 10)
		if n := len(c.list(t, entrylog.Filter{})); n != 10 {
			t.Fatalf("%d entries, want 10", n)
		}
		c.verify(t)
	})
}

func TestAGapStoresNothingAndIsAnAlarmWhenItLasts(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1).tap(10)
		c.send(t, "ctl-1", e.batch(1, 2), 2)
		for range 4 {
			c.send(t, "ctl-1", e.batch(5, 10), 2)
		}
		if n := len(c.list(t, entrylog.Filter{})); n != 2 {
			t.Fatalf("%d entries, want 2 and no alarm yet", n)
		}
		for range 3 {
			c.send(t, "ctl-1", e.batch(5, 10), 2)
		}
		q := c.quarantined(t)
		if len(q) != 1 || q[0].Reason != entrylog.BadGap || !q[0].Alarm || q[0].Controller != "ctl-1" {
			t.Fatalf("quarantined %+v", q)
		}
		c.send(t, "ctl-1", e.batch(3, 10), 10)
		c.verify(t)
	})
}

// R84-1: what a controller has told cannot be rewritten unnoticed.
func TestANumberWithOtherBytesIsAnAlarmAndChangesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.send(t, "ctl-1", newEdge("ctl-1", 1).tap(4).batch(1, 4), 4)
		liar := newEdge("ctl-1", 1).tap(2)
		liar.record(event.Event{Kind: event.AccessGranted, Door: "D-1", Area: "server-room", Person: "1002"})
		liar.tap(5)
		for range 3 {
			// No acknowledgement: the controller would drop its own 3 and 4, which the log does not have.
			if ack, err := c.ingest.HandleEvents(t.Context(), "ctl-1", liar.batch(1, 8)); fault.CodeOf(err) != "ingest.other_bytes" {
				t.Fatalf("acknowledged %+v, %v", ack, err)
			}
		}
		q := c.quarantined(t)
		if len(q) != 1 || q[0].Reason != entrylog.BadRepeat || !q[0].Alarm {
			t.Fatalf("quarantined %+v", q)
		}
		if n := len(c.list(t, entrylog.Filter{Kind: event.AccessGranted})); n != 4 {
			t.Fatalf("%d events, want 4", n)
		}
		c.verify(t)
	})
}

func TestAChainThatDoesNotFollowIsAnAlarmAndStoresNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.send(t, "ctl-1", newEdge("ctl-1", 1).tap(4).batch(1, 4), 4)
		liar := newEdge("ctl-1", 1)
		liar.record(event.Event{Kind: event.DoorForced, Door: "D-1"})
		liar.tap(9)
		c.send(t, "ctl-1", liar.batch(5, 10), 4) // leaves out what it rewrote
		c.send(t, "ctl-1", liar.batch(5, 10), 4)
		if q := c.quarantined(t); len(q) != 1 || q[0].Reason != entrylog.BadChain {
			t.Fatalf("quarantined %+v", q)
		}
		// A chain begun under another controller's name does not fit either.
		c.send(t, "ctl-2", newEdge("ctl-1", 1).tap(4).batchAs("ctl-2", "ctl-2", 1, 4), 0)
		if q := c.quarantined(t); len(q) != 2 || q[0].Reason != entrylog.BadChain || q[0].Controller != "ctl-2" {
			t.Fatalf("quarantined %+v", q)
		}
		c.verify(t)
	})
}

// R103-1: an unknown controller is refused.
func TestAnUnknownControllerIsRefusedAndSeen(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		for range 3 {
			_, err := c.ingest.HandleEvents(t.Context(), "ctl-9", newEdge("ctl-9", 1).tap(1).batch(1, 1))
			lifecycletest.WantFault(t, err, fault.NotFound, "device.unknown_controller")
		}
		status := seal(t, "ctl-9", "ctl-9", wire.Status, wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true})
		_, _, err := c.ingest.HandleStatus(t.Context(), "ctl-9", status, false, time.Now())
		lifecycletest.WantFault(t, err, fault.NotFound, "device.unknown_controller")
		all := c.list(t, entrylog.Filter{})
		if len(all) != 1 || all[0].Reason != entrylog.BadController || all[0].Detail != "controller ctl-9" {
			t.Fatalf("entries %+v", all)
		}
	})
}

func TestWhatCannotBeReadIsQuarantinedOnceAndCounted(t *testing.T) {
	good := newEdge("ctl-1", 1).tap(2).batch(1, 2)
	tests := map[string][]byte{
		"empty":              {},
		"not JSON":           []byte("\x00\xffgarbage"),
		"another version":    bytes.Replace(good, []byte(`"v":1`), []byte(`"v":2`), 1),
		"another type":       bytes.Replace(good, []byte(`"events"`), []byte(`"status"`), 1),
		"bytes behind":       append(bytes.Clone(good), ' ', '{', '}'),
		"half":               good[:len(good)/2],
		"10 MB":              bytes.Repeat([]byte{'a'}, 10<<20),
		"epoch out of range": []byte(`{"v":1,"type":"events","epoch":18446744073709551615,"first":1,"prev":"` + fmt.Sprintf("%064d", 0) + `","head":"","events":[]}`),
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		for name, payload := range tests {
			for range 2 {
				if _, err := c.ingest.HandleEvents(t.Context(), "ctl-1", payload); fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.TooLarge {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if q := c.quarantined(t); len(q) != len(tests) {
			t.Fatalf("%d quarantined, want %d: %+v", len(q), len(tests), q)
		}
		var stored struct {
			Most  int64
			Count int64
		}
		err := c.Store.Read(t.Context(), func(q store.Queryer) error {
			return q.Get(t.Context(), &stored, `SELECT MAX(length(body)) AS most, (SELECT n FROM quarantine_count
				WHERE controller = 'ctl-1' AND reason = 'bad_payload') AS count FROM quarantine`)
		})
		if err != nil || stored.Most != 4096 || stored.Count != int64(2*len(tests)) {
			t.Fatalf("stored %+v, %v", stored, err)
		}
		c.send(t, "ctl-1", good, 2)
		c.verify(t)
	})
}

func TestAFloodOfGarbageStopsFillingTheDatabase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		for i := range 130 {
			c.Clock.Pass(5 * time.Second) // not so fast that it would only be counted
			_, err := c.ingest.HandleEvents(t.Context(), "ctl-1", []byte(fmt.Sprint("garbage ", i)))
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
		}
		if q := c.list(t, entrylog.Filter{Limit: 500}); len(q) != 100 {
			t.Fatalf("%d rows, want 100", len(q))
		}
		if _, err := c.ingest.HandleEvents(t.Context(), "ctl-2", []byte("garbage")); err == nil || len(c.list(t, entrylog.Filter{Limit: 500})) != 101 {
			t.Fatal("another controller's garbage is not seen")
		}
		c.Clock.Pass(2 * time.Hour)
		if _, err := c.ingest.HandleEvents(t.Context(), "ctl-1", []byte("late garbage")); err == nil || len(c.list(t, entrylog.Filter{Limit: 500})) != 102 {
			t.Fatal("garbage is not seen again later")
		}
	})
}

// R84-1: a row of the log that was altered in the database is named.
func TestAnAlteredEntryIsNamed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.send(t, "ctl-1", newEdge("ctl-1", 1).tap(3).batch(1, 3), 3)
		id := c.list(t, entrylog.Filter{})[1].ID
		drop := []string{`DROP TRIGGER event_no_update`}
		if d.Dialect() == db.Postgres {
			drop = []string{`DROP TRIGGER event_append_only ON event`}
		}
		dbtest.Attack(t, d, append(drop, fmt.Sprintf(`UPDATE event SET person = '1002' WHERE leaf = %d`, id))...)
		report, err := c.Store.Verify(t.Context())
		if err != nil || report.OK() {
			t.Fatalf("Verify = %+v, %v", report, err)
		}
		text, err := json.Marshal(report)
		if err != nil || !bytes.Contains(text, []byte(`event`)) || !bytes.Contains(text, strconv.AppendInt(nil, id, 10)) {
			t.Fatalf("report %s does not name event, leaf %d (%v)", text, id, err)
		}
	})
}

// A database that lost rows (by hand, or a bad repair) makes a repeat fail; it must not end the centre, which
// every controller's repeat would then end again.
func TestALogThatLacksEventsBelowItsHeadTakesNothingAndDoesNotPanic(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := newEdge("ctl-1", 1).tap(4)
		c.send(t, "ctl-1", e.batch(1, 3), 3)
		drop := `DROP TRIGGER event_no_delete`
		if d.Dialect() == db.Postgres {
			drop = `DROP TRIGGER event_append_only ON event`
		}
		dbtest.Attack(t, d, drop, `DELETE FROM event WHERE seq = 2`)
		if ack, err := c.ingest.HandleEvents(t.Context(), "ctl-1", e.batch(1, 4)); fault.KindOf(err) != fault.Internal || err == nil {
			t.Fatalf("acknowledged %+v, %v", ack, err)
		}
	})
}

// TestAnyInterleavingGivesEveryEventOnceInOrder sends batches in any order, overlapping, repeated, too early,
// from several journals of one controller, and compares with a model that is only a number for each journal.
func TestAnyInterleavingGivesEveryEventOnceInOrder(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			name := fmt.Sprintf("ctl-x-%d", run)
			if _, err := c.Device.AddController(t.Context(), lifecycletest.Manager, device.NewController{Name: name, Place: "x"}); err != nil {
				rt.Fatal(err)
			}
			c.Enroll(t, name)
			var journals []*edge
			for i := range rapid.IntRange(1, 3).Draw(rt, "journals") {
				journals = append(journals, newEdge(name, uint64(i+1)).tap(rapid.IntRange(1, 20).Draw(rt, "events"))) // small
			}
			have := make([]int, len(journals))
			for range rapid.IntRange(1, 25).Draw(rt, "batches") {
				j := rapid.IntRange(0, len(journals)-1).Draw(rt, "journal")
				first := rapid.IntRange(1, len(journals[j].raws)).Draw(rt, "first")
				last := rapid.IntRange(first, len(journals[j].raws)).Draw(rt, "last")
				if first <= have[j]+1 {
					have[j] = max(have[j], last)
				}
				ack, err := c.ingest.HandleEvents(t.Context(), name, journals[j].batch(first, last))
				if err != nil || ack.Epoch != journals[j].epoch || ack.UpTo != uint64(have[j]) { // small
					rt.Fatalf("batch %d–%d of journal %d: ack %+v, %v, want %d", first, last, j, ack, err, have[j])
				}
			}
			checkLog(rt, t, c, name, journals, have)
		})
		c.verify(t)
	})
}

func checkLog(rt *rapid.T, t *testing.T, c centre, name string, journals []*edge, have []int) {
	for j, e := range journals {
		var bodies [][]byte
		err := c.Store.Read(t.Context(), func(q store.Queryer) error {
			return q.Select(t.Context(), &bodies, `SELECT body FROM event WHERE controller = ? AND epoch = ? ORDER BY leaf`, name, int64(e.epoch)) // small
		})
		if err != nil || len(bodies) != have[j] {
			rt.Fatalf("journal %d: %d in the log, %v, want %d", j, len(bodies), err, have[j])
		}
		for i := range bodies {
			if !bytes.Equal(bodies[i], e.raws[i]) {
				rt.Fatalf("journal %d, place %d: %s", j, i, bodies[i])
			}
		}
	}
}
