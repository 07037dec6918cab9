package world

import (
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pd"
	"kanmon/reader/osdp"
)

// panel is the controller's end of one device's conversation, just enough to answer a card.
type panel struct {
	t       *testing.T
	device  *pd.Device
	address byte
	session *osdp.Session
	seq     uint8
}

func connect(t *testing.T, d *pd.Device, address byte) *panel {
	t.Helper()
	p := &panel{t: t, device: d, address: address}
	key, err := osdp.ParseKey(keyText)
	if err != nil {
		t.Fatal(err)
	}
	random, err := osdp.NewRND(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shake, err := osdp.NewControllerHandshake(key, random)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := shake.Prove(p.exchange(shake.Challenge(), 0))
	if err != nil {
		t.Fatal(err)
	}
	if p.session, err = proof.Finish(p.exchange(proof.Command(), 1)); err != nil {
		t.Fatal(err)
	}
	p.seq = 1
	return p
}

func (p *panel) exchange(f osdp.Frame, seq uint8) osdp.Frame {
	p.t.Helper()
	f.Mark, f.Address, f.Seq = true, p.address, seq
	return p.send(f)
}

func (p *panel) send(f osdp.Frame) osdp.Frame {
	p.t.Helper()
	b := p.device.Receive(f, time.Now())
	if len(b) > 0 && b[0] == 0xFF {
		b = b[1:]
	}
	reply, err := osdp.ParseFrame(b)
	if err != nil {
		p.t.Fatalf("the device answered % x: %v", b, err)
	}
	return reply
}

// command sends a secured command and returns the code of the answer.
func (p *panel) command(code osdp.Code, data []byte) osdp.Code {
	p.t.Helper()
	p.seq = osdp.NextSeq(p.seq)
	f, err := p.session.Seal(osdp.Frame{Mark: true, Address: p.address, Seq: p.seq, Code: code, Data: data})
	if err != nil {
		p.t.Fatal(err)
	}
	reply, err := p.session.Open(p.send(f))
	if err != nil {
		p.t.Fatal(err)
	}
	return reply.Code
}

func (p *panel) do(code osdp.Code, data []byte) {
	p.t.Helper()
	if got := p.command(code, data); got != osdp.ReplyAck {
		p.t.Fatalf("command %v was answered with %v", code, got)
	}
}

func (p *panel) light(c osdp.Colour) {
	p.t.Helper()
	l := osdp.LED{Temporary: osdp.LEDState{Control: osdp.LEDStart, OnTime: 1, On: c}, Timer: 20}
	p.do(osdp.CmdLED, l.Append(nil))
}

func (p *panel) beep(times byte) {
	p.t.Helper()
	p.do(osdp.CmdBuzzer, osdp.Buzzer{Tone: osdp.ToneDefault, OnTime: 1, OffTime: 1, Count: times}.Append(nil))
}

func (p *panel) release(d time.Duration) {
	p.t.Helper()
	p.do(osdp.CmdOutput, osdp.Output{Control: osdp.OutputOnTimed, Timer: uint16(d / (100 * time.Millisecond))}.Append(nil))
}

// scene is a tap on a small world whose devices a panel looks after.
type scene struct {
	*World
	reader, io *panel
	answer     chan control.Answer
}

func tapped(t *testing.T, stay bool) scene {
	t.Helper()
	w := small(t)
	s := scene{World: w, reader: connect(t, w.Device("IN-1"), 1), io: connect(t, w.Device("IO-1"), 3), answer: make(chan control.Answer, 1)}
	go func() {
		s.answer <- w.Handle(t.Context(), control.Request{Op: control.Tap, Reader: "IN-1", Card: "佐藤", Stay: stay})
	}()
	synctest.Wait()
	if got := s.reader.command(osdp.CmdPoll, nil); got != osdp.ReplyRaw {
		t.Fatalf("the poll after the card was answered with %v", got)
	}
	return s
}

func (s scene) open() bool { return s.Device("IO-1").Snapshot().Inputs[0] }

func TestPersonWithAReleasedDoorWalksThroughAndItFallsShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tapped(t, false)
		s.io.release(3 * time.Second)
		s.reader.light(osdp.Green)
		s.reader.beep(1)
		if a := <-s.answer; a.LED != "green" || a.Beeps != 1 || !a.Released || a.Error != "" {
			t.Errorf("answered %+v", a)
		}
		for _, step := range []struct {
			after time.Duration
			open  bool
		}{{reachFor - time.Millisecond, false}, {2 * time.Millisecond, true}, {walkThrough - 2*time.Millisecond, true}, {2 * time.Millisecond, false}} {
			pause(t.Context(), step.after)
			if s.open() != step.open {
				t.Errorf("%v later the door is open: %v", step.after, s.open())
			}
		}
		s.Wait()
	})
}

func TestPersonWhoStaysLeavesTheReleasedDoorShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tapped(t, true)
		s.io.release(3 * time.Second)
		s.reader.light(osdp.Green)
		s.reader.beep(1)
		if a := <-s.answer; !a.Released {
			t.Errorf("answered %+v", a)
		}
		s.Wait()
		if s.open() {
			t.Error("the door was opened")
		}
	})
}

func TestPersonIsTooSlowForAStrikeThatLocksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tapped(t, false)
		s.io.release(200 * time.Millisecond)
		s.reader.light(osdp.Green)
		s.reader.beep(1)
		if a := <-s.answer; !a.Released {
			t.Errorf("answered %+v", a)
		}
		s.Wait()
		if s.open() {
			t.Error("the person went through a door that had locked again")
		}
	})
}

func TestRefusedPersonSeesRedAndStaysOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tapped(t, false)
		s.reader.light(osdp.Red)
		s.reader.beep(3)
		if a := <-s.answer; a.LED != "red" || a.Beeps != 3 || a.Released || a.Error != "" {
			t.Errorf("answered %+v", a)
		}
		s.Wait()
		if s.open() {
			t.Error("the refused person went in")
		}
	})
}

func TestGreenLightWithoutAStrikeIsNoReleasedDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tapped(t, false)
		s.reader.light(osdp.Green)
		s.reader.beep(1)
		if a := <-s.answer; a.LED != "green" || a.Released {
			t.Errorf("answered %+v", a)
		}
		s.Wait()
	})
}

func TestCardsHeldInARowWaitForThePollAndForNothingElse(t *testing.T) {
	w := small(t)
	reader := connect(t, w.Device("IN-1"), 1)
	for _, card := range []string{"佐藤", "鈴木"} {
		if a := w.Handle(t.Context(), control.Request{Op: control.Hold, Reader: "IN-1", Card: card}); a.Error != "" || a.LED != "" {
			t.Errorf("%s: answered %+v", card, a)
		}
	}
	for range 2 {
		if got := reader.command(osdp.CmdPoll, nil); got != osdp.ReplyRaw {
			t.Errorf("a poll was answered with %v, want a card", got)
		}
	}
	for _, r := range []control.Request{{Reader: "IN-9", Card: "佐藤"}, {Reader: "IN-1", Card: "nobody"}} {
		r.Op = control.Hold
		if a := w.Handle(t.Context(), r); a.Error == "" {
			t.Errorf("%+v: no error", r)
		}
	}
}
