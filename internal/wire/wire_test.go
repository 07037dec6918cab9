package wire_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// Other systems read these bytes. `go test ./internal/wire -update` writes them anew.
func TestTheBytesOfEveryPayloadAreGolden(t *testing.T) {
	for name, e := range examples(t) {
		got := e.payload(t)
		if *update {
			if err := os.WriteFile("testdata/"+name+".json", got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want := golden(t, name)
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if back, err := e.open(want); err != nil || !reflect.DeepEqual(back, e.body) {
			t.Errorf("%s was read as %+v, want %+v (%v)", name, back, e.body, err)
		}
	}
}

// The examples in docs/wire.md are the golden files, all of them and nothing else.
func TestTheExamplesInTheDocumentAreTheGoldenFiles(t *testing.T) {
	doc, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	byText := map[string]string{}
	for name := range examples(t) {
		byText[string(golden(t, name))] = name
	}
	for _, block := range strings.Split(string(doc), "```json\n")[1:] {
		shown, _, _ := strings.Cut(block, "\n```")
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(shown)); err != nil {
			t.Errorf("%v in %s", err, shown)
			continue
		}
		if byText[compact.String()] == "" {
			t.Errorf("no golden file, or the second time: %s", shown)
		}
		delete(byText, compact.String())
	}
	for _, name := range byText {
		t.Errorf("the document does not show testdata/%s.json", name)
	}
}

func TestEveryPayloadIsReadStrictly(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 20_000)
	for name, e := range examples(t) {
		good := e.payload(t)
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
			"a huge version":       swap(`"v":1`, `"v":1e999`),
			"a version with point": swap(`"v":1`, `"v":1.0`),
			"a byte behind":        append(bytes.Clone(good), ' '),
			"twice":                append(bytes.Clone(good), good...),
			"10 MB":                append(bytes.Clone(good), make([]byte, 10<<20)...),
			"10 MB of white space": append(bytes.Repeat([]byte{' '}, 10<<20), good...),
			"deep nesting":         []byte(`{"v":1,"type":"signed","x":` + deep),
		} {
			_, err := e.open(b)
			if k := fault.KindOf(err); err == nil || (k != fault.Invalid && k != fault.TooLarge) {
				t.Errorf("%s with %s: %v", name, what, err)
			}
		}
		if _, err := e.open(swap(`"v":1`, `"v":2`)); fault.CodeOf(err) != "wire.version" {
			t.Errorf("%s of another version: %v, want it to be called that", name, err)
		}
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
	if _, err := wire.Seal(address(wire.Status), func() {}, device); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

func TestTopicsAreReadStrictly(t *testing.T) {
	for _, k := range append(wire.Ups(), wire.Downs()...) {
		a, err := wire.ParseTopic(wire.Topic("demo", "ctl-1", k))
		if err != nil || a != (wire.Address{Site: "demo", Controller: "ctl-1", Kind: k}) || a.Topic() != wire.Topic("demo", "ctl-1", k) {
			t.Errorf("%s: %+v, %v", k, a, err)
		}
		if k.Up() == k.Down() {
			t.Errorf("%s goes both ways or none", k)
		}
		if wire.Filter("demo", k) != "kanmon/v1/demo/+/"+string(k) {
			t.Errorf("filter %s", wire.Filter("demo", k))
		}
		if _, err := wire.ParseTopic(wire.Topic("demo", wire.All, k)); (err == nil) != (k == wire.Revoked) {
			t.Errorf("%s to all: %v", k, err)
		}
		if _, err := wire.ParseTopic(wire.Topic("demo", wire.Centre, k)); err == nil {
			t.Errorf("%s of a controller that is called as the centre", k)
		}
	}
	for _, topic := range []string{
		"", "/", "kanmon", "kanmon/v1/demo/ctl-1", "kanmon/v1/demo/ctl-1/events/", "/kanmon/v1/demo/ctl-1/events", "kanmon/v2/demo/ctl-1/events",
		"kanmon/v1/demo/ctl-1/event", "kanmon/v1/demo/+/events", "kanmon/v1/#", "kanmon/v1//ctl-1/events", "kanmon/v1/Demo/ctl-1/events",
		"kanmon/v1/demo/-ctl/events", "kanmon/v1/demo/ctl 1/events", "kanmon/v1/demo/関門/events", "kanmon/v1/demo/ctl-1\n/events",
		"kanmon/v1/demo/" + strings.Repeat("x", 33) + "/events", "$share/g/kanmon/v1/demo/ctl-1/events", "kanmon/v1/demo/ctl-1/signed",
		"kanmon/v1/demo/ctl-1/manifest", "kanmon/v1/demo/ctl-1/",
	} {
		if a, err := wire.ParseTopic(topic); err == nil || a != (wire.Address{}) {
			t.Errorf("%q was read as %+v", topic, a)
		}
	}
}

func TestReservedNamesAreNoControllers(t *testing.T) {
	for s, want := range map[string]bool{"ctl-1": true, "all": false, "centre": false, "all-1": true, "": false, "+": false} {
		if wire.ValidController(s) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
}
