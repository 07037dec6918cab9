package bus

import (
	"context"
	"errors"
	"slices"
	"time"

	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/keying"
	"kanmon/reader/osdp/bus/internal/order"
	"kanmon/reader/osdp/bus/internal/repeat"
)

// phase is how far a device has come. The order is that of a start-up.
type phase uint8

const (
	silent      phase = iota // ID is sent once in a while
	identifying              // ID in clear: a hint
	describing               // CAP in clear: a hint
	challenging              // CHLNG
	proving                  // SCRYPT
	settling                 // session up: ID and CAP again, then the states
	online                   // POLL and orders
)

// device is the controller's picture of one device. It belongs to the goroutine in Run, except for the queue.
type device struct {
	Device
	bus   *Bus
	queue *order.Queue[Command]
	keys  *keying.Plan

	phase  phase
	due    time.Time // when it is to be addressed next
	seq    uint8     // number of the last frame
	flight *flight   // sent and not yet answered

	handshake osdp.ControllerHandshake
	proof     osdp.ControllerProof
	session   *osdp.Session // not nil from settling on
	begun     time.Time     // when the session began
	frames    int           // sealed in this session
	rekey     bool          // this session only replaces an old one
	questions []osdp.Code   // what settling has still to ask

	claimed identity  // as said in clear
	proven  *identity // as said inside the last session
	now     identity  // as said inside this session

	last repeat.Memory // the event that the device may deliver again

	heard    time.Time // when the last authentic reply came, or Run began
	offline  bool      // Offline was told
	refusals int       // handshakes failed in a row
	losses   []time.Time
	alarms   map[AlarmKind]*alarmLog
}

// identity is what a device answers to ID and CAP; nil parts were not answered.
type identity struct {
	id           *osdp.PDID
	capabilities osdp.Capabilities
}

// flight is one frame on its way: until it is answered, the same bytes are sent again.
type flight struct {
	command osdp.Frame
	bytes   []byte
	order   *order.Order[Command] // nil for our own questions and polls
	sends   int
	busies  int
}

// late reports an order nobody waits for any more: it must not be sent again, or a strike opens late.
func (f *flight) late() bool { return f != nil && f.order != nil && f.order.Abandoned() }

func (d *device) start(now time.Time) { d.heard, d.due, d.alarms = now, now, map[AlarmKind]*alarmLog{} }

func (d *device) timing() Timing { return d.bus.cfg.Timing }

// prepare returns the frame to send: the one still unanswered, or the next by the device's phase. The error is
// one of the random source; nothing else can go wrong but by a defect here, which costs the session.
func (d *device) prepare(ctx context.Context, now time.Time) (*flight, error) {
	if d.flight.late() {
		// A sealed frame cannot be taken back, only made worthless: its session ends.
		d.loseSession(now, SessionLost, "an order ran out before it was answered")
		return nil, nil //nolint:nilnil // nothing to send this time
	}
	if d.flight != nil {
		return d.flight, nil
	}
	if d.phase == online && d.worn(now) {
		d.replaceSession(now)
	}
	err := d.next(now)
	if err == nil || errors.Is(err, errRandom) {
		return d.flight, err
	}
	d.bus.cfg.Log.ErrorContext(ctx, "osdp frame not made", "device", d.Name, "error", err)
	d.fallSilent(now)
	d.due = now.Add(d.timing().Probe)
	return nil, nil //nolint:nilnil // nothing to send this time
}

func (d *device) next(now time.Time) error {
	switch d.phase {
	case silent, identifying:
		return d.sendClear(0, osdp.Frame{Code: osdp.CmdID, Data: []byte{osdp.RequestStandard}})
	case describing:
		return d.sendClear(osdp.NextSeq(d.seq), osdp.Frame{Code: osdp.CmdCapabilities, Data: []byte{osdp.RequestStandard}})
	case challenging:
		return d.challenge()
	case proving:
		return d.sendClear(osdp.NextSeq(d.seq), d.proof.Command())
	default: // settling, online
		return d.sendSecured(now)
	}
}

// worn reports a session that is to be replaced: its keys have only 48 random bits.
func (d *device) worn(now time.Time) bool {
	return d.frames >= d.timing().RekeyFrames || now.Sub(d.begun) >= d.timing().RekeyAfter
}

