package bus

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/order"
)

// What can become of a command; test with errors.Is. A RefusedError is the other answer.
var (
	// ErrOffline: there is no session with the device, and the command was not sent.
	ErrOffline = order.ErrOffline
	// ErrTimeout: the command waited too long and was not sent, and will not be.
	ErrTimeout = order.ErrTimeout
	// ErrUnconfirmed: the command was sent and no answer came in time; the device may have acted on it.
	ErrUnconfirmed = order.ErrUnconfirmed
	// ErrFull: more commands wait for the device than make sense.
	ErrFull = order.ErrFull
)

// RefusedError is a device's authentic NAK to a command.
type RefusedError struct {
	Device string
	Code   osdp.NakCode
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("osdp: %s refused the command with code %d", e.Device, e.Code)
}

// Command is something a device is asked to do. Every command here sets a state, so that doing it twice, as may
// happen when a session is lost on the way, is doing it once. The zero Command is refused.
type Command struct {
	code   osdp.Code
	data   []byte
	urgent bool
}

type record interface{ Append([]byte) []byte }

func build[R record](code osdp.Code, records []R) Command {
	c := Command{code: code}
	for _, r := range records {
		c.data = r.Append(c.data)
	}
	return c
}

// Output switches outputs, such as a strike. It goes before every other command and every POLL on the line.
func Output(records ...osdp.Output) Command {
	c := build(osdp.CmdOutput, records)
	c.urgent = true
	return c
}

// LED sets lights.
func LED(records ...osdp.LED) Command { return build(osdp.CmdLED, records) }

// Buzzer makes a sound, or ends one.
func Buzzer(records ...osdp.Buzzer) Command { return build(osdp.CmdBuzzer, records) }

// AskInputs asks for the state of the inputs, which comes as an Inputs event.
func AskInputs() Command { return Command{code: osdp.CmdInputStatus} }

// AskOutputs asks for the state of the outputs, which comes as an Outputs event.
func AskOutputs() Command { return Command{code: osdp.CmdOutputStatus} }

// AskLocal asks for tamper and power, which come as a Local event.
func AskLocal() Command { return Command{code: osdp.CmdLocalStatus} }

// maxData keeps every command inside what every device takes (osdp.SafeFrame) when sealed: head, block, MAC and
// check bytes are 14, and encryption adds up to 16.
const maxData = osdp.SafeFrame - 14 - 17

func (c Command) validate() error {
	switch {
	case c.code == 0, c.code == osdp.CmdOutput && len(c.data) == 0, c.code == osdp.CmdLED && len(c.data) == 0,
		c.code == osdp.CmdBuzzer && len(c.data) == 0:
		return fault.New(fault.Invalid, "osdp.command", "osdp: an empty command")
	case len(c.data) > maxData:
		return fault.New(fault.TooLarge, "osdp.command", "osdp: too many records for one command")
	}
	return nil
}

// Do sends a command to a device and waits for its answer: nil for done, a RefusedError, or one of the errors
// above. A command is not sent after Timing.Command or the end of ctx, whichever is first. Do may be called from
// several goroutines, but not from Emit.
func (b *Bus) Do(ctx context.Context, device string, c Command) error {
	d, ok := b.byName[device]
	if !ok {
		return fault.New(fault.NotFound, "osdp.device", fmt.Sprintf("osdp: no device %q on this line", device))
	}
	if err := c.validate(); err != nil {
		return err
	}
	o := order.New(c, c.urgent)
	if err := d.queue.Add(o); err != nil {
		return err
	}
	b.kick()
	timer := time.NewTimer(b.cfg.Timing.Command)
	defer timer.Stop()
	select {
	case err := <-o.Done():
		return err
	case <-ctx.Done():
		return o.GiveUp(ctx.Err())
	case <-timer.C:
		return o.GiveUp(nil)
	}
}
