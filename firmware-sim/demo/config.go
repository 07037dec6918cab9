package demo

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

// prepare writes the configuration of all programs, with new keys, cards and passwords.
func (d *demo) prepare() ([]login, map[string]string, error) {
	if err := d.files.make(); err != nil {
		return nil, nil, err
	}
	for _, dev := range devices() {
		if err := writeSecret(d.files.scbk(dev.name), []byte(newKey()+"\n")); err != nil {
			return nil, nil, err
		}
	}
	cards := map[string]string{strayCard: newCard()}
	for _, p := range people() {
		cards[p.Card] = newCard()
	}
	users := logins()
	for i := range users {
		p, err := newPassword()
		if err != nil {
			return nil, nil, err
		}
		users[i].Password = p
	}
	for path, content := range map[string]any{
		d.files.cards(): cards, d.files.logins(): users,
		d.files.centreConfig(): d.centre(), d.files.controllerConfig(): d.controller(), d.files.simConfig(): d.simulator(),
	} {
		if err := writeJSON(path, content); err != nil {
			return nil, nil, err
		}
	}
	return users, cards, nil
}

func (d *demo) centre() body {
	return body{
		"site": "demo", "data_dir": d.files.centreDir(), "console_listen": d.console,
		"broker": body{"listen": d.broker},
	}
}

func (d *demo) controller() body {
	line := body{"port": d.files.line(), "baud": 115200, "poll_gap_ms": 10}
	var onLine []body
	for _, dev := range devices() {
		onLine = append(onLine, body{"name": dev.name, "address": dev.address, "scbk_file": d.files.scbk(dev.name)})
	}
	line["devices"] = onLine
	return body{
		"site": "demo", "controller": controllerName, "data_dir": d.files.controllerDir(),
		"broker":                   body{"url": "tcp://" + d.broker, "username": controllerName, "password_file": d.files.secret()},
		"credential_hash_key_file": d.files.hashKey(),
		"lines":                    []body{line},
		"doors":                    []body{wiring(doorServer, 0), wiring(doorArchive, 1)},
	}
}

// wiring of the n-th door on the I/O device: output n, inputs 2n (contact) and 2n+1 (button).
func wiring(door string, n int) body {
	return body{
		"id": door, "strike": body{"device": "IO-1", "output": n},
		"contact":     body{"device": "IO-1", "input": 2 * n, "open_when": 1},
		"exit_button": body{"device": "IO-1", "input": 2*n + 1},
	}
}

func (d *demo) simulator() body {
	var onLine []body
	for i, dev := range devices() {
		b := body{"name": dev.name, "address": dev.address, "scbk_file": d.files.scbk(dev.name), "serial": 1001 + i}
		if dev.reader {
			b["readers"] = 1
		} else {
			b["inputs"], b["outputs"] = 4, 2
		}
		onLine = append(onLine, b)
	}
	return body{
		"line": d.files.line(), "socket": d.files.socket(), "cards_file": d.files.cards(), "devices": onLine,
		"doors": []body{
			{"id": doorServer, "reader": "IN-1", "device": "IO-1", "strike": 0, "contact": 0, "button": 1},
			{"id": doorArchive, "reader": "IN-2", "device": "IO-1", "strike": 1, "contact": 2, "button": 3},
		},
	}
}
