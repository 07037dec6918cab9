package osdp

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func seal(tb testing.TB, s *Session, f Frame) Frame {
	tb.Helper()
	sealed, err := s.Seal(f)
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

func open(tb testing.TB, s *Session, f Frame) Frame {
	tb.Helper()
	opened, err := s.Open(f)
	if err != nil {
		tb.Fatal(err)
	}
	return opened
}

// forge seals a frame with any block and any bytes as its data, authentic for whoever opens next after s.
func forge(s *Session, f Frame) Frame {
	full := s.mac(f)
	copy(f.MAC[:], full[:])
	return f
}

// R47-1: inside a session nothing clear and nothing in the wrong block is believed, whatever its MAC says.
func TestRepliesInTheWrongBlockEndTheSession(t *testing.T) {
	card, err := NewRawCard(0, CardWiegand, 26, unhex("bdd93740"))
	if err != nil {
		t.Fatal(err)
	}
	poll := Frame{Address: 1, Seq: 2, Code: CmdPoll}
	for _, x := range []struct {
		name  string
		reply Frame
		want  error
	}{
		{"clear ACK", poll.Answer(ReplyAck, nil), ErrBlock},
		{"clear RAW", poll.Answer(ReplyRaw, card.Append(nil)), ErrBlock},
		{"clear NAK", poll.AnswerNak(NakSecurity), ErrBlock},
		{"RAW with clear data in the block without data", Frame{Block: SCS16, Code: ReplyRaw, Data: card.Append(nil)}, ErrBlock},
		{"RAW with clear data in a command's block", Frame{Block: SCS15, Code: ReplyRaw, Data: card.Append(nil)}, ErrBlock},
		{"KEYPAD with clear data in a command's block", Frame{Block: SCS15, Code: ReplyKeypad, Data: []byte{0, 1, '7'}}, ErrBlock},
		{"NAK with clear data in a command's block", Frame{Block: SCS15, Code: ReplyNak, Data: []byte{3}}, ErrBlock},
		{"PDID with clear data in a command's block", Frame{Block: SCS15, Code: ReplyID, Data: make([]byte, 12)}, ErrBlock},
		{"RAW without data", Frame{Block: SCS16, Code: ReplyRaw}, ErrBlock},
		{"KEYPAD without data", Frame{Block: SCS16, Code: ReplyKeypad}, ErrBlock},
		{"ACK in a command's block", Frame{Block: SCS15, Code: ReplyAck}, ErrBlock},
		{"LSTATR without data in a command's block", Frame{Block: SCS15, Code: ReplyLocalStatus}, ErrBlock},
		{"data in a command's block", Frame{Block: SCS17, Code: ReplyRaw, Data: make([]byte, 16)}, ErrBlock},
		{"encrypted block without data", Frame{Block: SCS18, Code: ReplyAck}, ErrBlock},
		{"a block with data of its own", Frame{Block: SCS16, BlockData: []byte{1}, Code: ReplyAck}, ErrBlock},
		{"unknown block", Frame{Block: 0x19, Code: ReplyAck}, ErrBlock},
		{"handshake block", Frame{Block: SCS12, BlockData: []byte{1}, Code: ReplyClientCryptogram, Data: make([]byte, 32)}, ErrBlock},
		{"half a cipher block", Frame{Block: SCS18, Code: ReplyRaw, Data: make([]byte, 17)}, ErrLength},
		{"wrong padding", Frame{Block: SCS18, Code: ReplyRaw, Data: make([]byte, 16)}, ErrPadding},
	} {
		t.Run(x.name, func(t *testing.T) {
			controller, device := sessions(t)
			open(t, device, seal(t, controller, poll))
			x.reply.Address, x.reply.Reply, x.reply.Seq = 1, true, 2
			before := controller.chain
			if got, err := controller.Open(forge(device, x.reply)); !errors.Is(err, x.want) || got.Data != nil {
				t.Errorf("%v, want %v", err, x.want)
			}
			if controller.chain != before {
				t.Error("a refused frame moved the chain")
			}
			if _, err := controller.Seal(poll); !errors.Is(err, ErrEnded) || !controller.Ended() {
				t.Errorf("the session goes on: %v", err)
			}
		})
	}
}

func TestCommandsInTheWrongBlockEndTheSession(t *testing.T) {
	for _, x := range []struct {
		name    string
		command Frame
		want    error
	}{
		{"clear", Frame{Code: CmdPoll}, ErrBlock},
		{"clear data", Frame{Block: SCS15, Code: CmdOutput, Data: Output{Control: OutputOnTimed, Timer: 50}.Append(nil)}, ErrBlock},
		{"status code with clear data", Frame{Block: SCS15, Code: ReplyLocalStatus, Data: []byte{0, 0}}, ErrBlock},
		{"encrypted block without data", Frame{Block: SCS17, Code: CmdPoll}, ErrBlock},
		{"reply's block", Frame{Block: SCS16, Code: CmdPoll}, ErrBlock},
		{"reply's encrypted block", Frame{Block: SCS18, Code: CmdLED, Data: make([]byte, 16)}, ErrBlock},
		{"challenge", Frame{Block: SCS11, BlockData: []byte{1}, Code: CmdChallenge, Data: make([]byte, 8)}, ErrBlock},
	} {
		controller, device := sessions(t)
		x.command.Address, x.command.Seq = 1, 2
		if _, err := device.Open(forge(controller, x.command)); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, err, x.want)
		}
		if _, err := device.Open(seal(t, controller, Frame{Address: 1, Code: CmdPoll})); !errors.Is(err, ErrEnded) {
			t.Errorf("%s: the session goes on: %v", x.name, err)
		}
	}
}

