package controller

import (
	"cmp"
	"context"
	"fmt"

	"kanmon/controller/config"
	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/controller/output"
	"kanmon/controller/output/gpio"
	"kanmon/controller/output/relayboard"
	"kanmon/internal/fault"
	"kanmon/reader/serialport"
)

// field is what locks can hang on, by the device's name.
type field struct {
	lines  lines
	boards map[string]*relayboard.Board
	chips  map[string]*gpio.Chip
}

// newField makes relay boards and GPIO chips. The OSDP lines are added later, when there is a controller that they report to.
func (e *Edge) newField() (field, error) {
	f := field{lines: lines{}, boards: map[string]*relayboard.Board{}, chips: map[string]*gpio.Chip{}}
	for _, b := range e.cfg.RelayBoards {
		board, err := e.newBoard(b)
		if err != nil {
			return f, fault.Wrap(fault.Invalid, err, "relay board "+b.Name)
		}
		f.boards[b.Name] = board
	}
	for _, g := range e.cfg.GPIO {
		chip, err := e.newChip(g)
		if err != nil {
			return f, fault.Wrap(fault.Invalid, err, "GPIO chip "+g.Name)
		}
		f.chips[g.Name] = chip
	}
	return f, nil
}

func (e *Edge) newBoard(b config.RelayBoard) (*relayboard.Board, error) {
	port := serialport.Config{Name: b.Port, Baud: cmp.Or(b.Baud, 9600)}
	if err := port.Validate(); err != nil {
		return nil, err
	}
	if b.Address < 0 || b.Address > 255 {
		return nil, fault.BadField("address", "config.address", fmt.Sprintf("address %d", b.Address))
	}
	return relayboard.New(relayboard.Config{
		Unit: byte(b.Address), Relays: b.Relays, Up: e.deviceUp(b.Name), Down: e.deviceDown(b.Name), Log: e.log.With("port", b.Port),
		Open: func(ctx context.Context) (relayboard.Port, error) { return serialport.Await(ctx, port, e.log) },
	})
}

func (e *Edge) newChip(g config.GPIO) (*gpio.Chip, error) {
	cfg := gpio.Config{
		Path: g.Chip, PullUp: g.PullUp, Up: e.deviceUp(g.Name), Down: e.deviceDown(g.Name), Log: e.log,
		Report: func(levels []inputs.Level) { e.post(core.InputsReported{Device: g.Name, Levels: levels}) },
	}
	for _, d := range e.cfg.Doors {
		if s := d.Strike; s.Device == g.Name {
			cfg.Outputs = append(cfg.Outputs, gpio.Output{Line: s.Output, Rest: s.Lock == config.EnergiseToLock, Watchdog: s.Watchdog})
		}
	}
	for _, p := range e.cfg.Wiring("").Board() {
		if p.Wire.Device == g.Name {
			cfg.Inputs = append(cfg.Inputs, p.Wire.Input)
		}
	}
	return gpio.New(cfg)
}

func (e *Edge) deviceUp(name string) func() { return func() { e.post(core.DeviceUp{Device: name}) } }

func (e *Edge) deviceDown(name string) func(string) {
	return func(detail string) { e.post(core.DeviceDown{Device: name, Detail: detail}) }
}

// post never waits.
func (e *Edge) post(in core.Input) {
	if !e.controller.Post(in) {
		e.log.Warn("input dropped, thousands are waiting")
	}
}

// parts are what runs beside the OSDP lines.
func (f field) parts() []part {
	var all []part
	for _, b := range f.boards {
		all = append(all, part{"relay board", b.Run})
	}
	for _, c := range f.chips {
		all = append(all, part{"gpio", c.Run})
	}
	return all
}

// coil is the output that a pin names.
func (f field) coil(o config.OutputPin, watchdog bool) output.Coil {
	if b, ok := f.boards[o.Device]; ok {
		return relayboard.Coil{Board: b, Number: o.Output}
	}
	if c, ok := f.chips[o.Device]; ok {
		return gpio.Line{Chip: c, Number: o.Output, Watchdog: watchdog}
	}
	return output.OSDP{Line: f.lines, Device: o.Device, Number: byte(o.Output)}
}

func (f field) strike(s config.Strike) output.Strike {
	coil := f.coil(s.OutputPin, s.Watchdog)
	switch s.Lock {
	case config.EnergiseToLock:
		return output.EnergiseToLock{Coil: coil}
	case config.PulseLock:
		p := output.Pulse{Unlocks: coil, AutoRelock: s.AutoRelock}
		if s.Locking != nil {
			p.Locks = f.coil(*s.Locking, false)
		}
		return p
	case config.EnergiseToUnlock:
	}
	return output.EnergiseToUnlock{Coil: coil}
}

// connect gives each door its driver, and the wiring what the driver says of itself.
func (f field) connect(cfg Config, w *core.Wiring) map[string]output.Strike {
	strikes := make(map[string]output.Strike, len(cfg.Doors))
	for i, d := range cfg.Doors {
		s := f.strike(d.Strike)
		strikes[d.ID], w.Doors[i].SelfLocking = s, s.SelfLocking()
	}
	return strikes
}
