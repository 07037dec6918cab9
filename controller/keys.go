package controller

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"kanmon/controller/core"
	"kanmon/controller/devicekey"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/pki"
)

// keyStore is where the keys of the devices are kept.
func keyStore(c Config, sealer pki.Sealer, log *slog.Logger) *devicekey.Store {
	return devicekey.New(filepath.Join(c.DataDir, "scbk"), sealer, log)
}

func keyed(c Config) (devices []devicekey.Device) {
	for _, l := range c.Lines {
		for _, d := range l.Devices {
			devices = append(devices, devicekey.Device{Name: d.Name, File: d.SCBKFile})
		}
	}
	return devices
}

// adoptKeys seals what plain files bring. The lines were made with the keys that NewEdge saw.
func (e *Edge) adoptKeys() error {
	held, err := e.keys.Adopt(keyed(e.cfg))
	if err != nil {
		return err
	}
	for device, k := range held {
		if !k.Same(e.held[device]) {
			return fault.New(fault.Conflict, "edge.key_changed", "the SCBK of "+device+" was changed while the controller started: start it again")
		}
	}
	return nil
}

// settlePause is the time that the record of a proven key has to reach the disk before the key is settled; settleAgain the pause after a
// disk did not take it.
const (
	settlePause = time.Second
	settleAgain = time.Minute
)

// settleKeys makes keys final that devices have proved to hold. Each is put on record first: when the program ends between the two, the
// next start has it proved and recorded once more, and the record is never lost.
func (e *Edge) settleKeys(ctx context.Context) error {
	for {
		select {
		case device := <-e.proven:
			e.settleKey(ctx, device)
		case <-ctx.Done():
			return nil
		}
	}
}

func (e *Edge) settleKey(ctx context.Context, device string) {
	e.controller.Post(core.Noted{Event: event.Event{Kind: event.DeviceKeyReplaced, Device: device, Detail: e.held[device].Reason}})
	devices := keyed(e.cfg)
	d := devices[slices.IndexFunc(devices, func(d devicekey.Device) bool { return d.Name == device })]
	for pause := settlePause; ; pause = settleAgain {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		err := e.keys.Settle(d)
		if err == nil {
			return
		}
		e.log.ErrorContext(ctx, "a device holds its new key, and that cannot be written: it stays pending", "device", device, "error", err)
	}
}

// KeyState is how the key of a device stands.
type KeyState struct {
	Device string
	devicekey.Keys
}

// KeyStates lists the devices in the order of the configuration, and changes nothing.
func KeyStates(cfg Config, log *slog.Logger) ([]KeyState, error) {
	_, sealer, err := loadIdentity(cfg)
	if err != nil {
		return nil, err
	}
	held, err := keyStore(cfg, sealer, log).Peek(keyed(cfg))
	if err != nil {
		return nil, err
	}
	var list []KeyState
	for _, d := range keyed(cfg) {
		list = append(list, KeyState{Device: d.Name, Keys: held[d.Name]})
	}
	return list, nil
}

// Rekey makes a new key for a device of a controller that is not running: the next start gives it to the device over its line.
// fault.Conflict says that the controller runs, or that the device has a new key already which it has not proved to hold.
func Rekey(cfg Config, device, reason string, log *slog.Logger) error {
	if !slices.ContainsFunc(keyed(cfg), func(d devicekey.Device) bool { return d.Name == device }) {
		return fault.BadField("device", "config.device", "the configuration has no device "+device)
	}
	_, sealer, err := loadIdentity(cfg)
	if err != nil {
		return err
	}
	lock, err := folder.TakeOwn(cfg.DataDir, program)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // nothing was written
	store := keyStore(cfg, sealer, log)
	if _, err := store.Adopt(keyed(cfg)); err != nil {
		return err
	}
	return store.Propose(device, reason, time.Now())
}
