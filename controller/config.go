package controller

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kanmon/controller/core"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
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
	SealingKeyFile string       `json:"sealing_key_file,omitempty"`
	Lines          []LineConfig `json:"lines"` // OSDP lines
	Doors          []DoorConfig `json:"doors"` // what is wired to them
}

// Broker says how to reach the MQTT broker.
type Broker struct {
	URL string `json:"url,omitempty"` // tls://host:port; empty: as the centre said at enrolment
}

// LineConfig is one OSDP line.
type LineConfig struct {
	Port      string         `json:"port"`                  // device node, or a symbolic link to one
	Baud      int            `json:"baud,omitempty"`        // bits per second; 0: 9600
	PollGapMS int            `json:"poll_gap_ms,omitempty"` // pause before an idle device is polled again; 0: 10
	Devices   []DeviceConfig `json:"devices"`
}

// DeviceConfig is one reader or I/O device on a line.
type DeviceConfig struct {
	Name    string `json:"name"`    // unique on the controller; a reader's name is the one doors are given at the centre
	Address int    `json:"address"` // on the line, 0–126
	// SCBKFile is where a person puts the device's own secure channel key, 32 hex digits. The next start seals it in DataDir and removes
	// the file, which need not be there afterwards.
	SCBKFile string `json:"scbk_file,omitempty"`
}

// DoorConfig says what of a door is wired to which device. Names, times and readers come with the policy.
type DoorConfig struct {
	ID         string      `json:"id"`                    // as at the centre
	Strike     OutputPin   `json:"strike"`                // on a device on the secure side
	Contact    *ContactPin `json:"contact,omitempty"`     // without one the door is never seen open
	ExitButton *InputPin   `json:"exit_button,omitempty"` // active while pressed
	// ExitReaders lets people out at these readers also while there is no policy that names them.
	ExitReaders []string `json:"exit_readers,omitempty"`
}

// OutputPin is one output of a device, counted from 0.
type OutputPin struct {
	Device string `json:"device"`
	Output int    `json:"output"`
}

// InputPin is one input of a device, counted from 0.
type InputPin struct {
	Device string `json:"device"`
	Input  int    `json:"input"`
}

// ContactPin is the input of a door contact.
type ContactPin struct {
	InputPin
	OpenWhen int `json:"open_when"` // 1: the input is active while the door is open; 0: inactive
}

// LoadConfig reads, completes and checks a configuration file.
func LoadConfig(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fault.Wrap(fault.NotFound, err, "read configuration")
	}
	c, err := ParseConfig(b, filepath.Dir(path))
	return c, fault.Wrap(fault.Invalid, err, "configuration "+path)
}

// ParseConfig reads a configuration whose relative paths count from dir.
func ParseConfig(b []byte, dir string) (Config, error) {
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

// Check reports the first thing that makes no sense. Rates, addresses and keys are checked by the line itself.
func (c Config) Check() error {
	switch {
	case !wire.ValidName(c.Site):
		return fault.BadField("site", "config.name", fmt.Sprintf("site %q: want [a-z0-9-], at most 32", c.Site))
	case !wire.ValidController(c.Controller):
		return fault.BadField("controller", "config.name", fmt.Sprintf("controller %q: want [a-z0-9-], at most 32, and neither all nor centre", c.Controller))
	case c.DataDir == "":
		return fault.BadField("data_dir", "config.missing", "data_dir is empty")
	case c.Broker.URL != "" && !strings.HasPrefix(c.Broker.URL, "tls://"):
		return fault.BadField("broker", "config.broker", "broker.url is tls://host:port")
	case c.CentreURL != "" && !strings.HasPrefix(c.CentreURL, "https://"):
		return fault.BadField("centre_url", "config.centre", "centre_url is https://host[:port]")
	case len(c.Lines) == 0 || len(c.Doors) == 0:
		return fault.BadField("lines", "config.missing", "a controller needs a line and a door")
	}
	devices, err := c.checkDevices()
	if err != nil {
		return err
	}
	return c.checkDoors(devices)
}

func (c Config) checkDevices() (map[string]bool, error) {
	devices, ports := map[string]bool{}, map[string]bool{}
	for _, l := range c.Lines {
		if l.Port == "" || ports[l.Port] {
			return nil, fault.BadField("port", "config.port", fmt.Sprintf("line port %q twice or empty", l.Port))
		}
		ports[l.Port] = true
		for _, d := range l.Devices {
			if d.Name == "" || devices[d.Name] {
				return nil, fault.BadField("name", "config.device", fmt.Sprintf("device %q twice or without a name", d.Name))
			}
			devices[d.Name] = true
		}
	}
	return devices, nil
}

func (c Config) checkDoors(devices map[string]bool) error {
	taken := map[string]bool{}
	claim := func(what string) error {
		if taken[what] {
			return fault.BadField("doors", "config.twice", what+" twice")
		}
		taken[what] = true
		return nil
	}
	for _, d := range c.Doors {
		if d.ID == "" {
			return fault.BadField("id", "config.door", "door without an id")
		}
		if err := claim("door " + d.ID); err != nil {
			return err
		}
		for _, p := range d.pins() {
			if !devices[p.device] || p.number < 0 || p.number > 255 {
				return fault.BadField("doors", "config.wire", fmt.Sprintf("door %s: %s %d of device %q", d.ID, p.kind, p.number, p.device))
			}
			if err := claim(fmt.Sprintf("%s %d of device %s", p.kind, p.number, p.device)); err != nil {
				return err
			}
		}
		if err := d.checkReaders(devices, claim); err != nil {
			return err
		}
	}
	return nil
}

func (d DoorConfig) checkReaders(devices map[string]bool, claim func(string) error) error {
	if d.Contact != nil && d.Contact.OpenWhen != 0 && d.Contact.OpenWhen != 1 {
		return fault.BadField("open_when", "config.contact", fmt.Sprintf("door %s: open_when is 0 or 1", d.ID))
	}
	for _, r := range d.ExitReaders {
		if !devices[r] {
			return fault.BadField("exit_readers", "config.reader", fmt.Sprintf("door %s: no reader %q", d.ID, r))
		}
		if err := claim("exit reader " + r); err != nil {
			return err
		}
	}
	return nil
}

type pin struct {
	kind, device string
	number       int
}

func (d DoorConfig) pins() []pin {
	all := []pin{{"output", d.Strike.Device, d.Strike.Output}}
	if d.Contact != nil {
		all = append(all, pin{"input", d.Contact.Device, d.Contact.Input})
	}
	if d.ExitButton != nil {
		all = append(all, pin{"input", d.ExitButton.Device, d.ExitButton.Input})
	}
	return all
}

// wiring is the part of the configuration that the core decides with.
func (c Config) wiring(software string) core.Wiring {
	w := core.Wiring{Software: software}
	for _, l := range c.Lines {
		for _, d := range l.Devices {
			w.Devices = append(w.Devices, d.Name)
		}
	}
	for _, d := range c.Doors {
		door := core.WiredDoor{ID: d.ID, ExitReaders: d.ExitReaders}
		if d.Contact != nil {
			door.Contact = &core.Wire{Device: d.Contact.Device, Input: d.Contact.Input}
			door.OpenWhen = core.Level(d.Contact.OpenWhen)
		}
		if d.ExitButton != nil {
			door.ExitButton = &core.Wire{Device: d.ExitButton.Device, Input: d.ExitButton.Input}
		}
		w.Doors = append(w.Doors, door)
	}
	return w
}

// IdentityDir is the folder of the controller's identity.
func (c Config) IdentityDir() string { return filepath.Join(c.DataDir, "identity") }
