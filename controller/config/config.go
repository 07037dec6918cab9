// Package config is the configuration file of a controller: what it says, and what of it makes no sense.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"kanmon/internal/fault"
)

// Config is a controller's configuration file: one JSON object. Unknown fields are errors. Paths that are not
// absolute count from the folder of the file.
type Config struct {
	Site       string `json:"site"`                 // name of the site, as in topics: [a-z0-9-], at most 32
	Controller string `json:"controller"`           // name of this controller, the same form
	DataDir    string `json:"data_dir"`             // folder of the journal, the policy and the identity; made if it is not there
	Software   string `json:"software,omitempty"`   // version shown in the status; empty: the program's own
	CentreURL  string `json:"centre_url,omitempty"` // of the centre's console, https://host[:port]: where enroll asks
	Broker     Broker `json:"broker"`               // way to the centre
	// SealingKeyFile holds the key under which the identity's secrets are encrypted; empty: sealing-key in DataDir. A systemd credential
	// kanmon-sealing-key outranks the file. Kept beside the identity the file protects a backup of the one without the other, and
	// nothing against the thief of the machine: name a place on another medium, or use the credential.
	SealingKeyFile string `json:"sealing_key_file,omitempty"`
	Lines          []Line `json:"lines"` // OSDP lines
	// RelayBoards and GPIO carry outputs and inputs besides those of OSDP devices. Names are unique among all devices.
	RelayBoards []RelayBoard `json:"relay_boards,omitempty"`
	GPIO        []GPIO       `json:"gpio,omitempty"`
	// PCSCReaders are readers that a PC/SC daemon on this machine serves.
	PCSCReaders []PCSCReader `json:"pcsc_readers,omitempty"`
	Doors       []Door       `json:"doors"` // what is wired to them
	Cabinet     Cabinet      `json:"cabinet,omitzero"`
}

// Broker says how to reach the MQTT broker.
type Broker struct {
	URL string `json:"url,omitempty"` // tls://host:port; empty: as the centre said at enrolment
}

// Line is one OSDP line.
type Line struct {
	Port      string   `json:"port"`                  // device node, or a symbolic link to one
	Baud      int      `json:"baud,omitempty"`        // bits per second; 0: 9600
	PollGapMS int      `json:"poll_gap_ms,omitempty"` // pause before an idle device is polled again; 0: 10
	Devices   []Device `json:"devices"`
}

// Device is one reader or I/O device on a line.
type Device struct {
	Name    string `json:"name"`    // unique on the controller; a reader's name is the one doors are given at the centre
	Address int    `json:"address"` // on the line, 0–126
	// SCBKFile is where a person puts the device's own secure channel key, 32 hex digits. The next start seals it in DataDir and removes
	// the file, which need not be there afterwards.
	SCBKFile string `json:"scbk_file,omitempty"`
}

// Load reads, completes and checks a configuration file.
func Load(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fault.Wrap(fault.NotFound, err, "read configuration")
	}
	c, err := Parse(b, filepath.Dir(path))
	return c, fault.Wrap(fault.Invalid, err, "configuration "+path)
}

// Parse reads a configuration whose relative paths count from dir.
func Parse(b []byte, dir string) (Config, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var c Config
	if err := dec.Decode(&c); err != nil {
		return Config{}, fault.Wrap(fault.Invalid, err, "decode")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Config{}, fault.New(fault.Invalid, "config.trailing", "bytes after the configuration")
	}
	c.resolve(dir)
	return c, c.Check()
}

func (c *Config) resolve(dir string) {
	if c.SealingKeyFile == "" && c.DataDir != "" {
		c.SealingKeyFile = filepath.Join(c.DataDir, "sealing-key")
	}
	paths := []*string{&c.DataDir, &c.SealingKeyFile}
	for i := range c.RelayBoards {
		paths = append(paths, &c.RelayBoards[i].Port)
	}
	for i := range c.Lines {
		paths = append(paths, &c.Lines[i].Port)
		for j := range c.Lines[i].Devices {
			paths = append(paths, &c.Lines[i].Devices[j].SCBKFile)
		}
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// IdentityDir is the folder of the controller's identity.
func (c Config) IdentityDir() string { return filepath.Join(c.DataDir, "identity") }
