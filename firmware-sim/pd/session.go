package pd

import (
	"time"

	"kanmon/reader/osdp"
)

// protocol is the device's place in the conversation.
type protocol struct {
	key       osdp.Key
	rekeyed   bool // by the command in hand: its answer is the last of the session
	sequence  osdp.DeviceSequence
	handshake *osdp.DeviceHandshake
	session   *osdp.Session
	secured   time.Time // when the last secured command was accepted, or the challenge
}

func (p *protocol) drop() { p.session, p.handshake = nil, nil }

// Receive takes one frame from the line and returns the bytes of the reply, or nil for silence: a frame for
// somebody else, another device's reply, or a device that is muted.
func (d *Device) Receive(f osdp.Frame, now time.Time) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.muted || f.Reply || f.Address != d.config.Address && f.Address != osdp.Broadcast {
		return nil
	}
	defer d.wake()
	p := &d.protocol
	if now.Sub(p.secured) > osdp.OfflineAfter {
		p.drop()
	}
	switch p.sequence.Judge(f) {
	case osdp.PlaceRepeat:
		return p.sequence.Reply()
	case osdp.PlaceWrong:
		return encode(f.AnswerNak(osdp.NakSequence))
	case osdp.PlaceRestart:
		p.drop()
		d.queue, d.sent = append(d.sent, d.queue...), nil
	case osdp.PlaceFresh:
	}
	reply := encode(d.answer(f, now))
	p.sequence.Answered(f, reply)
	return reply
}

// written notes when a card report left.
func (d *Device) written(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sent) > 0 && d.sent[len(d.sent)-1].code == osdp.ReplyRaw {
		d.marks.CardSent = now
	}
}

// encode writes a reply; one that cannot be written is a defect and stays unsent.
func encode(f osdp.Frame) []byte {
	b, err := f.Append(nil)
	if err != nil {
		return nil
	}
	return b
}

func (d *Device) answer(f osdp.Frame, now time.Time) osdp.Frame {
	p := &d.protocol
	if f.Block == osdp.SCS13 {
		return d.finish(f, now)
	}
	p.handshake = nil // any other command ends one
	switch {
	case f.Block == osdp.SCS11:
		return d.challenge(f, now)
	case f.Block.Secured():
		return d.secured(f, now)
	case f.Block != osdp.NoBlock || p.session != nil || !f.MayBeClear() || handshakeCode(f.Code):
		p.drop()
		return f.AnswerNak(osdp.NakSecurity)
	}
	return f.Answer(d.execute(f, now))
}

func handshakeCode(c osdp.Code) bool {
	return c == osdp.CmdChallenge || c == osdp.CmdServerCryptogram
}

func (d *Device) challenge(f osdp.Frame, now time.Time) osdp.Frame {
	p := &d.protocol
	p.session = nil
	rnd, err := osdp.NewRND(d.random)
	if err != nil {
		return f.AnswerNak(osdp.NakNoSession)
	}
	h, reply, err := osdp.AnswerChallenge(p.key, d.pdid().ClientUID(), rnd, f)
	if err != nil {
		return f.AnswerNak(osdp.NakNoSession)
	}
	p.handshake, p.secured = &h, now
	return reply
}

func (d *Device) finish(f osdp.Frame, now time.Time) osdp.Frame {
	p := &d.protocol
	h := p.handshake
	p.drop()
	if h == nil {
		return f.AnswerNak(osdp.NakNoSession)
	}
	session, reply, err := h.Finish(f)
	if err != nil {
		return f.AnswerNak(osdp.NakNoSession)
	}
	p.session, p.secured = session, now
	return reply
}

func (d *Device) secured(f osdp.Frame, now time.Time) osdp.Frame {
	p := &d.protocol
	if p.session == nil {
		return f.AnswerNak(osdp.NakSecurity)
	}
	command, err := p.session.Open(f)
	if err != nil {
		p.drop()
		return f.AnswerNak(osdp.NakSecurity)
	}
	p.secured = now
	d.sent = nil // an authentic next command proves that the last report arrived
	reply, err := p.session.Seal(f.Answer(d.execute(command, now)))
	if err != nil || p.rekeyed {
		p.drop()
	}
	p.rekeyed = false
	if err != nil {
		return f.AnswerNak(osdp.NakSecurity)
	}
	return reply
}