func (d *device) sendClear(seq uint8, f osdp.Frame) error {
	return d.launch(d.addressed(seq, f), nil)
}

func (d *device) addressed(seq uint8, f osdp.Frame) osdp.Frame {
	f.Mark, f.Address, f.Seq = true, d.Address, seq
	return f
}

// sendSecured seals what is most urgent: an order, an open question of a new session, a new key, a poll.
func (d *device) sendSecured(now time.Time) error {
	f := osdp.Frame{Code: osdp.CmdPoll}
	var o *order.Order[Command]
	if !d.bus.poll {
		o = d.queue.Take(d.phase == online)
	}
	switch {
	case o != nil:
		f.Code, f.Data = o.Command().code, o.Command().data
	case d.phase == settling:
		f = question(d.questions[0])
	case d.keys.Due(now):
		f = d.newKey(now)
	}
	sealed, err := d.session.Seal(d.addressed(osdp.NextSeq(d.seq), f))
	if err != nil {
		if o != nil {
			o.Finish(err)
		}
		return err
	}
	d.frames++
	return d.launch(sealed, o)
}

func question(c osdp.Code) osdp.Frame {
	f := osdp.Frame{Code: c}
	if c == osdp.CmdID || c == osdp.CmdCapabilities {
		f.Data = []byte{osdp.RequestStandard}
	}
	return f
}

func (d *device) launch(f osdp.Frame, o *order.Order[Command]) error {
	b, err := f.Append(nil)
	if err != nil {
		return err
	}
	d.seq = f.Seq
	d.flight = &flight{command: f, bytes: b, order: o}
	return nil
}

// unanswered: the same bytes again, a few times at once; then the device is silent.
func (d *device) unanswered(now time.Time) {
	if d.phase != silent && d.flight.sends <= d.timing().Repeats {
		d.due = now
		return
	}
	d.fallSilent(now)
	d.due = now.Add(d.timing().Probe)
	d.bus.probed(now)
}

// fallSilent gives up the session without blaming anybody.
func (d *device) fallSilent(now time.Time) {
	d.dropSession()
	d.keys.Restart()
	d.phase, d.due = silent, now
}

// busy: the same bytes again after a pause. Nothing moves; but nobody may be busy for ever.
func (d *device) busy(now time.Time) {
	d.flight.sends = 0
	if d.flight.busies++; d.flight.busies > d.timing().BusyLimit {
		d.loseSession(now, SessionLost, "busy without end")
		return
	}
	d.due = now.Add(d.timing().Busy)
}

// lostPlace: the device does not know where in the conversation it is.
func (d *device) lostPlace(now time.Time, reply osdp.Frame) {
	if d.insecure(now, reply) {
		return
	}
	if d.phase == challenging || d.phase == proving {
		d.handshakeFailed(now, "sequence lost in the handshake")
		return
	}
	d.loseSession(now, SessionLost, "sequence lost")
}

// insecure recognises what must never come in clear. It is not used, and it ends whatever was going on.
func (d *device) insecure(now time.Time, reply osdp.Frame) bool {
	if reply.Block.Secured() || reply.Code != osdp.ReplyRaw && reply.Code != osdp.ReplyKeypad {
		return false
	}
	d.loseSession(now, DeviceInsecure, "sent a card or keys in clear")
	return true
}

func (d *device) answered(now time.Time, reply osdp.Frame) {
	if reply.Block == osdp.NoBlock && nakCode(reply) == osdp.NakCheck && d.flight.sends <= d.timing().Repeats {
		d.due = now // it saw damaged bytes: the same ones again
		return
	}
	if d.session != nil {
		d.answeredInSession(now, reply)
		return
	}
	if d.insecure(now, reply) {
		return
	}
	d.flight, d.due = nil, now
	switch d.phase {
	case silent, identifying:
		d.claimed = identity{id: parseID(reply)}
		d.phase = describing
	case describing:
		d.claimed.capabilities = parseCapabilities(reply)
		d.phase = challenging
	case challenging:
		d.challenged(now, reply)
	case proving:
		d.proved(now, reply)
	default: // the others have a session
	}
}

// parseID reads an answer to ID. A refusal or nonsense is no answer; asking in clear is only for the comparison.
func parseID(f osdp.Frame) *osdp.PDID {
	if f.Code != osdp.ReplyID {
		return nil
	}
	id, err := osdp.ParsePDID(f.Data)
	if err != nil {
		return nil
	}
	return &id
}

