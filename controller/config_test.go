package controller

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/controller/controllertest"
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
