package osdp

import "testing"

// modelDevice is the smallest device that follows the protocol: what a device is meant to build from this package.
// It stands in the tests for the peer of a controller, and judges the vectors of hostile and odd commands.
type modelDevice struct {
	t       testing.TB
	address byte
	key     Key
	enforce bool // nothing in clear but the way to a session
	rndB    RND
	card    RawCard // one waiting event
	handed  bool    // the last reply carried it

	seq     DeviceSequence
	session *Session
	pending *DeviceHandshake
	acted   int // commands processed
}

// handle takes the bytes of one command and returns those of the reply; nil is silence.
func (d *modelDevice) handle(b []byte) []byte {
	fs, _ := decodeAll(b)
	if len(fs) != 1 || fs[0].Reply || fs[0].Address != d.address && fs[0].Address != Broadcast {
		return nil
	}
	command := fs[0]
	switch d.seq.Judge(command) {
	case PlaceRepeat:
		return d.seq.Reply()
	case PlaceWrong:
		return encode(d.t, command.AnswerNak(NakSequence))
	case PlaceRestart:
		d.session, d.pending, d.handed = nil, nil, false
	case PlaceFresh:
		if d.handed { // the next number says that the event arrived
			d.card, d.handed = RawCard{}, false
		}
	}
	d.acted++
	reply := encode(d.t, d.process(command))
	d.seq.Answered(command, reply)
	return reply
}

func (d *modelDevice) process(command Frame) Frame {
	pending := d.pending
	d.pending = nil
	switch {
	case command.Block == NoBlock:
		return d.processClear(command)
	case command.Block == SCS11:
		h, reply, err := AnswerChallenge(d.key, ClientUID{0x12, 0x34, 0x22, 0x00, 0x0d, 0x0c, 0x0b, 0x0a}, d.rndB, command)
		if err != nil {
			return command.AnswerNak(NakNoSession)
		}
		d.pending = &h
		return reply
	case command.Block == SCS13 && pending != nil:
		session, reply, err := pending.Finish(command)
		if err != nil {
			return command.AnswerNak(NakNoSession)
		}
		d.session = session
		return reply
	case command.Block == SCS13:
		return command.AnswerNak(NakNoSession)
	case command.Block.Secured() && d.session != nil:
		return d.processSecured(command)
	}
	return command.AnswerNak(NakSecurity)
}

func (d *modelDevice) processClear(command Frame) Frame {
	switch {
	case d.session != nil, command.Code == CmdKeySet, d.enforce && !command.MayBeClear():
		d.session = nil
		return command.AnswerNak(NakSecurity)
	case command.Code == CmdChallenge:
		return command.AnswerNak(NakNoSession)
	}
	return d.act(command)
}

func (d *modelDevice) processSecured(command Frame) Frame {
	opened, err := d.session.Open(command)
	if err != nil {
		d.session = nil
		return command.AnswerNak(NakSecurity)
	}
	session := d.session
	sealed, err := session.Seal(d.act(opened))
	if err != nil {
		d.t.Fatal(err)
	}
	return sealed
}

func (d *modelDevice) act(command Frame) Frame {
	switch command.Code {
	case CmdPoll:
		if len(command.Data) > 0 {
			return command.AnswerNak(NakLength)
		}
		if count, _ := d.card.Reveal(); count > 0 {
			d.handed = true
			return command.Answer(ReplyRaw, d.card.Append(nil))
		}
	case CmdID:
		return command.Answer(ReplyID, PDID{
			OUI: [3]byte{0x12, 0x34, 0x56}, Model: 34, Version: 17, Serial: 0x0a0b0c0d, Firmware: [3]byte{1, 2, 3},
		}.Append(nil))
	case CmdCapabilities:
		return command.Answer(ReplyCapabilities, Capabilities{
			{FuncContacts, 1, 4},
			{FuncOutputs, 2, 2},
			{FuncCardFormat, 1, 0},
			{FuncLED, 4, 2},
			{FuncBuzzer, 2, 1},
			{FuncText, 1, 1},
			{FuncCheck, 1, 0},
			{FuncSecurity, 1, 0},
			{FuncReceiveSize, 0, 1},
			{FuncReaders, 0, 1},
			{FuncVersion, 2, 0},
		}.Append(nil))
	case CmdInputStatus:
		return command.Answer(ReplyInputStatus, InputStatus{0, 0, 0, 0}.Append(nil))
	case CmdLED, CmdOutput:
		return d.actRecords(command)
	case CmdKeySet:
		return d.rekey(command)
	case CmdReceiveSize, CmdManufacturer, CmdAbort, CmdKeepActive:
	default:
		return command.AnswerNak(NakUnknown)
	}
	return command.Answer(ReplyAck, nil)
}

func (d *modelDevice) actRecords(command Frame) Frame {
	highest := byte(0)
	var err error
	if command.Code == CmdLED {
		var leds []LED
		leds, err = ParseLEDs(command.Data)
		for _, l := range leds {
			highest = max(highest, l.Number)
		}
	} else {
		var outs []Output
		outs, err = ParseOutputs(command.Data)
		for _, o := range outs {
			highest = max(highest, o.Number)
		}
	}
	switch {
	case err != nil:
		return command.AnswerNak(NakFor(err))
	case highest > 1:
		return command.AnswerNak(NakUnknown)
	}
	return command.Answer(ReplyAck, nil)
}

// rekey takes a KEYSET that came sealed.
func (d *modelDevice) rekey(command Frame) Frame {
	if len(command.Data) != 2+KeySize || command.Data[0] != 1 || command.Data[1] != KeySize {
		return command.AnswerNak(NakLength)
	}
	key, err := NewKey(command.Data[2:])
	if err != nil {
		return command.AnswerNak(NakRecord)
	}
	d.key, d.session = key, nil
	return command.Answer(ReplyAck, nil)
}
