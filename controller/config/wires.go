package config

import (
	"kanmon/controller/inputs"
	"kanmon/controller/wiring"
)

// RelayBoard is one Modbus RTU relay board with timers of its own (package relayboard), on a line of its own.
type RelayBoard struct {
	Name    string `json:"name"`
	Port    string `json:"port"`           // device node, or a symbolic link to one
	Baud    int    `json:"baud,omitempty"` // bits per second; 0: 9600
	Address int    `json:"address"`        // 1–247 or 255
	Relays  int    `json:"relays"`         // 1–32
}

// GPIO is one GPIO chip (package gpio). Its outputs and inputs are numbered by the chip's lines.
type GPIO struct {
	Name   string `json:"name"`
	Chip   string `json:"chip"`              // character device, such as /dev/gpiochip0
	PullUp bool   `json:"pull_up,omitempty"` // of all inputs
}

// Door says what of a door is wired to which device. Names, times and readers come with the policy.
type Door struct {
	ID         string         `json:"id"`                    // as at the centre
	Strike     Strike         `json:"strike"`                // on a device on the secure side
	Contact    *ContactPin    `json:"contact,omitempty"`     // without one the door is never seen open
	ExitButton *InputPin      `json:"exit_button,omitempty"` // active while pressed
	LockStatus *LockStatusPin `json:"lock_status,omitempty"` // the lock's own word
	// ExitReaders lets people out at these readers also while there is no policy that names them.
	ExitReaders []string `json:"exit_readers,omitempty"`
}

// LockKind is how a lock is driven.
type LockKind string

// Kinds of locks. Empty is EnergiseToUnlock.
const (
	EnergiseToUnlock LockKind = "energise_to_unlock" // 通電時解錠
	EnergiseToLock   LockKind = "energise_to_lock"   // 通電時施錠
	PulseLock        LockKind = "pulse"              // 瞬時通電施解錠
)

// Strike is a door's lock.
type Strike struct {
	OutputPin
	Lock       LockKind   `json:"lock,omitempty"`
	Locking    *OutputPin `json:"locking,omitempty"`     // of a pulse lock: the output that locks; OutputPin unlocks
	AutoRelock bool       `json:"auto_relock,omitempty"` // of a pulse lock: it locks by itself
	Watchdog   bool       `json:"watchdog,omitempty"`    // of a GPIO line: hardware behind it ends a release when the program dies
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

// LockStatusPin is the input to which a lock says how it is.
type LockStatusPin struct {
	InputPin
	LockedWhen *int `json:"locked_when"` // 1: the input is active while the lock is locked; 0: inactive
}

// AlarmPin is an input that says that something is wrong.
type AlarmPin struct {
	InputPin
	ActiveWhen *int `json:"active_when"` // 1: the input is active while it is; 0: inactive
}

// GasPin is the input of a fire suppression that floods areas with gas.
type GasPin struct {
	AlarmPin
	Areas []string `json:"areas"` // ids as at the centre
}

// Cabinet is what is wired to inputs and belongs to no door. All of it is observed and releases nothing.
type Cabinet struct {
	Box     *AlarmPin `json:"box,omitempty"`     // the controller's box is open
	Mains   *AlarmPin `json:"mains,omitempty"`   // the mains are lost
	Battery *AlarmPin `json:"battery,omitempty"` // the battery is low
	Fire    *AlarmPin `json:"fire,omitempty"`    // fire alarm of the building
	Gas     []GasPin  `json:"gas,omitempty"`
}

// alarms gives each wired pin of the cabinet with its kind. The areas are those of a gas input.
func (c Cabinet) alarms() (pins []AlarmPin, kinds []inputs.Kind, areas [][]string) {
	add := func(p *AlarmPin, k inputs.Kind, in []string) {
		if p != nil {
			pins, kinds, areas = append(pins, *p), append(kinds, k), append(areas, in)
		}
	}
	add(c.Box, inputs.Box, nil)
	add(c.Mains, inputs.Mains, nil)
	add(c.Battery, inputs.Battery, nil)
	add(c.Fire, inputs.Fire, nil)
	for i := range c.Gas {
		add(&c.Gas[i].AlarmPin, inputs.Gas, c.Gas[i].Areas)
	}
	return pins, kinds, areas
}

func (p InputPin) wire() *inputs.Wire { return &inputs.Wire{Device: p.Device, Input: p.Input} }

// Wiring is the part of the configuration that the core decides with. Whether a strike locks by itself its driver says.
func (c Config) Wiring(software string) wiring.Wiring {
	w := wiring.Wiring{Software: software}
	for _, l := range c.Lines {
		for _, d := range l.Devices {
			w.Devices = append(w.Devices, d.Name)
		}
	}
	for _, name := range c.bare() {
		if w.Bare == nil {
			w.Bare = map[string]bool{}
		}
		w.Devices, w.Bare[name] = append(w.Devices, name), true
	}
	for _, d := range c.Doors {
		w.Doors = append(w.Doors, c.wiredDoor(d))
	}
	pins, kinds, areas := c.Cabinet.alarms()
	for i, p := range pins {
		w.Cabinet = append(w.Cabinet, inputs.Point{Kind: kinds[i], Wire: *p.wire(), On: inputs.Level(*p.ActiveWhen), Areas: areas[i]})
	}
	return w
}

// bare names the devices that are on no OSDP line.
func (c Config) bare() []string {
	var names []string
	for _, b := range c.RelayBoards {
		names = append(names, b.Name)
	}
	for _, g := range c.GPIO {
		names = append(names, g.Name)
	}
	return append(names, c.otherReaders()...)
}

func (c Config) wiredDoor(d Door) wiring.Door {
	w := wiring.Door{ID: d.ID, ExitReaders: d.ExitReaders, Strike: d.Strike.Device, Latching: c.latching(d.Strike)}
	if d.Contact != nil {
		w.Contact, w.OpenWhen = d.Contact.wire(), inputs.Level(d.Contact.OpenWhen)
	}
	if d.ExitButton != nil {
		w.ExitButton = d.ExitButton.wire()
	}
	if d.LockStatus != nil {
		w.Lock, w.LockedWhen = d.LockStatus.wire(), inputs.Level(*d.LockStatus.LockedWhen)
	}
	return w
}

// latching reports whether a release ends only when the lock is told.
func (c Config) latching(s Strike) bool {
	_, line := c.gpio(s.Device)
	return line || (s.Lock == PulseLock && !s.AutoRelock)
}

// gpio finds a GPIO chip by its name.
func (c Config) gpio(name string) (GPIO, bool) {
	for _, g := range c.GPIO {
		if g.Name == name {
			return g, true
		}
	}
	return GPIO{}, false
}
