package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kanmon/controller/inputs"
	"kanmon/controller/wiring"
	"kanmon/internal/fault"
)

const example = `{
	"site": "demo", "controller": "ctl-1", "data_dir": "data", "software": "1.0",
	"broker": {"url": "tls://127.0.0.1:1"}, "centre_url": "https://127.0.0.1:1",
	"lines": [{"port": "line0", "baud": 115200, "poll_gap_ms": 10, "devices": [
		{"name": "IN-1", "address": 1, "scbk_file": "in1.key"},
		{"name": "IO-1", "address": 3, "scbk_file": "io1.key"}]}],
	"doors": [{"id": "D-1", "strike": {"device": "IO-1", "output": 0}, "contact": {"device": "IO-1", "input": 0, "open_when": 1},
		"exit_button": {"device": "IO-1", "input": 1}, "exit_readers": ["IN-1"]}]
}`

func TestAConfigurationIsReadWithPathsFromItsOwnFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "controller.json")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	if c.DataDir != filepath.Join(dir, "data") || c.SealingKeyFile != filepath.Join(dir, "data", "sealing-key") || c.Lines[0].Port != filepath.Join(dir, "line0") || c.Lines[0].Devices[1].SCBKFile != filepath.Join(dir, "io1.key") {
		t.Fatalf("paths %+v", c)
	}
	want := wiring.Wiring{Software: "v", Devices: []string{"IN-1", "IO-1"}, Doors: []wiring.Door{{
		ID: "D-1", Contact: &inputs.Wire{Device: "IO-1", Input: 0}, OpenWhen: inputs.Active, ExitButton: &inputs.Wire{Device: "IO-1", Input: 1}, ExitReaders: []string{"IN-1"},
		Strike: "IO-1",
	}}}
	if got := c.Wiring("v"); !reflect.DeepEqual(got, want) {
		t.Fatalf("wiring %+v, want %+v", got, want)
	}
}

func TestAConfigurationThatMakesNoSenseIsRefused(t *testing.T) {
	for name, edit := range map[string][2]string{
		"unknown field":           {`"site"`, `"sight": 1, "site"`},
		"site with capitals":      {`"demo"`, `"Demo"`},
		"controller with a slash": {`"controller": "ctl-1"`, `"controller": "ctl/1"`},
		"no data folder":          {`"data_dir": "data"`, `"data_dir": ""`},
		"broker in the clear":     {`"tls://127.0.0.1:1"`, `"tcp://127.0.0.1:1"`},
		"centre in the clear":     {`"https://`, `"http://`},
		"a reserved name":         {`"controller": "ctl-1"`, `"controller": "centre"`},
		"a password":              {`"broker": {`, `"broker": {"password_file": "p", `},
		"device twice":            {`"name": "IO-1"`, `"name": "IN-1"`},
		"strike on no device":     {`"strike": {"device": "IO-1"`, `"strike": {"device": "IO-2"`},
		"output out of range":     {`"output": 0`, `"output": 256`},
		"negative input":          {`"input": 1}`, `"input": -1}`},
		"input twice":             {`"input": 1}`, `"input": 0}`},
		"contact neither way":     {`"open_when": 1`, `"open_when": 2`},
		"exit reader nowhere":     {`"exit_readers": ["IN-1"]`, `"exit_readers": ["IN-9"]`},
		"exit reader twice":       {`"exit_readers": ["IN-1"]`, `"exit_readers": ["IN-1", "IN-1"]`},
		"door without an id":      {`"id": "D-1"`, `"id": ""`},
		"no port":                 {`"port": "line0"`, `"port": ""`},
		"more behind":             {`"exit_readers": ["IN-1"]}]` + "\n}", `"exit_readers": ["IN-1"]}]` + "\n} x"},
		"not JSON":                {`{`, `[`},
	} {
		text := strings.Replace(example, edit[0], edit[1], 1)
		if text == example {
			t.Fatalf("%s: the edit does nothing", name)
		}
		if _, err := Parse([]byte(text), "/x"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("read a file that is not there")
	}
}

func TestLocksAndWiresThatMakeNoSenseAreRefused(t *testing.T) {
	b, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	full := string(b)
	if _, err := Parse(b, "/x"); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"a kind of lock nobody has":      {`"energise_to_lock"`, `"magnet"`},
		"a pulse that nothing ends":      {`"auto_relock": true`, `"auto_relock": false`},
		"auto relock of another kind":    {`"output": 7`, `"output": 7, "auto_relock": true`},
		"locking output of another kind": {`"output": 7`, `"output": 7, "locking": {"device": "RB-1", "output": 6}`},
		"a pulse on a GPIO line":         {`"output": 17, "watchdog": true`, `"output": 17, "lock": "pulse", "auto_relock": true`},
		"a pulse locked by a GPIO line":  {`"locking": {"device": "RB-1", "output": 1}`, `"locking": {"device": "GP-1", "output": 1}`},
		"a watchdog on a relay":          {`"output": 7`, `"output": 7, "watchdog": true`},
		"an output twice":                {`"locking": {"device": "RB-1", "output": 1}`, `"locking": {"device": "RB-1", "output": 0}`},
		"a relay that is not there":      {`"output": 7`, `"output": 8`},
		"an input of a relay board":      {`{"device": "GP-1", "input": 5}`, `{"device": "RB-1", "input": 5}`},
		"a GPIO line both ways":          {`"input": 22`, `"input": 17`},
		"a GPIO line that is not there":  {`"input": 22`, `"input": 64`},
		"a relay board as a reader":      {`"exit_button": {"device": "GP-1", "input": 5}`, `"exit_readers": ["RB-1"]`},
		"two devices of one name":        {`"name": "GP-1"`, `"name": "RB-1"`},
		"two on one port":                {`"port": "line1"`, `"port": "line0"`},
		"a lock that says neither":       {`"locked_when": 1`, `"locked_when": 2`},
		"a lock whose word is not said":  {`, "locked_when": 1`, ``},
		"an alarm whose word is not said": {
			`"input": 7, "active_when": 1`, `"input": 7`,
		},
		"gas that goes nowhere":     {`["server"]`, `[]`},
		"a cabinet input twice":     {`"input": 7`, `"input": 6`},
		"a wire nobody knows":       {`"box"`, `"flood"`},
		"a cabinet on no device":    {`"mains": {"device": "IO-1"`, `"mains": {"device": "IO-9"`},
		"a lock status taken twice": {`"input": 2`, `"input": 3`},
	} {
		text := strings.Replace(full, edit[0], edit[1], 1)
		if text == full {
			t.Fatalf("%s: the edit does nothing", name)
		}
		if _, err := Parse([]byte(text), "/x"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"lines":[{"devices":[{}]}],"doors":[{"contact":{}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b, "/x")
		if err != nil {
			return
		}
		if w := c.Wiring(""); len(w.Doors) == 0 || len(w.Devices) == 0 {
			t.Fatalf("accepted a controller without doors: %+v", c)
		}
	})
}
