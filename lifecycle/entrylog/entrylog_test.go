package entrylog_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/key"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

var nine = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC) // in Japan

// add puts events into the log as the next ones of a controller, one batch.
func add(t *testing.T, city *lifecycletest.City, controller string, events ...event.Event) {
	t.Helper()
	err := city.Store.Write(t.Context(), store.System("test"), "", func(tx *store.Tx) error {
		head, err := entrylog.HeadOf(t.Context(), tx, controller, 1)
		if err != nil {
			return err
		}
		var raws [][]byte
		for i := range events {
			events[i].Epoch, events[i].Seq = 1, head.Seq+uint64(i)+1
			raw, err := event.Encode(events[i])
			if err != nil {
				return err
			}
			raws = append(raws, raw)
		}
		_, _, err = entrylog.Append(t.Context(), tx, controller, head, events, raws)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func passage(person, area string, dir access.Direction, after time.Duration) event.Event {
	door := map[string]string{"server-room": "D-1", "archive": "D-2"}[area]
	return event.Event{
		At: nine.Add(after), Kind: event.AccessGranted, Door: door, Area: area, Direction: dir, Reason: access.Granted, Person: person,
	}
}

func TestTheLogIsFilteredAndPaged(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		add(t, city, "ctl-1",
			passage("1001", "server-room", access.In, 0),
			event.Event{At: nine, Kind: event.DoorForced, Door: "D-1", Area: "server-room"},
			passage("1002", "archive", access.In, time.Minute))
		if _, err := city.Entries.Quarantine(t.Context(), entrylog.Suspect{Controller: "ctl-1", Reason: entrylog.BadPayload, Payload: []byte("{")}, nil); err != nil {
			t.Fatal(err)
		}
		add(t, city, "ctl-2", passage("1001", "archive", access.In, time.Hour))
		all := list(t, city, entrylog.Filter{})
		if got, want := kinds(all), "[access_granted quarantined access_granted door_forced access_granted]"; got != want {
			t.Fatalf("newest first: %s, want %s", got, want)
		}
		if !all[1].Alarm || !all[3].Alarm || all[0].Alarm || all[0].PersonName != "佐藤 花子" {
			t.Errorf("entries %+v", all)
		}
		for _, tt := range []struct {
			name string
			f    entrylog.Filter
			want string
		}{
			{"after, oldest first", entrylog.Filter{AfterID: all[3].ID}, "[access_granted quarantined access_granted]"},
			{"after, one at a time", entrylog.Filter{AfterID: all[2].ID, Limit: 1}, "[quarantined]"},
			{"before", entrylog.Filter{BeforeID: all[1].ID, Limit: 2}, "[access_granted door_forced]"},
			{"door", entrylog.Filter{Door: "D-1"}, "[door_forced access_granted]"},
			{"area", entrylog.Filter{Area: "archive"}, "[access_granted access_granted]"},
			{"person", entrylog.Filter{Person: "1001"}, "[access_granted access_granted]"},
			{"kind", entrylog.Filter{Kind: event.DoorForced}, "[door_forced]"},
			{"quarantined", entrylog.Filter{Kind: entrylog.Quarantined}, "[quarantined]"},
			{"nothing", entrylog.Filter{Person: "1003"}, "[]"},
		} {
			if got := kinds(list(t, city, tt.f)); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
		}
		if newest, err := city.Entries.Newest(t.Context()); err != nil || newest != all[0].ID {
			t.Errorf("Newest = %d, %v, want %d", newest, err, all[0].ID)
		}
	})
}

func list(t *testing.T, city *lifecycletest.City, f entrylog.Filter) []entrylog.Entry {
	t.Helper()
	entries, err := city.Entries.List(t.Context(), lifecycletest.Guard, f)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func kinds(entries []entrylog.Entry) string {
	all := []event.Kind{}
	for _, e := range entries {
		all = append(all, e.Kind)
	}
	return fmt.Sprint(all)
}

func TestAnEmptyLogIsEmpty(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		if newest, err := city.Entries.Newest(t.Context()); err != nil || newest != 0 || len(list(t, city, entrylog.Filter{})) != 0 {
			t.Fatalf("Newest = %d, %v", newest, err)
		}
	})
}

func TestWhoLacksTheRightReadsNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		_, err := city.Entries.List(t.Context(), lifecycletest.Nobody, entrylog.Filter{})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Entries.Present(t.Context(), lifecycletest.Nobody, "")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}

// R84-1: the log cannot be altered: the database itself refuses.
func TestTheDatabaseRefusesToAlterTheLog(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		send(t, city, 1)
		if _, err := city.Entries.Quarantine(t.Context(), entrylog.Suspect{Reason: entrylog.BadController, Payload: []byte("{")}, nil); err != nil {
			t.Fatal(err)
		}
		keepOne(t, city)
		for _, statement := range []string{
			`UPDATE event SET person = '1002'`, `DELETE FROM event`, `UPDATE quarantine SET detail = ''`, `DELETE FROM quarantine`,
			`UPDATE card_version SET person = '1002'`, `DELETE FROM staff_version`, `UPDATE area_version SET grade = 1`,
			`UPDATE door_version SET held_ms = 1000`, `UPDATE schedule_version SET name = ''`, `DELETE FROM access_right_version`,
			`UPDATE controller_version SET place = ''`, `DELETE FROM reader_version`, `DELETE FROM event_batch`, `UPDATE event_batch SET key_id = ''`,
			`UPDATE controller_identity_version SET state = 'enrolled'`, `DELETE FROM revocation`, `UPDATE revocation SET card = ''`,
			`DELETE FROM revocation_receipt`, `UPDATE revocation_receipt SET applied_at = ''`, `DELETE FROM centre_epoch_opened`,
			`UPDATE crypto_key_version SET state = 'active'`, `DELETE FROM presence_hand`, `UPDATE presence_hand SET person = '1002'`,
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), statement)
				return err
			})
			if fault.CodeOf(err) != store.CodeAppendOnly {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

// What one controller sends and nobody can believe costs a bounded number of writes, and is counted to the last.
func TestAFloodOfSuspectsIsWrittenAsASum(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, rows := t.Context(), 0
		quarantine := func(controller string, i int) {
			t.Helper()
			id, err := city.Entries.Quarantine(ctx, entrylog.Suspect{Controller: controller, Reason: entrylog.BadPayload, Payload: strconv.AppendInt(nil, int64(i), 10)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if id > 0 {
				rows++
			}
		}
		for i := range 1000 {
			quarantine("ctl-1", i)
		}
		quarantine("ctl-2", 1)
		counted := func() (n int64) {
			t.Helper()
			err := city.Store.Read(ctx, func(q store.Queryer) error {
				return q.Get(ctx, &n, `SELECT n FROM quarantine_count WHERE controller = 'ctl-1' AND reason = 'bad_payload'`)
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if before := counted(); rows != 20+1 || before != 20 {
			t.Fatalf("%d rows, %d counted at once", rows, before)
		}
		for range 2 { // the second finds nothing
			if err := city.Entries.Settle(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if n := counted(); n != 1000 {
			t.Fatalf("%d counted in the end", n)
		}
	})
}

// keepOne puts one row into each of the other tables that are kept for ever.
func keepOne(t *testing.T, city *lifecycletest.City) {
	t.Helper()
	ctx := t.Context()
	if _, err := key.New(city.Store).Record(ctx, store.System("test"), key.Key{
		Purpose: key.Command, Algorithm: "Ed25519", Fingerprint: "aa", State: key.Active,
	}, "x"); err != nil {
		t.Fatal(err)
	}
	cards, err := city.Card.List(ctx, lifecycletest.Guard, card.Filter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, v, err := city.Card.Revoke(ctx, lifecycletest.Manager, cards[0].ID, "紛失", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	word := revocation.Confirmation{Controller: "ctl-1", Key: signer{lifecycletest.DeviceKey("ctl-1")}.KeyID(), Upto: v}
	if ignored, err := city.Revocations.Confirm(ctx, []revocation.Confirmation{word}); err != nil || ignored != 0 {
		t.Fatal(ignored, err)
	}
	if _, err := city.Device.OpenEpoch(ctx, 0, "restored"); err != nil {
		t.Fatal(err)
	}
	if err := city.Entries.EnterByHand(ctx, lifecycletest.Guard, "1001", "archive", "x"); err != nil {
		t.Fatal(err)
	}
}
