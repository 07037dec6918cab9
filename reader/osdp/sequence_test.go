package osdp

import "testing"

func TestSequenceNumbersSkipZero(t *testing.T) {
	seq := uint8(0)
	for _, want := range []uint8{1, 2, 3, 1, 2, 3, 1} {
		if seq = NextSeq(seq); seq != want {
			t.Fatalf("%d, want %d", seq, want)
		}
	}
}

func TestControllerJudgesWhatArrives(t *testing.T) {
	poll := Frame{Address: 1, Seq: 2, Code: CmdPoll}
	ack := poll.Answer(ReplyAck, nil)
	with := func(f Frame, change func(*Frame)) Frame { change(&f); return f }
	for _, x := range []struct {
		name    string
		command Frame
		got     Frame
		want    Match
	}{
		{"its reply", poll, ack, MatchReply},
		{"own echo", poll, poll, MatchForeign},
		{"another device", poll, with(ack, func(f *Frame) { f.Address = 2 }), MatchForeign},
		{"an old reply", poll, with(ack, func(f *Frame) { f.Seq = 1 }), MatchForeign},
		{"a device that lost its place", poll, with(ack, func(f *Frame) { f.Seq = 0 }), MatchLost},
		{"BUSY", poll, poll.AnswerBusy(), MatchBusy},
		{"BUSY with the command's number", poll, poll.Answer(ReplyBusy, nil), MatchBusy},
		{"an old BUSY", poll, with(poll.AnswerBusy(), func(f *Frame) { f.Seq = 1 }), MatchForeign},
		{"BUSY of another device", poll, with(poll.AnswerBusy(), func(f *Frame) { f.Address = 3 }), MatchForeign},
		{"BUSY in a block is no BUSY", poll, with(poll.AnswerBusy(), func(f *Frame) { f.Block = SCS16 }), MatchLost},
		{"NAK", poll, poll.AnswerNak(NakUnknown), MatchReply},
		{"NAK of the number", poll, poll.AnswerNak(NakSequence), MatchLost},
		{"NAK of the number under the device's own", poll, with(poll.AnswerNak(NakSequence), func(f *Frame) { f.Seq = 3 }), MatchLost},
		{"an empty NAK", poll, poll.Answer(ReplyNak, nil), MatchReply},
		{"broadcast answered as broadcast", with(poll, func(f *Frame) { f.Address = Broadcast }), with(ack, func(f *Frame) { f.Address = Broadcast }), MatchReply},
		{"broadcast answered by name", with(poll, func(f *Frame) { f.Address = Broadcast }), ack, MatchReply},
		{"reply to number 0", with(poll, func(f *Frame) { f.Seq = 0 }), with(ack, func(f *Frame) { f.Seq = 0 }), MatchReply},
	} {
		if got := JudgeReply(x.command, x.got); got != x.want {
			t.Errorf("%s: %d, want %d", x.name, got, x.want)
		}
	}
}

// libosdp's controller repeats after BUSY with another number; a device does not take that for a repeat, and a
// controller of this package does not send it. The recorded frames serve as input.
func TestRepeatUnderALowerNumberIsNoRepeat(t *testing.T) {
	vs := group(t, "busy/clear/")
	var s DeviceSequence
	s.Answered(Frame{Address: 1}, []byte{1})
	poll, led, busy, repeat := decodeOne(t, vs[0].Hex), decodeOne(t, vs[2].Hex), decodeOne(t, vs[3].Hex), decodeOne(t, vs[4].Hex)
	if s.Judge(poll) != PlaceFresh {
		t.Fatal("POLL 1 should be fresh")
	}
	s.Answered(poll, []byte{2})
	if s.Judge(led) != PlaceFresh || JudgeReply(led, busy) != MatchBusy {
		t.Fatal("LED 2 should be fresh, and BUSY its answer")
	}
	if got := s.Judge(led); got != PlaceFresh {
		t.Errorf("the same command after BUSY is %d, want fresh", got)
	}
	if got := s.Judge(repeat); got != PlaceWrong {
		t.Errorf("the command under number 1 is %d, want wrong", got)
	}
}

func TestDeviceKeepsItsPlace(t *testing.T) {
	command := func(seq uint8, code Code) Frame { return Frame{Address: 1, Seq: seq, Code: code} }
	var s DeviceSequence
	for i, x := range []struct {
		command Frame
		want    Place
		answer  bool
	}{
		{command(1, CmdPoll), PlaceWrong, false}, // just started: only 0 will do
		{command(0, CmdPoll), PlaceRestart, true},
		{command(0, CmdPoll), PlaceRestart, true}, // 0 is never a repeat
		{command(1, CmdPoll), PlaceFresh, true},
		{command(1, CmdPoll), PlaceRepeat, false},
		{command(1, CmdID), PlaceWrong, false}, // same number, other bytes
		{command(3, CmdPoll), PlaceWrong, false},
		{command(2, CmdPoll), PlaceFresh, false}, // BUSY: judged, not answered
		{command(2, CmdPoll), PlaceFresh, true},
		{command(3, CmdPoll), PlaceFresh, true},
		{command(1, CmdPoll), PlaceFresh, true},
		{command(0, CmdPoll), PlaceRestart, true},
		{command(1, CmdPoll), PlaceFresh, true},
	} {
		if got := s.Judge(x.command); got != x.want {
			t.Fatalf("step %d: %v is %d, want %d", i, x.command, got, x.want)
		}
		if x.answer {
			s.Answered(x.command, []byte{byte(i)})
		}
		if x.want == PlaceRepeat && string(s.Reply()) != string([]byte{byte(i - 1)}) {
			t.Errorf("step %d: stored reply %x", i, s.Reply())
		}
	}
}

// The mark is not part of a command: a repeat may come without it.
func TestRepeatIsKnownWithoutItsMark(t *testing.T) {
	var s DeviceSequence
	f := Frame{Mark: true, Address: 1, Seq: 1, Code: CmdPoll}
	s.Answered(f, []byte{1})
	f.Mark = false
	if got := s.Judge(f); got != PlaceRepeat {
		t.Errorf("%d, want repeat", got)
	}
}
