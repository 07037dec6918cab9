package bus

import (
	"errors"
	"slices"
	"time"

	"kanmon/reader/osdp"
)

// answeredInSession takes a reply while a session is up. Only what the session opens is believed.
func (d *device) answeredInSession(now time.Time, reply osdp.Frame) {
	if reply.Block == osdp.NoBlock {
		d.clearInSession(now, reply)
		return
	}
	asked := d.flight
	opened, err := d.session.Open(reply)
	switch {
	case errors.Is(err, osdp.ErrMAC), errors.Is(err, osdp.ErrPadding):
		d.loseSession(now, MACFailed, "a frame with a wrong code")
		return
	case err != nil, opened.Block == osdp.SCS15 && !answersStatus(asked.command.Code, opened.Code):
		d.loseSession(now, DeviceInsecure, "data under the wrong security block")
		return
	}
	d.flight, d.heard, d.due = nil, now, now
	if !d.last.Again(now, d.begun, asked.command.Code, opened) {
		d.use(now, asked, opened)
	}
}

// answersStatus reports a status that was asked for: only there is one taken that is authentic but not encrypted.
func answersStatus(asked, reply osdp.Code) bool {
	switch reply {
	case osdp.ReplyLocalStatus:
		return asked == osdp.CmdLocalStatus
	case osdp.ReplyInputStatus:
		return asked == osdp.CmdInputStatus
	case osdp.ReplyOutputStatus:
		return asked == osdp.CmdOutputStatus || asked == osdp.CmdOutput
	case osdp.ReplyReaderStatus:
		return asked == osdp.CmdReaderStatus
	default:
		return false
	}
}

// clearInSession: only a refusal may come in clear, and it is not authentic: it costs the session at most.
func (d *device) clearInSession(now time.Time, reply osdp.Frame) {
	if d.insecure(now, reply) {
		return
	}
	if reply.Code == osdp.ReplyAck && d.flight.command.Code == osdp.CmdKeySet { // some devices drop the session first
		d.keyAnswered(now, reply)
		return
	}
	if reply.Code != osdp.ReplyNak {
		d.loseSession(now, DeviceInsecure, "a clear reply inside the session")
		return
	}
	d.loseSession(now, SessionLost, "the device refuses the session")
}

// use acts on an authentic reply.
func (d *device) use(now time.Time, asked *flight, reply osdp.Frame) {
	refused := reply.Code == osdp.ReplyNak
	if asked.command.Code == osdp.CmdKeySet {
		d.keyAnswered(now, reply)
	}
	if refused && endsSession(nakCode(reply)) {
		d.flight = asked // its order, if any, goes to the next session
		d.loseSession(now, SessionLost, "the device ends the session")
		return
	}
	d.deliver(now, reply)
	switch {
	case asked.order != nil && reply.Code == osdp.ReplyBusy: // it belongs in clear; the order is still to be done
		d.queue.PutBack(asked.order)
	case asked.order != nil:
		asked.order.Finish(d.verdict(reply))
	case d.phase == settling:
		d.settle(now, reply)
	case reply.Code == osdp.ReplyAck || refused:
		d.due = now.Add(d.bus.cfg.PollGap)
	}
}

// endsSession names the refusals after which only a new handshake helps; NAK 0 and one without a code ask for a
// restart too.
func endsSession(c osdp.NakCode) bool {
	switch c {
	case osdp.NakSequence, osdp.NakNoSession, osdp.NakSecurity, osdp.NakNone, noNak:
		return true
	default:
		return false
	}
}

func (d *device) verdict(reply osdp.Frame) error {
	if reply.Code != osdp.ReplyNak {
		return nil
	}
	return &RefusedError{Device: d.Name, Code: nakCode(reply)}
}

// settle goes through the questions of a new session. A device that refuses one is not asked again.
func (d *device) settle(now time.Time, reply osdp.Frame) {
	asked := d.questions[0]
	d.questions = d.questions[1:]
	if asked == osdp.CmdID {
		d.now.id = parseID(reply)
	}
	if asked == osdp.CmdCapabilities {
		d.now.capabilities = parseCapabilities(reply)
		d.identified(now)
		if !d.rekey {
			d.questions = stateQuestions(d.now.capabilities)
		}
	}
	if len(d.questions) == 0 {
		d.phase, d.rekey, d.refusals = online, false, 0
	}
}

// stateQuestions asks for the states a device has.
func stateQuestions(c osdp.Capabilities) []osdp.Code {
	ask := []osdp.Code{osdp.CmdLocalStatus}
	if in, ok := c.Find(osdp.FuncContacts); ok && in.Number > 0 {
		ask = append(ask, osdp.CmdInputStatus)
	}
	if out, ok := c.Find(osdp.FuncOutputs); ok && out.Number > 0 {
		ask = append(ask, osdp.CmdOutputStatus)
	}
	return ask
}

// identified compares what the device says inside the session with what was said in its name in clear, and
// with what it said in the session before. The device holds its key, so it is used; who differs is told.
func (d *device) identified(now time.Time) {
	told := d.now
	if !d.rekey {
		if d.claimed.id != nil && told.id != nil && *d.claimed.id != *told.id {
			d.alarm(now, IdentityChanged, "the clear identification was false")
		}
		if d.claimed.capabilities != nil && !slices.Equal(d.claimed.capabilities, told.capabilities) {
			d.alarm(now, CapabilitiesDiffer, "the clear capabilities were false")
		}
	}
	if d.proven != nil && d.proven.id != nil && told.id != nil && *d.proven.id != *told.id {
		d.alarm(now, IdentityChanged, "another device than before")
	}
	d.proven = &told
	if d.rekey {
		return
	}
	d.offline = false
	d.queue.SetOffline(false)
	e := Online{Device: d.Name, At: now, Capabilities: told.capabilities}
	if told.id != nil {
		e.ID = *told.id
	}
	d.bus.cfg.Log.Info("osdp device online", "device", d.Name, "address", d.Address)
	d.bus.cfg.Emit(e)
}

// deliver turns an authentic reply into an event. Codes nobody asked for are of no use and do no harm.
func (d *device) deliver(now time.Time, reply osdp.Frame) {
	event, err := d.read(now, reply)
	if err != nil {
		d.bus.cfg.Log.Warn("osdp reply not understood", "device", d.Name, "error", err)
		return
	}
	if event != nil {
		d.bus.cfg.Emit(event)
	}
}

func (d *device) read(now time.Time, f osdp.Frame) (Event, error) {
	switch f.Code {
	case osdp.ReplyRaw:
		c, err := osdp.ParseRawCard(f.Data)
		return Card{Device: d.Name, At: now, Card: c}, err
	case osdp.ReplyKeypad:
		k, err := osdp.ParseKeypad(f.Data)
		return Keys{Device: d.Name, At: now, Keys: k}, err
	case osdp.ReplyInputStatus:
		s, err := osdp.ParseInputStatus(f.Data)
		return Inputs{Device: d.Name, At: now, States: s}, err
	case osdp.ReplyOutputStatus:
		s, err := osdp.ParseOutputStatus(f.Data)
		return Outputs{Device: d.Name, At: now, States: s}, err
	case osdp.ReplyReaderStatus:
		s, err := osdp.ParseReaderStatus(f.Data)
		return Readers{Device: d.Name, At: now, States: s}, err
	case osdp.ReplyLocalStatus:
		s, err := osdp.ParseLocalStatus(f.Data)
		return Local{Device: d.Name, At: now, Status: s}, err
	default:
		return nil, nil //nolint:nilnil // no event is what the other replies are
	}
}
