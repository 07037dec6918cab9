package pd

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"kanmon/reader/osdp"
)

// What controllers in the field insist on, and a device that breaks it is left alone for minutes.

func TestStatusRepliesHaveAsManyStatesAsTheCapabilitiesSay(t *testing.T) {
	h := newHost(t, Config{Name: "IO-1", Address: 1, Inputs: 4, Outputs: 3, Readers: 1})
	h.connect()
	caps, err := osdp.ParseCapabilities(h.secured(osdp.CmdCapabilities, []byte{osdp.RequestStandard}).Data)
	if err != nil {
		t.Fatal(err)
	}
	for f, want := range map[osdp.Function]osdp.Capability{
		osdp.FuncContacts: {Number: 4, Compliance: 1}, osdp.FuncOutputs: {Number: 3, Compliance: 4},
		osdp.FuncCheck: {Compliance: 1}, osdp.FuncSecurity: {Compliance: 1},
	} {
		want.Function = f
		if got, _ := caps.Find(f); got != want {
			t.Errorf("capability %d: %+v, want %+v", f, got, want)
		}
	}
	if got := h.secured(osdp.CmdInputStatus, nil); got.Code != osdp.ReplyInputStatus || len(got.Data) != 4 {
		t.Errorf("inputs: %v", got)
	}
	if got := h.secured(osdp.CmdOutputStatus, nil); got.Code != osdp.ReplyOutputStatus || len(got.Data) != 3 {
		t.Errorf("outputs: %v", got)
	}
	if got := h.secured(osdp.CmdReaderStatus, nil); got.Code != osdp.ReplyReaderStatus || len(got.Data) != 1 {
		t.Errorf("readers: %v", got)
	}
	if err := h.device.Present(8, []byte{1}); err != nil {
		t.Fatal(err)
	}
	h.device.SetInput(0, true)
	h.device.SetTamper(true)
	for _, want := range []osdp.Code{osdp.ReplyRaw, osdp.ReplyInputStatus, osdp.ReplyLocalStatus, osdp.ReplyAck} {
		if got := h.secured(osdp.CmdPoll, nil); got.Code != want {
			t.Errorf("POLL got %v, want %s", got, want.Name(true))
		}
	}
}

func TestQuestionsWithoutTheirParameterAreAnswered(t *testing.T) {
	h := newHost(t, reader1())
	for seq, ask := range map[uint8]struct{ command, reply osdp.Code }{
		0: {osdp.CmdID, osdp.ReplyID}, 1: {osdp.CmdCapabilities, osdp.ReplyCapabilities},
	} {
		h.raw(osdp.Frame{Address: 1, Code: osdp.CmdID}) // number 0, so that 1 may follow
		if got := h.must(osdp.Frame{Address: 1, Seq: seq, Code: ask.command}); got.Code != ask.reply {
			t.Errorf("%s got %v", ask.command.Name(false), got)
		}
	}
}

func TestRepliesHaveTheMarkTheCheckBytesAndTheAddressOfTheCommand(t *testing.T) {
	h := newHost(t, reader1())
	for _, f := range []osdp.Frame{
		{Address: 1, Code: osdp.CmdID},
		{Address: 1, Code: osdp.CmdID, Mark: true},
		{Address: 1, Code: osdp.CmdID, Mark: true, Checksum: true},
		{Address: osdp.Broadcast, Code: osdp.CmdID},
	} {
		b := h.device.Receive(f, h.now)
		if marked := b[0] == 0xFF; marked != f.Mark {
			t.Errorf("%v, mark %v: got % x", f, f.Mark, b)
		}
		got := h.must(f)
		if !got.Reply || got.Address != f.Address || got.Checksum != f.Checksum || got.Seq != f.Seq {
			t.Errorf("%v: got %+v", f, got)
		}
	}
}

