package pd

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/reader/osdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a controller's end of one conversation, just enough to drive a device.
type host struct {
	t       *testing.T
	device  *Device
	session *osdp.Session
	seq     uint8
	now     time.Time
}

func testKey(t *testing.T, text string) osdp.Key {
	t.Helper()
	k, err := osdp.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const keyText = "5c9a1e77d3046bf82b60c4e991a73d0f"

func newHost(t *testing.T, c Config) *host {
	t.Helper()
	c.Key = testKey(t, keyText)
	d, err := New(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &host{t: t, device: d, now: time.Unix(1_700_000_000, 0)}
}

func reader1() Config { return Config{Name: "IN-1", Address: 1, Readers: 1} }

// raw sends a frame as it is and returns the reply, or ok false for silence.
func (h *host) raw(f osdp.Frame) (osdp.Frame, bool) {
	h.t.Helper()
	b := h.device.Receive(f, h.now)
	if b == nil {
		return osdp.Frame{}, false
	}
	if b[0] == 0xFF {
		b = b[1:]
	}
	reply, err := osdp.ParseFrame(b)
	if err != nil {
		h.t.Fatalf("the device sent % x: %v", b, err)
	}
	return reply, true
}

func (h *host) must(f osdp.Frame) osdp.Frame {
	h.t.Helper()
	reply, ok := h.raw(f)
	if !ok {
		h.t.Fatalf("silence after %v", f)
	}
	return reply
}

// to addresses a handshake frame to the device.
func to(f osdp.Frame, seq uint8) osdp.Frame {
	f.Mark, f.Address, f.Seq = true, 1, seq
	return f
}

func (h *host) connect() {
	h.t.Helper()
	rnd, err := osdp.NewRND(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	hs, err := osdp.NewControllerHandshake(testKey(h.t, keyText), rnd)
	if err != nil {
		h.t.Fatal(err)
	}
	proof, err := hs.Prove(h.must(to(hs.Challenge(), 0)))
	if err != nil {
		h.t.Fatal(err)
	}
	if h.session, err = proof.Finish(h.must(to(proof.Command(), 1))); err != nil {
		h.t.Fatal(err)
	}
	h.seq = 1
}

// seal makes the next secured command.
func (h *host) seal(code osdp.Code, data []byte) osdp.Frame {
	h.t.Helper()
	h.seq = osdp.NextSeq(h.seq)
	f, err := h.session.Seal(osdp.Frame{Mark: true, Address: 1, Seq: h.seq, Code: code, Data: data})
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

func (h *host) secured(code osdp.Code, data []byte) osdp.Frame {
	h.t.Helper()
	reply, err := h.session.Open(h.must(h.seal(code, data)))
	if err != nil {
		h.t.Fatal(err)
	}
	return reply
}

func TestCardIsReportedInsideTheSession(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	if err := h.device.Present(26, []byte{0xbd, 0xd9, 0x37, 0x40}); err != nil {
		t.Fatal(err)
	}
	got := h.secured(osdp.CmdPoll, nil)
	// osdp.md 15.5: the clear payload of facility 123, card 45678
	if want, _ := hex.DecodeString("00001a00bdd93740"); got.Code != osdp.ReplyRaw || !bytes.Equal(got.Data, want) {
		t.Errorf("got %v %x, want RAW %x", got, got.Data, want)
	}
	if again := h.secured(osdp.CmdPoll, nil); again.Code != osdp.ReplyAck {
		t.Errorf("second poll got %v, want ACK", again)
	}
}

// R47-1: a device with a key says nothing in clear but what leads to a session.
func TestClearCommandsAreRefusedByAKeyedDevice(t *testing.T) {
	for _, code := range []osdp.Code{osdp.CmdPoll, osdp.CmdLED, osdp.CmdOutput, osdp.CmdLocalStatus, osdp.CmdComSet, osdp.CmdKeySet} {
		h := newHost(t, reader1())
		reply := h.must(osdp.Frame{Address: 1, Code: code})
		if reply.Code != osdp.ReplyNak || osdp.NakCode(reply.Data[0]) != osdp.NakSecurity {
			t.Errorf("%s in clear got %v %x, want NAK 6", code.Name(false), reply, reply.Data)
		}
	}
}

func TestClearFrameInsideASessionEndsIt(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	reply := h.must(osdp.Frame{Address: 1, Seq: osdp.NextSeq(h.seq), Code: osdp.CmdPoll})
	if reply.Code != osdp.ReplyNak || osdp.NakCode(reply.Data[0]) != osdp.NakSecurity || h.device.Snapshot().Secure {
		t.Errorf("got %v, secure %v; want NAK 6 and no session", reply, h.device.Snapshot().Secure)
	}
}

func TestRepeatedCommandIsAnsweredWithTheSameBytesAndDoneOnce(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	f := h.seal(osdp.CmdBuzzer, osdp.Buzzer{Tone: osdp.ToneDefault, OnTime: 1, Count: 1}.Append(nil))
	first := h.device.Receive(f, h.now)
	second := h.device.Receive(f, h.now)
	if first == nil || !bytes.Equal(first, second) {
		t.Errorf("replies differ:\n% x\n% x", first, second)
	}
	if beeps := h.device.Snapshot().Beeps; beeps != 1 {
		t.Errorf("%d beeps, want 1", beeps)
	}
}

func TestReportWhoseReplyWasLostComesAgainAfterARestart(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	if err := h.device.Present(8, []byte{0xA5}); err != nil {
		t.Fatal(err)
	}
	if got := h.device.Receive(h.seal(osdp.CmdPoll, nil), h.now); got == nil {
		t.Fatal("no reply")
	} // and that reply never arrives
	h.connect()
	if got := h.secured(osdp.CmdPoll, nil); got.Code != osdp.ReplyRaw {
		t.Errorf("after the restart got %v, want the card again", got)
	}
}

func TestWrongMACEndsTheSession(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	f := h.seal(osdp.CmdPoll, nil)
	f.MAC[0] ^= 1
	reply := h.must(f)
	if reply.Code != osdp.ReplyNak || osdp.NakCode(reply.Data[0]) != osdp.NakSecurity || h.device.Snapshot().Secure {
		t.Errorf("got %v; want NAK 6 and no session", reply)
	}
}

func TestDefaultKeyIsRefused(t *testing.T) {
	h := newHost(t, reader1())
	rnd, err := osdp.NewRND(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hs, err := osdp.NewControllerHandshake(osdp.DefaultKey(), rnd)
	if err != nil {
		t.Fatal(err)
	}
	if reply := h.must(to(hs.Challenge(), 0)); reply.Code != osdp.ReplyNak {
		t.Errorf("a challenge under SCBK-D got %v, want NAK", reply)
	}
}

func TestSilenceOfEightSecondsEndsTheSession(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	h.now = h.now.Add(osdp.OfflineAfter + time.Millisecond)
	if reply := h.must(h.seal(osdp.CmdPoll, nil)); reply.Code != osdp.ReplyNak {
		t.Errorf("got %v, want NAK 6", reply)
	}
}

func TestOthersFramesAreIgnored(t *testing.T) {
	h := newHost(t, reader1())
	for name, f := range map[string]osdp.Frame{
		"another address":         {Address: 2, Code: osdp.CmdID},
		"another device's reply":  {Address: 2, Reply: true, Code: osdp.ReplyAck},
		"a reply of this address": {Address: 1, Reply: true, Code: osdp.ReplyAck},
	} {
		if reply, ok := h.raw(f); ok {
			t.Errorf("%s got %v, want silence", name, reply)
		}
	}
}

// A strike energised with a timer locks again by itself: a controller that dies leaves a locked door.
func TestTimedOutputEndsByItself(t *testing.T) {
	h := newHost(t, Config{Name: "IO-1", Address: 1, Outputs: 2, Inputs: 4})
	h.connect()
	h.secured(osdp.CmdOutput, osdp.Output{Number: 1, Control: osdp.OutputOnTimed, Timer: 30}.Append(nil))
	at := func(d time.Duration) bool { return h.device.snapshot(h.now.Add(d)).Outputs[1] }
	if !at(2999*time.Millisecond) || at(3001*time.Millisecond) {
		t.Errorf("output active at 2.999 s: %v, at 3.001 s: %v; want true, false", at(2999*time.Millisecond), at(3001*time.Millisecond))
	}
}

// What a strike was told is the truth that tests hold the centre's log against: each command once, also when its frame
// came twice, and none that only locks.
func TestEveryCommandThatEnergisesAnOutputIsNotedOnceBeforeItsAnswer(t *testing.T) {
	type note struct {
		output int
		at     time.Time
	}
	var got []note
	var active []bool // before the note
	var h *host
	h = newHost(t, Config{Name: "IO-1", Address: 1, Outputs: 2, Energised: func(output int, at time.Time) {
		got = append(got, note{output, at})
		active = append(active, h.device.outputs[output].active(at))
	}})
	h.connect()
	h.secured(osdp.CmdOutput, osdp.Output{Number: 1, Control: osdp.OutputOnTimed, Timer: 30}.Append(nil))
	f := h.seal(osdp.CmdOutput, osdp.Output{Number: 0, Control: osdp.OutputOn}.Append(nil))
	first, again := h.device.Receive(f, h.now), h.device.Receive(f, h.now)
	if !bytes.Equal(first, again) {
		t.Fatalf("the repeated frame was answered % x, before % x", again, first)
	}
	if want := []note{{1, h.now}, {0, h.now}}; !slices.Equal(got, want) || active[0] || active[1] {
		t.Errorf("noted %v (already active: %v), want %v", got, active, want)
	}
	h.connect()
	for _, c := range []osdp.OutputControl{osdp.OutputLeave, osdp.OutputOff, osdp.OutputOffLater, osdp.OutputOffTimed} {
		h.secured(osdp.CmdOutput, osdp.Output{Number: 1, Control: c, Timer: 30}.Append(nil))
	}
	h.secured(osdp.CmdOutput, osdp.Output{Number: 2, Control: osdp.OutputOn}.Append(nil)) // there is none
	if len(got) != 2 {
		t.Errorf("noted %v", got)
	}
}

func TestOutputsBeyondTheDevicesOwnAreRefused(t *testing.T) {
	h := newHost(t, Config{Name: "IO-1", Address: 1, Outputs: 2})
	h.connect()
	got := h.secured(osdp.CmdOutput, osdp.Output{Number: 2, Control: osdp.OutputOn}.Append(nil))
	if got.Code != osdp.ReplyNak || osdp.NakCode(got.Data[0]) != osdp.NakUnknown {
		t.Errorf("got %v, want NAK 3", got)
	}
}

// Anybody can send a frame with the next number. Only one that opens proves that the report before it arrived.
func TestForgedCommandConfirmsNoReport(t *testing.T) {
	for name, forge := range map[string]func(*osdp.Frame){
		"wrong MAC": func(f *osdp.Frame) { f.MAC[0] ^= 1 },
		"in clear":  func(f *osdp.Frame) { f.Block = osdp.NoBlock },
	} {
		h := newHost(t, reader1())
		h.connect()
		if err := h.device.Present(8, []byte{0xA5}); err != nil {
			t.Fatal(err)
		}
		if got := h.device.Receive(h.seal(osdp.CmdPoll, nil), h.now); got == nil {
			t.Fatal("no reply")
		} // and that reply never arrives
		forged := osdp.Frame{Address: 1, Seq: osdp.NextSeq(h.seq), Block: osdp.SCS15, Code: osdp.CmdPoll}
		forge(&forged)
		h.must(forged)
		h.connect()
		if got := h.secured(osdp.CmdPoll, nil); got.Code != osdp.ReplyRaw {
			t.Errorf("%s: after the new session got %v, want the card", name, got)
		}
	}
}

// What happens while no controller asks is not kept without end; the newest is what counts.
func TestReportsAreNotPiledUpWithoutEnd(t *testing.T) {
	h := newHost(t, Config{Name: "IO-1", Address: 1, Inputs: 1})
	for i := range 10_001 {
		h.device.SetInput(0, i%2 == 0)
	}
	if n := h.device.Snapshot().Waiting; n > 64 {
		t.Errorf("%d reports wait", n)
	}
	h.connect()
	var last osdp.Frame
	for got := h.secured(osdp.CmdPoll, nil); got.Code != osdp.ReplyAck; got = h.secured(osdp.CmdPoll, nil) {
		last = got
	}
	if !bytes.Equal(last.Data, []byte{1}) {
		t.Errorf("the last report says %v, want active", last.Data)
	}
}

func TestCardTooLongForAReplyIsNotTaken(t *testing.T) {
	h := newHost(t, reader1())
	if err := h.device.Present(0xFFFF, make([]byte, 0x2000)); err == nil {
		t.Error("a card was taken that no frame can carry")
	}
}