func parseCapabilities(f osdp.Frame) osdp.Capabilities {
	if f.Code != osdp.ReplyCapabilities {
		return nil
	}
	c, err := osdp.ParseCapabilities(f.Data)
	if err != nil {
		return nil
	}
	return c
}

func (d *device) challenged(now time.Time, reply osdp.Frame) {
	proof, err := d.handshake.Prove(reply)
	if err != nil {
		d.handshakeFailed(now, refusal(reply, "does not hold its key"))
		return
	}
	d.proof, d.phase = proof, proving
}

func (d *device) proved(now time.Time, reply osdp.Frame) {
	session, err := d.proof.Finish(reply)
	if err != nil {
		d.handshakeFailed(now, refusal(reply, "did not complete the handshake"))
		return
	}
	d.session, d.begun, d.frames, d.heard = session, now, 0, now
	d.now = identity{}
	d.questions = []osdp.Code{osdp.CmdID, osdp.CmdCapabilities}
	d.phase = settling
	d.keyed(now)
}

func refusal(reply osdp.Frame, otherwise string) string {
	if reply.Code == osdp.ReplyNak {
		return "refused the handshake"
	}
	return otherwise
}

// nakCode is the code of a NAK, and noNak for every other reply and for a NAK that gives none.
func nakCode(reply osdp.Frame) osdp.NakCode {
	nak, err := osdp.ParseNak(reply.Data)
	if reply.Code != osdp.ReplyNak || err != nil {
		return noNak
	}
	return nak.Code
}

const noNak osdp.NakCode = 0xFF

// handshakeFailed backs off: 1 s, doubling. The next try is a fresh handshake under the same key, never less. A device that is
// given a new key has two, and one failure of the first is no news.
func (d *device) handshakeFailed(now time.Time, detail string) {
	if d.keys.Failed() {
		d.flight, d.phase, d.due = nil, challenging, now
		return
	}
	d.dropSession()
	d.alarm(now, HandshakeFailed, detail)
	wait := d.timing().HandshakeMax
	if d.refusals < 16 {
		wait = min(wait, d.timing().HandshakeWait<<d.refusals)
	}
	d.refusals++
	d.phase, d.due = identifying, now.Add(wait)
}

const (
	lossWindow = time.Minute
	lossPause  = 5 * time.Second
)

// loseSession ends a session that the device, or somebody in its name, broke. The first loss in a minute costs
// nothing, the second a second, and from the third on there is one handshake in 5 s: a guess at a MAC costs that.
func (d *device) loseSession(now time.Time, kind AlarmKind, detail string) {
	d.losses = slices.DeleteFunc(d.losses, func(at time.Time) bool { return now.Sub(at) >= lossWindow })
	d.losses = append(d.losses, now)
	d.alarm(now, kind, detail)
	d.dropSession()
	d.phase = identifying
	switch len(d.losses) {
	case 1:
		d.due = now
	case 2:
		d.due = now.Add(time.Second)
	default:
		d.due = now.Add(lossPause)
	}
}

// dropSession forgets the session. The order on its way goes back to the head of the queue, for the next session
// if that comes in time.
func (d *device) dropSession() {
	if d.session != nil {
		d.session.End()
	}
	if d.flight != nil && d.flight.order != nil {
		d.queue.PutBack(d.flight.order)
	}
	d.session, d.flight, d.rekey = nil, nil, false
}

// lineLost: whatever the device was doing, it starts from the beginning when the line is back.
func (d *device) lineLost(now time.Time) { d.fallSilent(now) }

func (d *device) stop() {
	d.dropSession()
	d.queue.SetOffline(true)
}

// checkOffline tells once that a device is gone, and lets nobody wait for it any more.
func (d *device) checkOffline(now time.Time) {
	if d.offline || now.Sub(d.heard) < d.timing().Offline {
		return
	}
	d.offline = true
	if d.session != nil {
		d.fallSilent(now)
	}
	d.queue.SetOffline(true)
	d.bus.cfg.Log.Warn("osdp device offline", "device", d.Name, "address", d.Address)
	d.bus.cfg.Emit(Offline{Device: d.Name, At: now})
}
