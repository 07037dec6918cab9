package config

import (
	"fmt"
	"strings"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

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
	case len(c.Lines)+len(c.otherReaders()) == 0 || len(c.Doors) == 0:
		return fault.BadField("lines", "config.missing", "a controller needs a reader and a door")
	}
	p := plan{devices: map[string]pins{}, claimed: map[string]bool{}}
	if err := p.addDevices(c); err != nil {
		return err
	}
	for _, d := range c.Doors {
		if err := p.addDoor(d); err != nil {
			return err
		}
	}
	return p.addCabinet(c.Cabinet)
}

// gpioLines is the highest number of a GPIO line, plus one (package gpio).
const gpioLines = 64

// pins is what a device has.
type pins struct {
	outputs, inputs int
	line            bool // a GPIO line is one or the other
	reader          bool // may be one
}

// plan is the wiring as it is checked: each device, port and pin once.
type plan struct {
	devices map[string]pins
	claimed map[string]bool
}

func (p plan) claim(what string) error {
	if p.claimed[what] {
		return fault.BadField("doors", "config.twice", what+" twice")
	}
	p.claimed[what] = true
	return nil
}

func (p plan) addDevices(c Config) error {
	for _, l := range c.Lines {
		if err := p.addPort(l.Port); err != nil {
			return err
		}
		for _, d := range l.Devices {
			if err := p.addDevice(d.Name, pins{outputs: 256, inputs: 256, reader: true}); err != nil {
				return err
			}
		}
	}
	for _, t := range c.Terminals {
		if err := p.addTerminal(t); err != nil {
			return err
		}
	}
	for _, r := range c.SerialReaders {
		if err := p.addSerialReader(r); err != nil {
			return err
		}
	}
	if err := p.addPCSCReaders(c.PCSCReaders); err != nil {
		return err
	}
	for _, name := range c.otherReaders() {
		if err := p.addDevice(name, pins{reader: true}); err != nil {
			return err
		}
	}
	for _, b := range c.RelayBoards {
		if err := p.addPort(b.Port); err != nil {
			return err
		}
		if err := p.addDevice(b.Name, pins{outputs: b.Relays}); err != nil {
			return err
		}
	}
	for _, g := range c.GPIO {
		if err := p.addPort(g.Chip); err != nil {
			return err
		}
		if err := p.addDevice(g.Name, pins{outputs: gpioLines, inputs: gpioLines, line: true}); err != nil {
			return err
		}
	}
	return nil
}

func (p plan) addPort(port string) error {
	if port == "" || p.claim("port "+port) != nil {
		return fault.BadField("port", "config.port", fmt.Sprintf("port %q twice or empty", port))
	}
	return nil
}

func (p plan) addDevice(name string, has pins) error {
	if _, twice := p.devices[name]; name == "" || twice {
		return fault.BadField("name", "config.device", fmt.Sprintf("device %q twice or without a name", name))
	}
	p.devices[name] = has
	return nil
}

// output claims an output for a door.
func (p plan) output(door string, o OutputPin) error {
	has := p.devices[o.Device]
	if o.Output < 0 || o.Output >= has.outputs {
		return fault.BadField("doors", "config.wire", fmt.Sprintf("door %s: output %d of device %q", door, o.Output, o.Device))
	}
	return p.claim(has.pin("output", o.Output, o.Device))
}

// input claims an input for what it is wired to.
func (p plan) input(what string, i InputPin) error {
	has := p.devices[i.Device]
	if i.Input < 0 || i.Input >= has.inputs {
		return fault.BadField("doors", "config.wire", fmt.Sprintf("%s: input %d of device %q", what, i.Input, i.Device))
	}
	return p.claim(has.pin("input", i.Input, i.Device))
}

func (has pins) pin(kind string, n int, device string) string {
	if has.line {
		kind = "line"
	}
	return fmt.Sprintf("%s %d of device %s", kind, n, device)
}

func (p plan) addDoor(d Door) error {
	if d.ID == "" {
		return fault.BadField("id", "config.door", "door without an id")
	}
	if err := p.claim("door " + d.ID); err != nil {
		return err
	}
	if err := p.addStrike(d); err != nil {
		return err
	}
	if err := p.addInputs(d); err != nil {
		return err
	}
	for _, r := range d.ExitReaders {
		if !p.devices[r].reader {
			return fault.BadField("exit_readers", "config.reader", fmt.Sprintf("door %s: no reader %q", d.ID, r))
		}
		if err := p.claim("exit reader " + r); err != nil {
			return err
		}
	}
	return nil
}

func (p plan) addStrike(d Door) error {
	s := d.Strike
	if err := s.check(d.ID, p.devices[s.Device].line); err != nil {
		return err
	}
	if err := p.output(d.ID, s.OutputPin); err != nil || s.Locking == nil {
		return err
	}
	if p.devices[s.Locking.Device].line {
		return fault.BadField("lock", "config.lock", fmt.Sprintf("door %s: a pulse needs an output that counts its time", d.ID))
	}
	return p.output(d.ID, *s.Locking)
}

// check finds what does not belong to a kind of lock. line: its output is a GPIO line.
func (s Strike) check(door string, line bool) error {
	bad := func(text string) error {
		return fault.BadField("lock", "config.lock", fmt.Sprintf("door %s: %s", door, text))
	}
	switch pulse := s.Lock == PulseLock; {
	case s.Lock != "" && s.Lock != EnergiseToUnlock && s.Lock != EnergiseToLock && !pulse:
		return bad(fmt.Sprintf("lock %.30q is energise_to_unlock, energise_to_lock or pulse", s.Lock))
	case pulse && line:
		return bad("a pulse needs an output that counts its time")
	case pulse && s.Locking == nil && !s.AutoRelock:
		return bad("a pulse lock needs an output that locks it, or locks by itself (auto_relock)")
	case !pulse && (s.Locking != nil || s.AutoRelock):
		return bad("locking and auto_relock belong to a pulse lock")
	case s.Watchdog && !line:
		return bad("watchdog belongs to a GPIO line")
	}
	return nil
}

func (p plan) addInputs(d Door) error {
	if d.Contact != nil {
		if err := level("open_when", d.ID, &d.Contact.OpenWhen); err != nil {
			return err
		}
		if err := p.input("door "+d.ID, d.Contact.InputPin); err != nil {
			return err
		}
	}
	if d.ExitButton != nil {
		if err := p.input("door "+d.ID, *d.ExitButton); err != nil {
			return err
		}
	}
	if d.LockStatus == nil {
		return nil
	}
	if err := level("locked_when", d.ID, d.LockStatus.LockedWhen); err != nil {
		return err
	}
	return p.input("door "+d.ID, d.LockStatus.InputPin)
}

func level(field, of string, n *int) error {
	if n == nil || (*n != 0 && *n != 1) {
		return fault.BadField(field, "config.contact", fmt.Sprintf("%s: %s is 0 or 1", of, field))
	}
	return nil
}

func (p plan) addCabinet(c Cabinet) error {
	for _, g := range c.Gas {
		if len(g.Areas) == 0 {
			return fault.BadField("gas", "config.gas", "a gas input names the areas that the gas goes to")
		}
	}
	alarms, _, _ := c.alarms()
	for _, a := range alarms {
		if err := level("active_when", "cabinet", a.ActiveWhen); err != nil {
			return err
		}
		if err := p.input("cabinet", a.InputPin); err != nil {
			return err
		}
	}
	return nil
}
