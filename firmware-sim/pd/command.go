package pd

import (
	"errors"
	"time"

	"kanmon/reader/osdp"
)

// execute does what an accepted command says and returns the reply, clear. It runs under the lock.
func (d *Device) execute(f osdp.Frame, now time.Time) (osdp.Code, []byte) {
	switch f.Code {
	case osdp.CmdPoll:
		return d.poll(f)
	case osdp.CmdID:
		return d.identity(f)
	case osdp.CmdCapabilities:
		return d.capabilities(f)
	case osdp.CmdLocalStatus:
		return plain(f, osdp.ReplyLocalStatus, d.localStatus())
	case osdp.CmdInputStatus:
		return plain(f, osdp.ReplyInputStatus, d.inputStatus())
	case osdp.CmdOutputStatus:
		return plain(f, osdp.ReplyOutputStatus, d.outputStatus(now))
	case osdp.CmdReaderStatus:
		return plain(f, osdp.ReplyReaderStatus, make([]byte, d.config.Readers))
	case osdp.CmdLED:
		return d.light(f, now)
	case osdp.CmdBuzzer:
		return d.buzz(f)
	case osdp.CmdOutput:
		return d.drive(f, now)
	case osdp.CmdKeySet:
		return d.takeKey(f)
	case osdp.CmdText, osdp.CmdKeepActive, osdp.CmdReceiveSize, osdp.CmdAbort:
		return osdp.ReplyAck, nil // harmless: nothing to show it on
	default:
		return nak(osdp.NakUnknown)
	}
}

func nak(code osdp.NakCode) (osdp.Code, []byte) {
	return osdp.ReplyNak, osdp.Nak{Code: code}.Append(nil)
}

// nakOf chooses the refusal for a payload that does not parse.
func nakOf(err error) (osdp.Code, []byte) {
	if errors.Is(err, osdp.ErrValue) {
		return nak(osdp.NakRecord)
	}
	return nak(osdp.NakLength)
}

// plain answers a command that must carry no data.
func plain(f osdp.Frame, code osdp.Code, data []byte) (osdp.Code, []byte) {
	if len(f.Data) != 0 {
		return nak(osdp.NakLength)
	}
	return code, data
}

// poll hands over the oldest report. It stays in sent until the controller's next number confirms it.
func (d *Device) poll(f osdp.Frame) (osdp.Code, []byte) {
	if len(f.Data) != 0 {
		return nak(osdp.NakLength)
	}
	if len(d.queue) == 0 {
		return osdp.ReplyAck, nil
	}
	r := d.queue[0]
	d.queue = d.queue[1:]
	d.sent = append(d.sent, r)
	return r.code, r.data
}

func (d *Device) identity(f osdp.Frame) (osdp.Code, []byte) {
	if err := osdp.ParseRequest(f.Data); err != nil {
		return nakOf(err)
	}
	return osdp.ReplyID, d.pdid().Append(nil)
}

func (d *Device) pdid() osdp.PDID {
	return osdp.PDID{OUI: maker, Model: 1, Version: 1, Serial: d.config.Serial, Firmware: [3]byte{1, 0, 0}}
}

func (d *Device) capabilities(f osdp.Frame) (osdp.Code, []byte) {
	if err := osdp.ParseRequest(f.Data); err != nil {
		return nakOf(err)
	}
	readers := byte(d.config.Readers)
	return osdp.ReplyCapabilities, osdp.Capabilities{
		{Function: osdp.FuncContacts, Compliance: 1, Number: byte(d.config.Inputs)},
		{Function: osdp.FuncOutputs, Compliance: 4, Number: byte(d.config.Outputs)},
		{Function: osdp.FuncCardFormat, Compliance: 1},
		{Function: osdp.FuncLED, Compliance: 4, Number: readers},
		{Function: osdp.FuncBuzzer, Compliance: 2, Number: readers},
		{Function: osdp.FuncCheck, Compliance: 1},
		{Function: osdp.FuncSecurity, Compliance: 1},
		{Function: osdp.FuncReceiveSize, Compliance: 0, Number: 1}, // 256 bytes
		{Function: osdp.FuncReaders, Number: readers},
		{Function: osdp.FuncVersion, Compliance: 2},
	}.Append(nil)
}

func (d *Device) outputStatus(now time.Time) []byte {
	states := make(osdp.OutputStatus, len(d.outputs))
	for i, o := range d.outputs {
		if o.active(now) {
			states[i] = osdp.OutputActive
		}
	}
	return states.Append(nil)
}

func (d *Device) light(f osdp.Frame, now time.Time) (osdp.Code, []byte) {
	leds, err := osdp.ParseLEDs(f.Data)
	if err != nil {
		return nakOf(err)
	}
	for _, l := range leds {
		if int(l.Reader) >= d.config.Readers || l.Number != 0 {
			return nak(osdp.NakUnknown)
		}
	}
	for _, l := range leds {
		d.show(l, now)
	}
	return osdp.ReplyAck, nil
}

func (d *Device) show(l osdp.LED, now time.Time) {
	switch l.Temporary.Control {
	case osdp.LEDStart:
		d.led.Temporary = l.Temporary
		d.ledTill = now.Add(tenths(l.Timer))
		d.shows++
	case osdp.LEDCancel:
		d.ledTill = time.Time{}
	}
	if l.Permanent.Control == osdp.LEDSet {
		d.led.Permanent = l.Permanent
	}
}

func (d *Device) buzz(f osdp.Frame) (osdp.Code, []byte) {
	tones, err := osdp.ParseBuzzers(f.Data)
	if err != nil {
		return nakOf(err)
	}
	for _, t := range tones {
		if int(t.Reader) >= d.config.Readers {
			return nak(osdp.NakUnknown)
		}
		if t.Tone == osdp.ToneDefault {
			d.beeps += int(t.Count)
		}
	}
	return osdp.ReplyAck, nil
}

func (d *Device) drive(f osdp.Frame, now time.Time) (osdp.Code, []byte) {
	records, err := osdp.ParseOutputs(f.Data)
	if err != nil {
		return nakOf(err)
	}
	for _, r := range records {
		if int(r.Number) >= len(d.outputs) {
			return nak(osdp.NakUnknown)
		}
	}
	d.marks.OutputRead = now
	for _, r := range records {
		if energises(r) && d.config.Energised != nil {
			d.config.Energised(int(r.Number), now)
		}
		d.outputs[r.Number].take(r, now)
	}
	return osdp.ReplyAck, nil
}

// energises reports whether a record turns an output on, now or when its timer has run.
func energises(r osdp.Output) bool {
	return r.Control == osdp.OutputOn || r.Control == osdp.OutputOnLater || r.Control == osdp.OutputOnTimed
}

func (o *output) take(r osdp.Output, now time.Time) {
	switch r.Control {
	case osdp.OutputOff, osdp.OutputOn:
		o.on, o.until = r.Control == osdp.OutputOn, time.Time{}
	case osdp.OutputOffLater, osdp.OutputOnLater:
		o.on = r.Control == osdp.OutputOnLater
	case osdp.OutputOnTimed, osdp.OutputOffTimed:
		o.timed = r.Control == osdp.OutputOnTimed
		o.until = now.Add(tenths(r.Timer))
		if r.Timer == 0 {
			o.on, o.until = o.timed, time.Time{} // for ever
		}
	default: // OutputLeave
	}
}

func tenths(n uint16) time.Duration { return time.Duration(n) * 100 * time.Millisecond }