// R47-1: between challenge and proof comes nothing else.
func TestAnyOtherCommandEndsAHandshake(t *testing.T) {
	h := newHost(t, reader1())
	rnd, err := osdp.NewRND(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hs, err := osdp.NewControllerHandshake(testKey(t, keyText), rnd)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := hs.Prove(h.must(to(hs.Challenge(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	h.must(osdp.Frame{Address: 1, Seq: 1, Code: osdp.CmdCapabilities})
	if got := h.must(to(proof.Command(), 2)); got.Code != osdp.ReplyNak || h.device.Snapshot().Secure {
		t.Errorf("the late proof got %v", got)
	}
}

// R47-1: what may go in clear before a session may not inside one.
func TestClearQuestionInsideASessionEndsIt(t *testing.T) {
	for _, code := range []osdp.Code{osdp.CmdID, osdp.CmdCapabilities} {
		h := newHost(t, reader1())
		h.connect()
		got := h.must(osdp.Frame{Address: 1, Seq: osdp.NextSeq(h.seq), Code: code})
		if !bytes.Equal(got.Data, []byte{byte(osdp.NakSecurity)}) || h.device.Snapshot().Secure {
			t.Errorf("%s got %v, secure %v; want NAK 6 and no session", code.Name(false), got, h.device.Snapshot().Secure)
		}
	}
}

func TestSessionLivesAsLongAsItIsUsed(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	for range 5 {
		h.now = h.now.Add(osdp.OfflineAfter - time.Millisecond)
		if got := h.secured(osdp.CmdPoll, nil); got.Code != osdp.ReplyAck {
			t.Fatalf("got %v", got)
		}
	}
}

func TestTemporaryLightGivesWayToThePermanentOne(t *testing.T) {
	h := newHost(t, reader1())
	h.connect()
	h.secured(osdp.CmdLED, osdp.LED{
		Temporary: osdp.LEDState{Control: osdp.LEDStart, OnTime: 1, On: osdp.Green}, Timer: 20,
		Permanent: osdp.LEDState{Control: osdp.LEDSet, OnTime: 1, On: osdp.Red},
	}.Append(nil))
	at := func(d time.Duration) string { return h.device.snapshot(h.now.Add(d)).LED }
	if at(1999*time.Millisecond) != "green" || at(2001*time.Millisecond) != "red" {
		t.Errorf("%s, then %s; want green, then red", at(1999*time.Millisecond), at(2001*time.Millisecond))
	}
	h.secured(osdp.CmdLED, osdp.LED{Temporary: osdp.LEDState{Control: osdp.LEDCancel}}.Append(nil))
	if at(0) != "red" {
		t.Errorf("after the cancel %s, want red", at(0))
	}
}

// The table of output controls in the protocol, each after what was there before.
func TestOutputControls(t *testing.T) {
	const on, off = true, false
	for name, x := range map[string]struct {
		records    []osdp.Output
		now, in10s bool
	}{
		"on":                               {[]osdp.Output{{Control: osdp.OutputOn}}, on, on},
		"on, then off":                     {[]osdp.Output{{Control: osdp.OutputOn}, {Control: osdp.OutputOff}}, off, off},
		"on for 5 s":                       {[]osdp.Output{{Control: osdp.OutputOnTimed, Timer: 50}}, on, off},
		"on for ever":                      {[]osdp.Output{{Control: osdp.OutputOnTimed}}, on, on},
		"off for 5 s":                      {[]osdp.Output{{Control: osdp.OutputOn}, {Control: osdp.OutputOffTimed, Timer: 50}}, off, on},
		"on for 5 s, on after it":          {[]osdp.Output{{Control: osdp.OutputOnTimed, Timer: 50}, {Control: osdp.OutputOnLater}}, on, on},
		"off for 5 s, off after it":        {[]osdp.Output{{Control: osdp.OutputOn}, {Control: osdp.OutputOffTimed, Timer: 50}, {Control: osdp.OutputOffLater}}, off, off},
		"off cancels the timer":            {[]osdp.Output{{Control: osdp.OutputOnTimed, Timer: 50}, {Control: osdp.OutputOff}}, off, off},
		"leaving it alone changes nothing": {[]osdp.Output{{Control: osdp.OutputOn}, {Control: osdp.OutputLeave}}, on, on},
	} {
		h := newHost(t, Config{Name: "IO-1", Address: 1, Outputs: 1})
		h.connect()
		var data []byte
		for _, r := range x.records {
			data = r.Append(data)
		}
		if got := h.secured(osdp.CmdOutput, data); got.Code != osdp.ReplyAck {
			t.Errorf("%s: %v", name, got)
		}
		now, later := h.device.snapshot(h.now).Outputs[0], h.device.snapshot(h.now.Add(10 * time.Second)).Outputs[0]
		if now != x.now || later != x.in10s {
			t.Errorf("%s: %v, after 10 s %v; want %v, %v", name, now, later, x.now, x.in10s)
		}
	}
}