// An encrypted block in which nothing is encrypted says nothing that the block without data does not say.
func TestEncryptedNothingIsRefused(t *testing.T) {
	controller, device := sessions(t)
	f := Frame{Address: 1, Seq: 2, Block: SCS17, Code: CmdPoll, Data: controller.keys.encrypt(controller.chain, nil)}
	if _, err := device.Open(forge(controller, f)); !errors.Is(err, ErrBlock) {
		t.Errorf("%v, want ErrBlock", err)
	}
}

// R47-1: every bit of a secured frame is authenticated.
func TestAnyChangedBitEndsTheSession(t *testing.T) {
	controller, _ := sessions(t)
	sealed := seal(t, controller, Frame{Address: 1, Seq: 2, Code: CmdLED, Data: LED{Timer: 20}.Append(nil)})
	b := encode(t, sealed)
	for i := range (len(b) - 2) * 8 {
		_, device := sessions(t)
		changed := bytes.Clone(b)
		changed[i/8] ^= 1 << (i % 8)
		crc := CRC(changed[:len(b)-2])
		changed[len(b)-2], changed[len(b)-1] = byte(crc), byte(crc>>8)
		f, err := ParseFrame(changed)
		if err != nil {
			continue // no frame any more
		}
		before := device.chain
		if f.Reply {
			if _, err := device.Open(f); !errors.Is(err, ErrTurn) {
				t.Errorf("bit %d: a reply was opened by a device: %v", i, err)
			}
			continue
		}
		if _, err := device.Open(f); !errors.Is(err, ErrMAC) && !errors.Is(err, ErrBlock) {
			t.Errorf("bit %d: %v", i, err)
		}
		if device.chain != before || !device.Ended() {
			t.Errorf("bit %d: the session goes on", i)
		}
	}
}

