package controller

import (
	"context"
	"fmt"

	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/controller/readers"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus"
)

// translate turns what happened on an OSDP line into an input; false for what the core does not need. The card
// number ends here: from here on there are only its keyed hashes.
func translate(e bus.Event, key credential.HashKey) (core.Input, bool) {
	switch e := e.(type) {
	case bus.Card:
		return present(e, key), true
	case bus.Keys:
		return core.KeysPressed{Reader: readerName(e.Device, e.Keys.Reader)}, true
	case bus.Inputs:
		return core.InputsReported{Device: e.Device, Levels: levels(e.States)}, true
	case bus.Online:
		return core.DeviceUp{Device: e.Device}, true
	case bus.Offline:
		return core.DeviceDown{Device: e.Device}, true
	case bus.Alarm:
		if e.Kind == bus.KeyRefused {
			return core.Noted{Event: event.Event{Kind: event.DeviceKeyRefused, Device: e.Device, Detail: e.Detail}}, true
		}
		return core.DeviceAttacked{Device: e.Device, Detail: fmt.Sprintf("%s ×%d: %s", e.Kind, e.Count, e.Detail)}, true
	case bus.Local:
		return core.DeviceLocal{Device: e.Device, Tamper: e.Status.Tamper, Power: e.Status.PowerFailure}, true
	default:
		return nil, false
	}
}

// present hashes a card. What a reader on the line checks of it before it sends the bits, its profile says. Bits that make no credential become the
// zero key, which is nobody's: the attempt is refused and recorded like that of any unknown card.
func present(e bus.Card, key credential.HashKey) core.Presented {
	p := core.Presented{Reader: readerName(e.Device, e.Card.Reader)}
	if c, err := credential.FromBits(e.Card.Reveal()); err == nil {
		forms := c.Forms(key)
		p.Key, p.Older, p.Shape, p.Trust = forms[0], forms[1:], c.Shape(), access.Proves(access.FormatBits)
	}
	return p
}

// readerName is the device's name for its first reader. A second one is another reader, not the same.
func readerName(device string, number byte) string {
	if number == 0 {
		return device
	}
	return fmt.Sprintf("%s#%d", device, number)
}

func levels(states osdp.InputStatus) []inputs.Level {
	known := map[osdp.InputState]inputs.Level{
		osdp.InputInactive: inputs.Inactive, osdp.InputActive: inputs.Active, osdp.InputShort: inputs.Short, osdp.InputOpen: inputs.Cut, osdp.InputFault: inputs.Faulty,
	}
	out := make([]inputs.Level, len(states))
	for i, s := range states {
		l, ok := known[s]
		if !ok {
			l = inputs.Unknown
		}
		out[i] = l
	}
	return out
}

// doer is a line that carries out commands; *bus.Bus is one.
type doer interface {
	Do(ctx context.Context, device string, c bus.Command) error
}

// lines finds the line of a device. It is the strikes' output.Sender and the controller's Panel.
type lines map[string]doer

func (l lines) do(ctx context.Context, device string, c bus.Command) error {
	line, ok := l[device]
	if !ok {
		return fault.New(fault.NotFound, "controller.device", fmt.Sprintf("no device %q", device))
	}
	return line.Do(ctx, device, c)
}

// Output implements output.Sender.
func (l lines) Output(ctx context.Context, device string, o osdp.Output) error {
	return l.do(ctx, device, bus.Output(o))
}

// Show implements Panel with the reader's first LED and its buzzer.
func (l lines) Show(ctx context.Context, readerName string, f reader.Feedback) error {
	led, sound := feedback(f)
	if err := l.do(ctx, readerName, bus.LED(led)); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "light the reader")
	}
	err := l.do(ctx, readerName, bus.Buzzer(sound))
	return fault.Wrap(fault.KindOf(err), err, "sound the reader")
}

// panel shows answers at readers of either kind.
type panel struct {
	readers *readers.Set
	lines   lines
}

// Show implements Panel.
func (p panel) Show(ctx context.Context, readerName string, f reader.Feedback) error {
	if p.readers.Has(readerName) {
		return p.readers.Show(ctx, readerName, f)
	}
	return p.lines.Show(ctx, readerName, f)
}

// feedback is green and one beep, red and three short ones, or amber and one long one; amber blinking and one short beep where something has to
// follow, as long as it may. The light shows for two seconds otherwise, and leaves the reader's own light as it was.
func feedback(f reader.Feedback) (osdp.LED, osdp.Buzzer) {
	colour, sound := osdp.Amber, osdp.Buzzer{Tone: osdp.ToneDefault, OnTime: 8, OffTime: 1, Count: 1}
	switch f {
	case reader.ShowGranted:
		colour, sound = osdp.Green, osdp.Buzzer{Tone: osdp.ToneDefault, OnTime: 2, OffTime: 1, Count: 1}
	case reader.ShowDenied:
		colour, sound = osdp.Red, osdp.Buzzer{Tone: osdp.ToneDefault, OnTime: 1, OffTime: 1, Count: 3}
	case reader.ShowEnterPIN:
		return blinking(2, 100)
	case reader.ShowWait:
		return blinking(5, 50)
	case reader.ShowTrouble:
	}
	light := osdp.LEDState{Control: osdp.LEDStart, OnTime: 1, On: colour}
	return osdp.LED{Temporary: light, Timer: 20}, sound
}

// blinking is amber on and off for so many tenths of a second, for a time in tenths, with a short beep.
func blinking(tenths byte, timer uint16) (osdp.LED, osdp.Buzzer) {
	light := osdp.LEDState{Control: osdp.LEDStart, OnTime: tenths, OffTime: tenths, On: osdp.Amber}
	return osdp.LED{Temporary: light, Timer: timer}, osdp.Buzzer{Tone: osdp.ToneDefault, OnTime: 2, OffTime: 1, Count: 1}
}
