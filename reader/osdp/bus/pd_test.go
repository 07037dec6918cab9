package bus

import (
	"slices"
	"sync"

	"kanmon/reader/osdp"
)

// pd is a device for tests: honest, unless one of its hooks makes it something else.
type pd struct {
	address byte
	key     osdp.Key
	pending osdp.Key // what the controller is to give it
	id      osdp.PDID
	caps    osdp.Capabilities

	// opened sees every fresh command, opened if it was secured, and may answer it instead of the device:
	// the clear form of the reply is sealed when the command was secured. raw answers before anything is judged.
	opened func(f osdp.Frame) *osdp.Frame
	raw    func(f osdp.Frame) ([]byte, bool)

	mu        sync.Mutex
	dead      bool
	seq       osdp.DeviceSequence
	handshake *osdp.DeviceHandshake
	session   *osdp.Session
	events    []osdp.Frame // code and data; the first one stays until the next number arrives
	onLine    bool         // events[0] was sent
	done      []osdp.Frame // orders acted on
	handshook int
	polls     int
	inputs    osdp.InputStatus
}

func (d *pd) receive(b []byte) []byte {
	decoder := osdp.NewDecoder(0)
	_, _ = decoder.Write(b)
	f, ok := decoder.Next()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !ok || d.dead || f.Reply || f.Address != d.address {
		return nil
	}
	if d.raw != nil {
		if r, answer := d.raw(f); answer {
			return r
		}
	}
	switch d.seq.Judge(f) {
	case osdp.PlaceRepeat:
		return d.seq.Reply()
	case osdp.PlaceWrong:
		return wireBytes(f.AnswerNak(osdp.NakSequence))
	case osdp.PlaceRestart:
		d.session, d.onLine = nil, false
	case osdp.PlaceFresh:
		if d.onLine {
			d.events, d.onLine = d.events[1:], false
		}
	}
	r := wireBytes(d.process(f))
	d.seq.Answered(f, r)
	return r
}

func wireBytes(f osdp.Frame) []byte {
	b, err := f.Append(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func (d *pd) process(f osdp.Frame) osdp.Frame {
	if !f.Block.Secured() {
		return d.clear(f)
	}
	if d.session == nil {
		return f.AnswerNak(osdp.NakSecurity)
	}
	command, err := d.session.Open(f)
	if err != nil {
		d.session = nil
		return f.AnswerNak(osdp.NakSecurity)
	}
	reply := d.answer(command)
	if reply.Block != osdp.NoBlock || reply.Code == osdp.ReplyBusy {
		return reply
	}
	sealed, err := d.session.Seal(reply)
	if err != nil {
		panic(err)
	}
	return sealed
}

func (d *pd) clear(f osdp.Frame) osdp.Frame {
	if d.opened != nil {
		if r := d.opened(f); r != nil {
			return *r
		}
	}
	switch f.Code {
	case osdp.CmdID:
		return f.Answer(osdp.ReplyID, d.id.Append(nil))
	case osdp.CmdCapabilities:
		return f.Answer(osdp.ReplyCapabilities, d.caps.Append(nil))
	case osdp.CmdChallenge:
		h, reply, err := osdp.AnswerChallenge(d.key, d.id.ClientUID(), osdp.RND{1, 2, 3, byte(d.handshook)}, f)
		if err != nil {
			return f.AnswerNak(osdp.NakNoSession)
		}
		d.handshake = &h
		return reply
	case osdp.CmdServerCryptogram:
		if d.handshake == nil {
			return f.AnswerNak(osdp.NakNoSession)
		}
		session, reply, err := d.handshake.Finish(f)
		d.handshake = nil
		if err != nil {
			return f.AnswerNak(osdp.NakNoSession)
		}
		d.session = session
		d.handshook++
		return reply
	default:
		return f.AnswerNak(osdp.NakSecurity)
	}
}

func (d *pd) answer(f osdp.Frame) osdp.Frame {
	if d.opened != nil {
		if r := d.opened(f); r != nil {
			return *r
		}
	}
	switch f.Code {
	case osdp.CmdID:
		return f.Answer(osdp.ReplyID, d.id.Append(nil))
	case osdp.CmdCapabilities:
		return f.Answer(osdp.ReplyCapabilities, d.caps.Append(nil))
	case osdp.CmdLocalStatus:
		return f.Answer(osdp.ReplyLocalStatus, osdp.LocalStatus{}.Append(nil))
	case osdp.CmdInputStatus:
		return f.Answer(osdp.ReplyInputStatus, d.inputs.Append(nil))
	case osdp.CmdOutputStatus:
		return f.Answer(osdp.ReplyOutputStatus, osdp.OutputStatus{osdp.OutputInactive}.Append(nil))
	case osdp.CmdPoll:
		d.polls++
		if len(d.events) > 0 {
			d.onLine = true
			return f.Answer(d.events[0].Code, d.events[0].Data)
		}
		return f.Answer(osdp.ReplyAck, nil)
	default:
		d.done = append(d.done, f)
		return f.Answer(osdp.ReplyAck, nil)
	}
}

func (d *pd) push(code osdp.Code, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, osdp.Frame{Code: code, Data: data})
}

func (d *pd) tap(card byte) { d.push(osdp.ReplyRaw, rawCard(card)) }

func rawCard(card byte) []byte {
	c, err := osdp.NewRawCard(0, osdp.CardBits, 64, []byte{1, 2, 3, 4, 5, 6, 7, card})
	if err != nil {
		panic(err)
	}
	return c.Append(nil)
}

// cardByte is the byte by which the cards of these tests differ.
func cardByte(c Card) byte {
	_, bits := c.Card.Reveal()
	return bits[7]
}

func (d *pd) do(fn func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn()
}

func (d *pd) orders() []osdp.Code {
	d.mu.Lock()
	defer d.mu.Unlock()
	var codes []osdp.Code
	for _, f := range d.done {
		codes = append(codes, f.Code)
	}
	return slices.Clone(codes)
}