// R47-1: four bytes of MAC stand between the line and a door, so every one of them counts, for every code: a card
// whose data decrypts well is no card under a MAC that is not its own.
func TestEveryByteOfTheMACCountsForEveryCode(t *testing.T) {
	poll := Frame{Address: 1, Seq: 2, Code: CmdPoll}
	for code := range 0x100 {
		for at := range 4 {
			controller, device := sessions(t)
			open(t, device, seal(t, controller, poll))
			data := []byte{0, 0, 8, 0, 0xA5}
			if Code(code) == ReplyBusy {
				continue // it is never sealed
			}
			reply := seal(t, device, poll.Answer(Code(code), data))
			reply.MAC[at] ^= 1
			if got, err := controller.Open(reply); !errors.Is(err, ErrMAC) || got.Data != nil {
				t.Fatalf("code %02x, byte %d of the MAC changed: %v, %v", code, at, got, err)
			}
		}
	}
}

func TestReplayedFramesDoNotContinueTheChain(t *testing.T) {
	controller, device := sessions(t)
	first := seal(t, controller, Frame{Address: 1, Seq: 2, Code: CmdPoll})
	open(t, device, first)
	open(t, controller, seal(t, device, first.Answer(ReplyAck, nil)))
	if _, err := device.Open(first); !errors.Is(err, ErrMAC) {
		t.Errorf("%v, want ErrMAC", err)
	}
}

// A second command sealed before the first one's reply would be encrypted under the same vector.
func TestSecondCommandIsNotSealedUnderTheSameVector(t *testing.T) {
	controller, device := sessions(t)
	poll := Frame{Address: 1, Seq: 2, Code: CmdPoll}
	sealed := seal(t, controller, poll)
	before := controller.chain
	if _, err := controller.Seal(poll); !errors.Is(err, ErrTurn) {
		t.Errorf("second command: %v, want ErrTurn", err)
	}
	if _, err := device.Seal(poll.Answer(ReplyAck, nil)); !errors.Is(err, ErrTurn) {
		t.Errorf("reply before its command: %v, want ErrTurn", err)
	}
	if _, err := device.Seal(poll); !errors.Is(err, ErrTurn) {
		t.Errorf("command sealed by a device: %v, want ErrTurn", err)
	}
	if controller.chain != before || controller.Ended() {
		t.Error("ErrTurn changed the session")
	}
	open(t, controller, seal(t, device, open(t, device, sealed).Answer(ReplyAck, nil)))
}

func TestSealRefusesWhatMayNotBeSealed(t *testing.T) {
	controller, device := sessions(t)
	if _, err := controller.Seal(Frame{Address: 1, Code: CmdText, Data: make([]byte, MaxFrame)}); !errors.Is(err, ErrLength) {
		t.Errorf("too long: %v", err)
	}
	if _, err := controller.Seal(Frame{Address: 1, Block: SCS15, Code: CmdPoll}); !errors.Is(err, ErrBlock) {
		t.Errorf("sealed twice: %v", err)
	}
	poll := open(t, device, seal(t, controller, Frame{Address: 1, Seq: 2, Code: CmdPoll}))
	poll.Block = NoBlock
	if _, err := device.Seal(poll.Answer(ReplyBusy, nil)); !errors.Is(err, ErrBlock) {
		t.Errorf("sealed BUSY: %v", err)
	}
	open(t, controller, seal(t, device, poll.Answer(ReplyAck, nil)))
}

func TestEndedSessionDoesNothing(t *testing.T) {
	controller, _ := sessions(t)
	controller.End()
	if _, err := controller.Seal(Frame{Address: 1, Code: CmdPoll}); !errors.Is(err, ErrEnded) {
		t.Errorf("%v, want ErrEnded", err)
	}
}

// modelController drives a modelDevice over a line that loses, damages and repeats.
type modelController struct {
	t       *rapid.T
	device  *modelDevice
	session *Session
	seq     uint8
	stale   []byte // the reply before
}

