package config_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"kanmon/controller/config"
	"kanmon/internal/fault"
	"kanmon/reader/pcsc/apdu"
)

const pcscOnly = `{
  "site": "demo", "controller": "ctl-1", "data_dir": "data",
  "pcsc_readers": [{"name": "PC-1", "reader": "ACS ACR1252 * PICC*", "signs": "acr1252", "left_after_seconds": 60,
    "felica": {"system": "FE00", "service": "1A8B", "blocks": [0, 2], "from": 2, "length": 8, "by": "direct"}}],
  "relay_boards": [{"name": "RB-1", "port": "line1", "address": 255, "relays": 8}],
  "doors": [{"id": "D-1", "strike": {"device": "RB-1", "output": 0}, "exit_readers": ["PC-1"]}]
}`

func TestAControllerMayHavePCSCReadersOnly(t *testing.T) {
	c, err := config.Parse([]byte(pcscOnly), "/etc/kanmon")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.PCSCReaders[0].Plan()
	want := apdu.Plan{By: apdu.Direct, Service: &apdu.Service{System: 0xFE00, Service: 0x1A8B, Blocks: []byte{0, 2}, From: 2, Length: 8}}
	if err != nil || !reflect.DeepEqual(plan, want) || c.PCSCReaders[0].Left() != time.Minute {
		t.Errorf("%+v (%v), left after %v", plan, err, c.PCSCReaders[0].Left())
	}
	w := c.Wiring("")
	if b, _ := json.Marshal(w); !strings.Contains(string(b), "PC-1") {
		t.Errorf("the reader is no device: %s", b)
	}
}

func TestWhatIsWrongWithAPCSCReaderIsFound(t *testing.T) {
	for _, edit := range [][2]string{
		{`"reader": "ACS ACR1252 * PICC*"`, `"reader": ""`},
		{`"signs": "acr1252"`, `"signs": "wink"`},
		{`"left_after_seconds": 60`, `"left_after_seconds": -1`},
		{`"left_after_seconds": 60`, `"left_after_seconds": 86401`},
		{`"system": "FE00"`, `"system": "FE0"`},
		{`"system": "FE00"`, `"system": "0xFE"`},
		{`"service": "1A8B"`, `"service": "1A88"`},
		{`"service": "1A8B"`, `"service": "+A8B"`},
		{`"blocks": [0, 2]`, `"blocks": []`},
		{`"blocks": [0, 2]`, `"blocks": [0, 1, 2, 3, 4]`},
		{`"blocks": [0, 2]`, `"blocks": [256]`},
		{`"from": 2`, `"from": 32`},
		{`"length": 8`, `"length": 31`},
		{`"by": "direct"`, `"by": "file"`},
		{`"by": "direct"`, `"by": "wink"`},
		{`"name": "PC-1"`, `"name": "RB-1"`},
	} {
		text := strings.Replace(pcscOnly, edit[0], edit[1], 1)
		if text == pcscOnly {
			t.Fatalf("no %s there", edit[0])
		}
		if _, err := config.Parse([]byte(text), "."); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", edit[1], err)
		}
	}
}

// Or the reader before a door might, after PC/SC began anew, be the one that lets everybody out.
func TestNoNameFitsTwoPCSCReaders(t *testing.T) {
	for _, c := range []struct {
		a, b string
		both bool
	}{
		{"ACS ACR1252 * PICC*", "ACS ACR1252 * PICC*", true},
		{"ACS*", "*PICC 00 00", true},
		{"*", "R", true},
		{"R*0", "R 00", true},
		{"*a*b*", "b*a", true},
		{"**", "*", true},
		{"R", "R", true},
		{"R", "RR", false},
		{"R 00*", "R 01*", false},
		{"ACS*", "Sony*", false},
		{"*00", "*01", false},
		{"ab*", "a", false},
		{"R*", "S", false},
		{"a*b", "a*c", false},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			one := `"pcsc_readers": [{"name": "PC-1", "reader": "` + pair[0] + `"}, {"name": "PC-2", "reader": "` + pair[1] + `"}],`
			text := `{"site": "demo", "controller": "ctl-1", "data_dir": "data", ` + one + `
				"relay_boards": [{"name": "RB-1", "port": "line1", "address": 255, "relays": 8}], "doors": [{"id": "D-1", "strike": {"device": "RB-1", "output": 0}}]}`
			if _, err := config.Parse([]byte(text), "."); (fault.CodeOf(err) == "config.reader") != c.both || !c.both && err != nil {
				t.Errorf("%q and %q: %v", pair[0], pair[1], err)
			}
		}
	}
}
