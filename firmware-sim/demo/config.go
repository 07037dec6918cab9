package demo

import "cmp"

// deviceSpec is one device on the demo's line.
type deviceSpec struct {
	name    string
	address int
	reader  bool
}

func (d deviceSpec) kind() string {
	if d.reader {
		return "osdp_reader"
	}
	return "osdp_io"
}

func devices() []deviceSpec {
	return []deviceSpec{{"IN-1", 1, true}, {"IN-2", 2, true}, {"IO-1", 3, false}}
}

// City is one demo city on disk: its keys, cards, passwords and the configuration of its programs.
type City struct {
	Files           Files
	Console, Broker string // listen addresses
	External        bool   // the broker at Broker is not the centre's own
	Road            string // where the controller finds the broker; empty: at Broker
	Silent          int    // seconds until a controller that says nothing is an alarm; 0: the centre's default
	PCSC            bool   // there is a virtual PC/SC reader
	Users           []Login
	Cards           map[string]string // name → bits
}

// Make writes a new city's keys, cards and passwords, and the configuration of all programs.
func Make(dir, console, broker string) (*City, error) {
	c := &City{Files: Files{dir}, Console: console, Broker: broker, Users: logins(), Cards: map[string]string{StrayCard: newCard()}}
	if err := c.Files.make(); err != nil {
		return nil, err
	}
	for _, dev := range devices() {
		if err := c.Files.keep(dev.name, newKey()); err != nil {
			return nil, err
		}
	}
	for _, p := range people() {
		c.Cards[p.Card] = newCard()
	}
	for i := range c.Users {
		p, err := newPassword()
		if err != nil {
			return nil, err
		}
		c.Users[i].Password = p
	}
	if err := writeJSON(c.Files.Cards(), c.Cards); err != nil {
		return nil, err
	}
	if err := writeJSON(c.Files.logins(), c.Users); err != nil {
		return nil, err
	}
	return c, c.Configure()
}

// Open reads a city that was made and filled before.
func Open(dir, console, broker string) (*City, error) {
	c := &City{Files: Files{dir}, Console: console, Broker: broker}
	if err := readJSON(c.Files.logins(), &c.Users); err != nil {
		return nil, err
	}
	if err := readJSON(c.Files.Cards(), &c.Cards); err != nil {
		return nil, err
	}
	for _, dev := range devices() {
		if err := c.Files.part(dev.name); err != nil {
			return nil, err
		}
	}
	return c, c.Configure()
}

// Configure writes the configuration of all programs, with the addresses the city has now.
func (c *City) Configure() error {
	for path, content := range map[string]any{
		c.Files.CentreConfig(): c.centre(), c.Files.ControllerConfig(): c.controller(), c.Files.SimConfig(): c.simulator(),
	} {
		if err := writeJSON(path, content); err != nil {
			return err
		}
	}
	return nil
}

// Site of the city.
const Site = "demo"

// URL of the console.
func (c *City) URL() string { return "https://" + c.Console }

func (c *City) centre() body {
	broker := body{"listen": c.Broker}
	if c.External {
		broker = body{"url": "tls://" + c.Broker, "files_dir": c.Files.Mosquitto(), "files_listen": c.Broker}
	}
	b := body{"site": Site, "data_dir": c.Files.centreDir(), "console_listen": c.Console, "broker": broker}
	if c.Silent > 0 {
		b["alarms"] = body{"silent_seconds": c.Silent}
	}
	return b
}

func (c *City) controller() body {
	line := body{"port": c.Files.line(), "baud": 115200, "poll_gap_ms": 10}
	var onLine []body
	for _, dev := range devices() {
		onLine = append(onLine, body{"name": dev.name, "address": dev.address, "scbk_file": c.Files.scbk(dev.name)})
	}
	line["devices"] = onLine
	b := body{
		"site": Site, "controller": Controller, "data_dir": c.Files.controllerDir(),
		"centre_url": c.URL(), "broker": body{"url": "tls://" + cmp.Or(c.Road, c.Broker)},
		"lines": []body{line},
		"doors": []body{wiring(doorServer, 0), wiring(doorArchive, 1)},
	}
	if c.PCSC {
		b["pcsc_readers"] = []body{pcscReader()}
	}
	return b
}

// wiring of the n-th door on the I/O device: output n, inputs 2n (contact) and 2n+1 (button).
func wiring(door string, n int) body {
	return body{
		"id": door, "strike": body{"device": "IO-1", "output": n},
		"contact":     body{"device": "IO-1", "input": 2 * n, "open_when": 1},
		"exit_button": body{"device": "IO-1", "input": 2*n + 1},
	}
}

func (c *City) simulator() body {
	var onLine []body
	for i, dev := range devices() {
		b := body{"name": dev.name, "address": dev.address, "scbk_file": c.Files.readerKey(dev.name), "serial": 1001 + i}
		if dev.reader {
			b["readers"] = 1
		} else {
			b["inputs"], b["outputs"] = 4, 2
		}
		onLine = append(onLine, b)
	}
	archive := body{"id": doorArchive, "reader": "IN-2", "device": "IO-1", "strike": 1, "contact": 2, "button": 3}
	b := body{
		"line": c.Files.line(), "socket": c.Files.Socket(), "cards_file": c.Files.Cards(), "out_log": c.Files.OutLog(), "devices": onLine,
		"doors": []body{
			{"id": doorServer, "reader": "IN-1", "device": "IO-1", "strike": 0, "contact": 0, "button": 1},
			archive,
		},
	}
	if c.PCSC {
		archive["pcsc"] = PCSCReader
		b["pcsc"] = body{"dir": c.Files.pcsc(), "reader": PCSCReader}
	}
	return b
}
