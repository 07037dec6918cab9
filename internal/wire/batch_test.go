package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

func TestABatchMustBeOneUnbrokenChain(t *testing.T) {
	start := event.Start("ctl-1", 7)
	raws, head := chain(t, start, 7, 5, 3)
	good := wire.NewEventBatch(7, 5, start, raws)
	if good.Head != hex.EncodeToString(head[:]) {
		t.Errorf("head %s, computed apart %x", good.Head, head)
	}
	other, _ := chain(t, start, 8, 5, 3)
	long, _ := chain(t, start, 7, 5, wire.MaxBatch+1)
	for name, spoil := range map[string]func(*wire.EventBatch){
		"no events":               func(b *wire.EventBatch) { b.Events = nil },
		"one event missing":       func(b *wire.EventBatch) { b.Events = append(b.Events[:1:1], b.Events[2]) },
		"the first missing":       func(b *wire.EventBatch) { b.Events = b.Events[1:] },
		"the last missing":        func(b *wire.EventBatch) { b.Events = b.Events[:2] },
		"two exchanged":           func(b *wire.EventBatch) { b.Events = []json.RawMessage{raws[1], raws[0], raws[2]} },
		"one twice":               func(b *wire.EventBatch) { b.Events = []json.RawMessage{raws[0], raws[0], raws[1]} },
		"one of another epoch":    func(b *wire.EventBatch) { b.Events = []json.RawMessage{raws[0], other[1], raws[2]} },
		"one altered":             func(b *wire.EventBatch) { b.Events[1] = bytes.Replace(raws[1], []byte("S-0012"), []byte("S-0013"), 1) },
		"another start":           func(b *wire.EventBatch) { h := event.Start("ctl-2", 7); b.Prev = hex.EncodeToString(h[:]) },
		"another head":            func(b *wire.EventBatch) { b.Head = b.Prev },
		"a head in capitals":      func(b *wire.EventBatch) { b.Head = strings.ToUpper(b.Head) },
		"a start in capitals":     func(b *wire.EventBatch) { b.Prev = strings.ToUpper(b.Prev) },
		"a start cut short":       func(b *wire.EventBatch) { b.Prev = b.Prev[:62] },
		"no epoch":                func(b *wire.EventBatch) { b.Epoch = 0 },
		"no first":                func(b *wire.EventBatch) { b.First = 0 },
		"another first":           func(b *wire.EventBatch) { b.First = 6 },
		"a first near the end":    func(b *wire.EventBatch) { b.First = 1<<64 - 1 },
		"more than a batch holds": func(b *wire.EventBatch) { *b = wire.NewEventBatch(7, 5, start, long) },
	} {
		b := wire.NewEventBatch(7, 5, start, raws)
		spoil(&b)
		payload, err := wire.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, events, err := wire.DecodeEventBatch(payload); fault.KindOf(err) != fault.Invalid || events != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However a chain is cut into batches, they join without a seam and give the events back.
func TestBatchesJoinWithoutASeam(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "events")
		start := event.Start("ctl-1", 3)
		var raws [][]byte
		for i := range n {
			b, err := event.Encode(event.Event{
				Epoch: 3, Seq: uint64(i) + 1, At: time.Unix(1_800_000_000+int64(i), 0), Kind: event.DeviceInsecure,
				Detail: string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "detail")),
			})
			if err != nil {
				t.Fatal(err)
			}
			raws = append(raws, b)
		}
		prev, next := start, 0
		for next < n {
			size := rapid.IntRange(1, n-next).Draw(t, "size")
			payload, err := wire.Encode(wire.NewEventBatch(3, uint64(next)+1, prev, raws[next:next+size]))
			if err != nil {
				t.Fatal(err)
			}
			batch, events, err := wire.DecodeEventBatch(payload)
			if err != nil {
				t.Fatal(err)
			}
			if batch.Prev != hex.EncodeToString(prev[:]) || len(events) != size {
				t.Fatalf("batch from %d begins at %s", next, batch.Prev)
			}
			for i, raw := range batch.Events {
				if !bytes.Equal(raw, raws[next+i]) || events[i].Seq != uint64(next+i)+1 {
					t.Fatalf("event %d came back as %s", next+i+1, raw)
				}
				prev = sha256.Sum256(append(prev[:], raw...))
			}
			if batch.Head != hex.EncodeToString(prev[:]) {
				t.Fatalf("batch from %d ends at %s", next, batch.Head)
			}
			next += size
		}
	})
}

