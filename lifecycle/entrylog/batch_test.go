package entrylog_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
)

// signer signs as a controller does.
type signer struct{ key ed25519.PrivateKey }

func (s signer) KeyID() string { return wire.KeyID(s.key.Public().(ed25519.PublicKey)) } //nolint:forcetypeassert // it is

func (s signer) Sign(message []byte) []byte { return ed25519.Sign(s.key, message) }

var address = wire.Address{Site: "test", Controller: "ctl-1", Kind: wire.Events}

// send puts a signed batch of n events into the log, with its statement.
func send(t *testing.T, city *lifecycletest.City, n int) wire.EventBatch {
	t.Helper()
	var batch wire.EventBatch
	err := city.Store.Write(t.Context(), store.System("test"), "", func(tx *store.Tx) error {
		head, err := entrylog.HeadOf(t.Context(), tx, "ctl-1", 1)
		if err != nil {
			return err
		}
		events, raws := make([]event.Event, n), make([][]byte, n)
		for i := range events {
			events[i] = passage("1001", "archive", access.In, 0)
			events[i].Epoch, events[i].Seq = 1, head.Seq+uint64(i)+1
			if raws[i], err = event.Encode(events[i]); err != nil {
				return err
			}
		}
		batch = wire.SignBatch(address, wire.NewEventBatch(1, head.Seq+1, head.Hash, raws), signer{lifecycletest.DeviceKey("ctl-1")})
		if _, _, err = entrylog.Append(t.Context(), tx, "ctl-1", head, events, raws); err != nil {
			return err
		}
		return entrylog.AppendBatch(t.Context(), tx, "ctl-1", 1, entrylog.Batch{
			First: batch.First, Last: batch.First + uint64(n) - 1, Prev: batch.Prev, Head: batch.Head, Key: batch.Key, Sig: batch.Sig,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// R84-1: years later the controller's signature under an event is checked with what the centre keeps, and nothing else.
func TestTheSignatureUnderAnEventCanBeCheckedAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		send(t, city, 3)
		second := send(t, city, 2)
		add(t, city, "ctl-1", passage("1001", "archive", access.In, 0)) // without a signature
		send(t, city, 1)
		err := city.Store.Read(t.Context(), func(q store.Queryer) error {
			kept, err := entrylog.BatchOf(t.Context(), q, "ctl-1", 1, 4)
			if err != nil || kept.First != 4 || kept.Last != 5 {
				t.Fatalf("BatchOf = %+v, %v", kept, err)
			}
			bodies, err := entrylog.Bodies(t.Context(), q, "ctl-1", 1, kept.First, kept.Last)
			if err != nil {
				return err
			}
			prev, err := hex.DecodeString(kept.Prev)
			if err != nil {
				return err
			}
			again := wire.NewEventBatch(1, kept.First, event.Hash(prev), bodies)
			again.Key, again.Sig = kept.Key, kept.Sig
			if fmt.Sprint(again) != fmt.Sprint(second) {
				t.Errorf("made again %+v, sent %+v", again, second)
			}
			keys := wire.OneKey(lifecycletest.DeviceKey("ctl-1").Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is
			if err := wire.VerifyBatch(address, again, keys); err != nil {
				t.Errorf("the signature: %v", err)
			}
			again.Events = append([]json.RawMessage{}, again.Events[:1]...)
			if err := wire.VerifyBatch(address, again, keys); err == nil {
				t.Error("the signature holds for another batch")
			}
			for _, seq := range []uint64{6, 8, 1 << 63} {
				_, err = entrylog.BatchOf(t.Context(), q, "ctl-1", 1, seq)
				if fault.KindOf(err) != fault.NotFound {
					t.Errorf("BatchOf event %d: %v", seq, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		report, err := city.Store.Verify(t.Context())
		if err != nil || !report.OK() {
			t.Fatalf("Verify: %+v, %v", report.Findings, err)
		}
	})
}

func TestUsesOfACardAreItsPassagesAndRefusalsSince(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		of := func(card string, kind event.Kind, after time.Duration) event.Event {
			return event.Event{At: nine.Add(after), Kind: kind, Door: "D-1", Area: "server-room", Card: card, Detail: after.String()}
		}
		add(t, city, "ctl-1", of("C-1", event.AccessGranted, -time.Second), of("C-1", event.AccessGranted, 0), of("C-2", event.AccessGranted, 1),
			of("C-1", event.AccessDenied, time.Minute), of("C-1", event.RevocationApplied, time.Minute), of("C-1", event.RemoteRelease, time.Hour))
		for _, tt := range []struct {
			card  string
			limit int
			want  string
		}{
			{"C-1", 10, "[1h0m0s 1m0s 0s]"}, {"C-1", 2, "[1h0m0s 1m0s]"}, {"C-2", 10, "[1ns]"}, {"C-3", 10, "[]"}, {"", 10, "[]"},
		} {
			err := city.Store.Read(t.Context(), func(q store.Queryer) error {
				uses, err := entrylog.Uses(t.Context(), q, tt.card, nine, tt.limit)
				got := []string{}
				for _, e := range uses {
					got = append(got, e.Detail)
				}
				if fmt.Sprint(got) != tt.want {
					t.Errorf("uses of %q: %v, want %s", tt.card, got, tt.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestEventsBeforeTheirTurnAreShownUntilTheyComeInOrder(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		keep := func(seqs ...uint64) int {
			t.Helper()
			var events []event.Event
			var raws [][]byte
			for _, seq := range seqs {
				e := passage("1001", "archive", access.In, 0)
				e.Epoch, e.Seq, e.Card = 1, seq, "C\x00"
				raw, err := event.Encode(e)
				if err != nil {
					t.Fatal(err)
				}
				events, raws = append(events, e), append(raws, raw)
			}
			n, err := city.Entries.KeepLive(ctx, "ctl-1", events, raws)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		shown := func() string {
			t.Helper()
			list, err := city.Entries.Provisional(ctx, lifecycletest.Guard, 500)
			if err != nil {
				t.Fatal(err)
			}
			var seqs []uint64
			for _, e := range list {
				if !e.Provisional || e.ID != 0 || e.PersonName != "佐藤 花子" {
					t.Fatalf("entry %+v", e)
				}
				seqs = append(seqs, e.Seq)
			}
			return fmt.Sprint(seqs)
		}
		add(t, city, "ctl-1", passage("1001", "archive", access.In, 0))
		if n := keep(1, 5, 6); n != 2 || shown() != "[6 5]" { // 1 is in the log
			t.Fatalf("%d new, shown %s", n, shown())
		}
		if n := keep(5, 6, 7); n != 1 || shown() != "[7 6 5]" {
			t.Fatalf("%d new, shown %s", n, shown())
		}
		four := make([]event.Event, 4) // 2 to 5
		for i := range four {
			four[i] = passage("1001", "archive", access.In, 0)
		}
		add(t, city, "ctl-1", four...)
		if got := shown(); got != "[7 6]" {
			t.Fatalf("shown %s after their turn", got)
		}
		city.Clock.Pass(time.Minute)
		if got, want := inside(t, city), "1001 in archive since 0s (entry_only, grant only)"; got != want {
			t.Fatalf("inside: %s, want %s", got, want)
		}
		_, err := city.Entries.Provisional(ctx, lifecycletest.Nobody, 0)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}

func TestAControllerCannotFillTheTableOfProvisionalEvents(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	for first := uint64(2); first < 1000; first += wire.MaxLive {
		var events []event.Event
		var raws [][]byte
		for seq := first; seq < first+wire.MaxLive; seq++ {
			e := passage("1001", "archive", access.In, 0)
			e.Epoch, e.Seq = 1, seq
			raw, err := event.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			events, raws = append(events, e), append(raws, raw)
		}
		if _, err := city.Entries.KeepLive(t.Context(), "ctl-1", events, raws); err != nil {
			t.Fatal(err)
		}
	}
	var n, oldest int64
	err := city.Store.Read(t.Context(), func(q store.Queryer) error {
		if err := q.Get(t.Context(), &n, `SELECT COUNT(*) FROM event_live`); err != nil {
			return err
		}
		return q.Get(t.Context(), &oldest, `SELECT MIN(seq) FROM event_live`)
	})
	if err != nil || n != 512 || oldest < 500 {
		t.Fatalf("%d kept from %d on, %v", n, oldest, err)
	}
}