// exchange sends one command until its reply has come, and returns the reply opened.
func (c *modelController) exchange(f Frame) Frame {
	f.Address, f.Seq = 1, c.seq
	sealed, err := c.session.Seal(f)
	if err != nil {
		c.t.Fatal(err)
	}
	command, _ := sealed.Append(nil)
	for range 50 {
		for _, b := range c.line(command, sealed) {
			fs, _ := decodeAll(b)
			if len(fs) != 1 {
				continue
			}
			switch JudgeReply(sealed, fs[0]) {
			case MatchReply:
				opened, err := c.session.Open(fs[0])
				if err != nil {
					c.t.Fatal(err)
				}
				c.seq, c.stale = NextSeq(c.seq), b
				return opened
			case MatchLost:
				c.t.Fatalf("lost its place: %v to %v", fs[0], sealed)
			case MatchBusy, MatchForeign:
			}
		}
	}
	c.t.Fatal("no reply")
	return Frame{}
}

// line carries a command once and returns what the controller hears.
func (c *modelController) line(command []byte, f Frame) [][]byte {
	damage := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[len(b)-1]++
		return b
	}
	switch rapid.IntRange(0, 9).Draw(c.t, "fault") {
	case 0: // the command is lost
		return nil
	case 1: // the reply is lost
		c.device.handle(command)
		return nil
	case 2:
		c.device.handle(damage(command))
		return nil
	case 3:
		return [][]byte{damage(c.device.handle(command))}
	case 4:
		busy, _ := f.AnswerBusy().Append(nil)
		return [][]byte{busy}
	case 5: // an old reply arrives first, and then the echo
		return [][]byte{c.stale, command, c.device.handle(command)}
	default:
		return [][]byte{c.device.handle(command)}
	}
}

// Sessions of both roles stay in step over a bad line, every command is acted on once, and every card arrives once.
func TestBothEndsStayInStepOverABadLine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := &modelDevice{t: t, address: 1, key: testKey(t), enforce: true, rndB: RND{2}}
		h, err := NewControllerHandshake(d.key, RND{1})
		if err != nil {
			rt.Fatal(err)
		}
		ask := func(f Frame, seq uint8) Frame {
			f.Address, f.Seq = 1, seq
			return decodeOne(t, d.handle(encode(t, f)))
		}
		proof, err := h.Prove(ask(h.Challenge(), 0))
		if err != nil {
			rt.Fatal(err)
		}
		session, err := proof.Finish(ask(proof.Command(), 1))
		if err != nil {
			rt.Fatal(err)
		}
		c := &modelController{t: rt, device: d, session: session, seq: 2}
		shown, seen, sent := 0, 0, 2
		for range rapid.IntRange(1, 20).Draw(rt, "exchanges") {
			if n, _ := d.card.Reveal(); n == 0 && rapid.Bool().Draw(rt, "show a card") {
				shown++
				d.card, err = NewRawCard(0, CardBits, 16, []byte{byte(shown >> 8), byte(shown)})
				if err != nil {
					rt.Fatal(err)
				}
			}
			sent++
			if rapid.Bool().Draw(rt, "LED") {
				if r := c.exchange(Frame{Code: CmdLED, Data: LED{Timer: uint16(sent)}.Append(nil)}); r.Code != ReplyAck {
					rt.Fatalf("LED answered by %v", r)
				}
				continue
			}
			if r := c.exchange(Frame{Code: CmdPoll}); r.Code == ReplyRaw {
				seen++
				card, err := ParseRawCard(r.Data)
				if _, bits := card.Reveal(); err != nil || int(bits[0])<<8|int(bits[1]) != seen {
					rt.Fatalf("card %d arrived as %x, %v", seen, bits, err)
				}
			}
		}
		for range 2 { // collect what waits, and confirm it
			sent++
			if r := c.exchange(Frame{Code: CmdPoll}); r.Code == ReplyRaw {
				seen++
			}
		}
		if seen != shown || d.acted != sent || d.session.chain != session.chain {
			rt.Errorf("%d of %d cards, %d of %d commands, chains equal: %v", seen, shown, d.acted, sent, d.session.chain == session.chain)
		}
	})
}