func batchOf(raws [][]byte) (list []json.RawMessage) {
	for _, b := range raws {
		list = append(list, b)
	}
	return list
}

// longest is an event of exactly the size that an event may have.
func longest(tb testing.TB, seq uint64) []byte {
	tb.Helper()
	e := event.Event{Epoch: 1<<64 - 1, Seq: seq, At: at, Kind: event.DeviceInsecure}
	for _, field := range []*string{&e.Door, &e.Area, &e.Reader, &e.Device, &e.Person, &e.Card} {
		b, err := event.Encode(e)
		if err != nil {
			tb.Fatal(err)
		}
		if left := event.MaxBytes - len(b) - len(`,"reader":""`); left > 0 {
			*field = strings.Repeat("x", min(left, 300))
		}
	}
	for {
		b, err := event.Encode(e)
		if err != nil {
			tb.Fatal(err)
		}
		if len(b) == event.MaxBytes {
			return b
		}
		e.Door += "x"
	}
}

// A full batch of the longest events fits its payload with its signature, and so do the live events.
func TestTheLargestBatchFits(t *testing.T) {
	var raws [][]byte
	for i := range wire.MaxBatch {
		raws = append(raws, longest(t, 1<<63+uint64(i)))
	}
	batch := wire.SignBatch(address(wire.Events), wire.NewEventBatch(1<<64-1, 1<<63, event.Start("ctl-1", 1), raws), device)
	b, err := wire.Encode(batch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openers[wire.Events](address(wire.Events), b, device.keys()); err != nil {
		t.Error(err)
	}
	live := wire.LiveEvents{V: wire.V, Type: wire.Live, Events: batchOf(raws[:wire.MaxLive])}
	b, err = wire.Seal(address(wire.Live), live, device)
	if err != nil {
		t.Fatal(err)
	}
	if events, again, err := wire.OpenLive(address(wire.Live), b, device.keys()); err != nil || len(events) != wire.MaxLive || !bytes.Equal(again[63], raws[63]) {
		t.Errorf("%d events, %v", len(events), err)
	}
	for name, n := range map[string]int{"none": 0, "one too many": wire.MaxLive + 1} {
		b, err := wire.Seal(address(wire.Live), wire.LiveEvents{V: wire.V, Type: wire.Live, Events: batchOf(raws[:n])}, device)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := wire.OpenLive(address(wire.Live), b, device.keys()); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// R84-1: a batch counts only as its own controller signed it, where it stands in the chain.
func TestR84_1_ABatchIsSignedWithItsPlace(t *testing.T) {
	start := event.Start("ctl-1", 7)
	raws, _ := chain(t, start, 7, 5, 3)
	good := wire.SignBatch(address(wire.Events), wire.NewEventBatch(7, 5, start, raws), device)
	if err := wire.VerifyBatch(address(wire.Events), good, device.keys()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*wire.EventBatch, *wire.Address){
		"another site":       func(_ *wire.EventBatch, a *wire.Address) { a.Site = "demo2" },
		"another controller": func(_ *wire.EventBatch, a *wire.Address) { a.Controller = "ctl-2" },
		"another epoch":      func(b *wire.EventBatch, _ *wire.Address) { b.Epoch++ },
		"another place":      func(b *wire.EventBatch, _ *wire.Address) { b.First++ },
		"fewer events":       func(b *wire.EventBatch, _ *wire.Address) { b.Events = b.Events[:2] },
		"another start":      func(b *wire.EventBatch, _ *wire.Address) { b.Prev = b.Head },
		"another head":       func(b *wire.EventBatch, _ *wire.Address) { b.Head = b.Prev },
		"another key":        func(b *wire.EventBatch, _ *wire.Address) { b.Key = centre.KeyID() },
		"no signature":       func(b *wire.EventBatch, _ *wire.Address) { b.Sig = nil },
		"neither":            func(b *wire.EventBatch, _ *wire.Address) { b.Key, b.Sig = "", nil },
		"a bit":              func(b *wire.EventBatch, _ *wire.Address) { b.Sig = bytes.Clone(b.Sig); b.Sig[5] ^= 1 },
	} {
		b, a := good, address(wire.Events)
		spoil(&b, &a)
		if err := wire.VerifyBatch(a, b, device.keys()); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := wire.VerifyBatch(address(wire.Events), good, centre.keys()); fault.KindOf(err) != fault.Denied {
		t.Errorf("by the key of another: %v", err)
	}
}
