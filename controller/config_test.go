package controller

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kanmon/controller/controllertest"
	"kanmon/controller/core"
	"kanmon/internal/fault"
)

const exampleConfig = `{
	"site": "demo", "controller": "ctl-1", "data_dir": "data", "software": "1.0",
	"broker": {"url": "tls://127.0.0.1:1"}, "centre_url": "https://127.0.0.1:1",
	"lines": [{"port": "line0", "baud": 115200, "poll_gap_ms": 10, "devices": [
		{"name": "IN-1", "address": 1, "scbk_file": "in1.key"},
		{"name": "IO-1", "address": 3, "scbk_file": "io1.key"}]}],
	"doors": [{"id": "D-1", "strike": {"device": "IO-1", "output": 0}, "contact": {"device": "IO-1", "input": 0, "open_when": 1},
		"exit_button": {"device": "IO-1", "input": 1}, "exit_readers": ["IN-1"]}]
}`

const otherKey = "91c3a7e04b5d2f68803e11f7c9da6254"

// writeSite writes a configuration and the files it names.
func writeSite(t testing.TB, config string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"controller.json": config,
		"in1.key":         "000102030405060708090a0b0c0d0e77\n", "io1.key": otherKey + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "controller.json")
}

func TestAConfigurationIsReadWithPathsFromItsOwnFolder(t *testing.T) {
	path := writeSite(t, exampleConfig)
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	if c.DataDir != filepath.Join(dir, "data") || c.SealingKeyFile != filepath.Join(dir, "data", "sealing-key") || c.Lines[0].Port != filepath.Join(dir, "line0") || c.Lines[0].Devices[1].SCBKFile != filepath.Join(dir, "io1.key") {
		t.Fatalf("paths %+v", c)
	}
	want := core.Wiring{Software: "v", Devices: []string{"IN-1", "IO-1"}, Doors: []core.WiredDoor{{
		ID: "D-1", Contact: &core.Wire{Device: "IO-1", Input: 0}, OpenWhen: core.Active, ExitButton: &core.Wire{Device: "IO-1", Input: 1}, ExitReaders: []string{"IN-1"},
		Strike: "IO-1",
	}}}
	if got := c.wiring("v"); !reflect.DeepEqual(got, want) {
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
		text := strings.Replace(exampleConfig, edit[0], edit[1], 1)
		if text == exampleConfig {
			t.Fatalf("%s: the edit does nothing", name)
		}
		if _, err := ParseConfig([]byte(text), "/x"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadConfig(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("read a file that is not there")
	}
}

// What -check finds beyond the form: keys, addresses, rates, broker. No error repeats a secret.
func TestAnEdgeRefusesBadKeysAndLines(t *testing.T) {
	secret := "000102030405060708090a0b0c0d0e"
	centre := controllertest.StartCentre(t, "demo")
	for name, c := range map[string]struct {
		file, text string    // a file with other contents
		edit       [2]string // or another configuration
	}{
		"short SCBK":            {file: "in1.key", text: secret},
		"SCBK not hex":          {file: "in1.key", text: secret + "zz"},
		"the public key":        {file: "in1.key", text: "303132333435363738393a3b3c3d3e3f"},
		"two with one key":      {file: "in1.key", text: otherKey},
		"address out of range":  {edit: [2]string{`"address": 1`, `"address": 127`}},
		"one key on two lines":  {edit: [2]string{`}]}],`, `}]}, {"port": "line1", "devices": [{"name": "IN-2", "address": 1, "scbk_file": "io1.key"}]}],`}},
		"address twice":         {edit: [2]string{`"address": 1`, `"address": 3`}},
		"rate nobody has":       {edit: [2]string{`115200`, `12345`}},
		"broker without a port": {edit: [2]string{`tls://127.0.0.1:1`, `tls://127.0.0.1`}},
	} {
		t.Run(name, func(t *testing.T) {
			text := exampleConfig
			if c.edit[0] != "" {
				text = strings.Replace(text, c.edit[0], c.edit[1], 1)
			}
			path := writeSite(t, text)
			if c.file != "" {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), c.file), []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cfg, err := LoadConfig(path)
			if err == nil {
				centre.Enrol(t, cfg.Controller, cfg.DataDir)
				_, err = NewEdge(cfg, quietLog)
			}
			if err == nil {
				t.Fatal("accepted")
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret[:8]) {
				t.Fatalf("the error repeats the key: %v", err)
			}
		})
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(exampleConfig))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"lines":[{"devices":[{}]}],"doors":[{"contact":{}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b, "/x")
		if err != nil {
			return
		}
		if w := c.wiring(""); len(w.Doors) == 0 || len(w.Devices) == 0 {
			t.Fatalf("accepted a controller without doors: %+v", c)
		}
	})
}
