package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// chain encodes n events of an epoch, numbered from first, and returns them with their last link.
func chain(tb testing.TB, prev event.Hash, epoch, first uint64, n int) (raws [][]byte, head event.Hash) {
	tb.Helper()
	head = prev
	for i := range n {
		e := event.Event{
			Epoch: epoch, Seq: first + uint64(i), At: time.Date(2026, 7, 1, 3, 4, int(first+uint64(i))%60, 0, time.UTC), Kind: event.AccessGranted,
			Door: "D-1", Area: "server", Reader: "IN-1", Direction: access.In, Reason: access.Granted, Person: "S-0012", Card: "C-0034",
			Policy: &access.Version{Epoch: 1, N: 42},
		}
		b, err := event.Encode(e)
		if err != nil {
			tb.Fatal(err)
		}
		raws = append(raws, b)
		link := sha256.Sum256(append(head[:], b...))
		head = link
	}
	return raws, head
}

func spec() access.Spec {
	return access.Spec{
		Version: access.Version{Epoch: 1, N: 42},
		Areas:   []access.Area{{ID: "server", Name: "電子計算機室", Grade: 3, Record: access.Strict}},
		Doors: []access.Door{{
			ID: "D-1", Name: "電子計算機室 入口", Area: "server", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1"}, ReleaseMS: 3000, HeldMS: 20_000,
		}},
		Schedules:   []access.Schedule{{ID: "weekdays", Name: "平日", Windows: []access.Window{{Day: 1, From: 510, Until: 1035}}}},
		People:      []access.Person{{ID: "S-0012", Until: 1806418800}},
		Credentials: []access.Credential{{Key: access.Key{0xDE, 0xAD, 0xBE, 0xEF}, Card: "C-0034", Person: "S-0012", State: access.Active}},
		Rights:      []access.Right{{Person: "S-0012", Area: "server", Schedule: "weekdays"}},
	}
}

// examples holds one payload of every kind.
func examples(tb testing.TB) map[string]any {
	tb.Helper()
	at := time.Date(2026, 7, 1, 3, 4, 5, 678_901_000, time.UTC)
	start := event.Start("ctl-1", 7)
	raws, _ := chain(tb, start, 7, 1, 2)
	parts, err := wire.SplitPolicy(spec())
	if err != nil || len(parts) != 1 {
		tb.Fatalf("%d parts, %v", len(parts), err)
	}
	return map[string]any{
		"events": wire.NewEventBatch(7, 1, start, raws),
		"ack":    wire.NewAck(7, 2),
		"status": wire.ControllerStatus{
			V: wire.V, Type: wire.Status, Online: true, At: &at, Epoch: 7, LastSeq: 2, Acked: 2, Policy: &access.Version{Epoch: 1, N: 42},
			PolicyHash: parts[0].Hash, Software: "kanmon-controller 0.1", Trouble: []string{"clock"},
			Devices: []wire.DeviceStatus{{Name: "IN-1", Online: true, Secure: true}, {Name: "IN-2", Detail: "応答なし"}},
			Doors:   []wire.DoorStatus{{ID: "D-1", State: "locked"}},
		},
		"offline": wire.Offline(),
		"policy":  parts[0],
	}
}

func read(kind string, b []byte) error {
	var err error
	switch kind {
	case "events":
		_, _, err = wire.DecodeEventBatch(b)
	case "ack":
		_, err = wire.DecodeAck(b)
	case "status", "offline":
		_, err = wire.DecodeStatus(b)
	case "policy":
		_, err = wire.DecodePolicyPart(b)
	default:
		err = fmt.Errorf("no kind %q", kind)
	}
	return err
}

// Other systems read these bytes. `go test ./internal/wire -update` writes them anew.
func TestTheBytesOfEveryPayloadAreGolden(t *testing.T) {
	for name, v := range examples(t) {
		got, err := wire.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		file := "testdata/" + name + ".json"
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s (%v)", name, got, want, err)
		}
		if err := read(name, want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The examples in docs/wire.md are the golden files.
func TestTheExamplesInTheDocumentAreReadable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, block := range strings.Split(string(doc), "```json\n")[1:] {
		example, _, _ := strings.Cut(block, "\n```")
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(example)); err != nil {
			t.Errorf("%v in %s", err, example)
			continue
		}
		for name := range examples(t) {
			golden, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(golden, compact.Bytes()) {
				shown[name] = true
				if err := read(name, compact.Bytes()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	for name := range examples(t) {
		if !shown[name] {
			t.Errorf("the document does not show testdata/%s.json", name)
		}
	}
}

func TestEveryPayloadIsReadStrictly(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 20_000)
	for name, v := range examples(t) {
		good, err := wire.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		swap := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
		for what, b := range map[string][]byte{
			"nothing":              nil,
			"null":                 []byte("null"),
			"a list":               []byte("[]"),
			"half":                 good[:len(good)/2],
			"another version":      swap(`"v":1`, `"v":2`),
			"no version":           swap(`"v":1,`, ``),
			"another type":         swap(`"type":"`, `"type":"x`),
			"an unknown field":     swap(`"v":1`, `"v":1,"x":1`),
			"a field twice":        swap(`"v":1`, `"v":1,"v":1`),
			"a field in capitals":  swap(`"type"`, `"Type"`),
			"fields the other way": swap(`"v":1,"type"`, `"type":0,"v"`),
			"white space":          swap(`"v":1,`, `"v":1, `),
			"a byte behind":        append(bytes.Clone(good), ' '),
			"twice":                append(bytes.Clone(good), good...),
			"10 MB":                append(bytes.Clone(good), make([]byte, 10<<20)...),
			"10 MB of white space": append(bytes.Repeat([]byte{' '}, 10<<20), good...),
			"deep nesting":         []byte(`{"v":1,"type":"` + name + `","x":` + deep),
		} {
			err := read(name, b)
			if k := fault.KindOf(err); err == nil || (k != fault.Invalid && k != fault.TooLarge) {
				t.Errorf("%s with %s: %v", name, what, err)
			}
		}
		if err := read(name, swap(`"v":1`, `"v":2`)); fault.CodeOf(err) != "wire.version" {
			t.Errorf("%s of another version: %v, want it to be called that", name, err)
		}
	}
}

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

func TestAnAckNeedsAnEpoch(t *testing.T) {
	b, err := wire.Encode(wire.NewAck(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	if a, err := wire.DecodeAck(b); err == nil || a != (wire.AckUpTo{}) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAStatusIsShort(t *testing.T) {
	s := wire.Offline()
	for range 2000 {
		s.Devices = append(s.Devices, wire.DeviceStatus{Name: "IN-1", Detail: "xxxxxxxxxx"})
	}
	b, err := wire.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.DecodeStatus(b); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("a status of %d bytes: %v", len(b), err)
	}
}

// What a device said, whatever its bytes, must not cost the status.
func TestADetailThatIsNotUTF8IsReadAgain(t *testing.T) {
	s := wire.Offline()
	s.Devices = []wire.DeviceStatus{{Name: "IN-1", Detail: "\xff\\ufffd\xfe"}}
	b, err := wire.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := wire.DecodeStatus(b); err != nil || back.Devices[0].Detail != "\uFFFD\\ufffd\uFFFD" {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestWhatIsTooLargeIsNotEncoded(t *testing.T) {
	s := wire.Offline()
	s.Software = strings.Repeat("x", wire.MaxPayload)
	if _, err := wire.Encode(s); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("%v", err)
	}
	if _, err := wire.Encode(func() {}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

func TestTopicsAreReadStrictly(t *testing.T) {
	for _, k := range []wire.Kind{wire.Events, wire.Status, wire.Ack, wire.Policy, wire.Commands} {
		a, err := wire.ParseTopic(wire.Topic("demo", "ctl-1", k))
		if err != nil || a != (wire.Address{Site: "demo", Controller: "ctl-1", Kind: k}) {
			t.Errorf("%s: %+v, %v", k, a, err)
		}
		if k.Up() == k.Down() {
			t.Errorf("%s goes both ways or none", k)
		}
		if wire.Filter("demo", k) != "kanmon/v1/demo/+/"+string(k) {
			t.Errorf("filter %s", wire.Filter("demo", k))
		}
	}
	for _, topic := range []string{
		"", "/", "kanmon", "kanmon/v1/demo/ctl-1", "kanmon/v1/demo/ctl-1/events/", "/kanmon/v1/demo/ctl-1/events", "kanmon/v2/demo/ctl-1/events",
		"kanmon/v1/demo/ctl-1/event", "kanmon/v1/demo/+/events", "kanmon/v1/#", "kanmon/v1//ctl-1/events", "kanmon/v1/Demo/ctl-1/events",
		"kanmon/v1/demo/-ctl/events", "kanmon/v1/demo/ctl 1/events", "kanmon/v1/demo/関門/events", "kanmon/v1/demo/ctl-1\n/events",
		"kanmon/v1/demo/" + strings.Repeat("x", 33) + "/events", "$share/g/kanmon/v1/demo/ctl-1/events",
	} {
		if a, err := wire.ParseTopic(topic); err == nil || a != (wire.Address{}) {
			t.Errorf("%q was read as %+v", topic, a)
		}
	}
}

func FuzzParseTopic(f *testing.F) {
	f.Add("kanmon/v1/demo/ctl-1/events")
	f.Add("kanmon/v1/demo/+/status")
	f.Fuzz(func(t *testing.T, topic string) {
		if a, err := wire.ParseTopic(topic); err == nil && wire.Topic(a.Site, a.Controller, a.Kind) != topic {
			t.Fatalf("%q was read as %+v", topic, a)
		}
	})
}

// What a decoder accepts, Encode writes the same.
func FuzzDecoders(f *testing.F) {
	for _, v := range examples(f) {
		b, err := wire.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var accepted []any
		if v, _, err := wire.DecodeEventBatch(b); err == nil {
			accepted = append(accepted, v)
		}
		if v, err := wire.DecodeAck(b); err == nil {
			accepted = append(accepted, v)
		}
		if v, err := wire.DecodeStatus(b); err == nil {
			accepted = append(accepted, v)
		}
		if v, err := wire.DecodePolicyPart(b); err == nil {
			accepted = append(accepted, v)
			var a wire.Assembler
			_, _, _ = a.Add(v)
		}
		if len(accepted) > 1 {
			t.Fatalf("%s is %d kinds of payload", b, len(accepted))
		}
		for _, v := range accepted {
			if again, err := wire.Encode(v); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%s is written as %s (%v)", b, again, err)
			}
		}
	})
}
