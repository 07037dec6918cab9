package serialreader

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/firmware-sim/pty"
	"kanmon/reader/credential"
	"kanmon/reader/line/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func made(t *testing.T, profile string, address int) *Device {
	t.Helper()
	p, err := frame.Example(profile)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{Name: "IN-9", Profile: p, Address: address})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// plugged runs the reader on a line, and gives the controller's end of it.
func plugged(t *testing.T, d *Device) *os.File {
	t.Helper()
	line, err := pty.Open("")
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(line.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, line) }()
	if _, err := d.Await(t.Context(), func(s Snapshot) bool { return s.Line }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = line.Close()
		_ = tty.Close()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return tty
}

func card(t *testing.T, written string) credential.Credential {
	t.Helper()
	c, err := credential.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func expect(t *testing.T, from io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	done := make(chan error, 1)
	go func() { _, err := io.ReadFull(from, b); done <- err }()
	select {
	case err := <-done:
		if err != nil || string(b) != want {
			t.Fatalf("read % x (%v), want % x", b, err, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("% x did not come", want)
	}
}

// Frames written out by hand.
func TestACardIsSentInTheReadersOwnFrame(t *testing.T) {
	for _, c := range []struct{ profile, card, want string }{
		{"ascii-stx", "text:32:31323334", "\x02C1234\x03D"},
		{"wiegand-converter", "bits:26:bdd93740", "W026BDD93740\r\n"},
		{"wiegand-converter", "bits:64:0123456789abcdef", "W0640123456789ABCDEF\r\n"},
	} {
		d := made(t, c.profile, 0)
		tty := plugged(t, d)
		if err := d.Present(card(t, c.card), ""); err != nil {
			t.Fatal(err)
		}
		expect(t, tty, c.want)
	}
}

func TestAPolledReaderHoldsItsCardUntilItIsTaken(t *testing.T) {
	d := made(t, "binary-poll", 0)
	tty := plugged(t, d)
	codec := d.codec
	ask := func(b []byte) {
		if _, err := tty.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	ask(codec.Poll())
	expect(t, tty, "\x02\x00\x00\x47\x0f\x03") // address 0, no bytes, CRC-16/IBM-SDLC 0F47
	if err := d.Present(card(t, "uid:32:01020304"), ""); err != nil {
		t.Fatal(err)
	}
	const frame = "\x02\x00\x05\x81\x01\x02\x03\x04\xa9\xdc\x03"
	for range 2 {
		ask(codec.Poll())
		expect(t, tty, frame)
	}
	ask(codec.Taken())
	if _, err := d.Await(t.Context(), func(s Snapshot) bool { return s.Waiting == 0 }); err != nil {
		t.Fatal(err)
	}
}

func TestWhatTheReaderIsToldIsSeen(t *testing.T) {
	d := made(t, "ascii-stx", 0)
	tty := plugged(t, d)
	for i, c := range []struct{ sent, led string }{
		{"\x02G2\x03v", "green"}, // 47^32^03 = 76
		{"noise\x02R3\x03b", "red"},
		{"\x02Y1\x03k", "amber"},
	} {
		for _, half := range []string{c.sent[:4], c.sent[4:]} {
			if _, err := io.WriteString(tty, half); err != nil {
				t.Fatal(err)
			}
		}
		s, err := d.Await(t.Context(), func(s Snapshot) bool { return s.Shows == i+1 })
		if err != nil || s.LED != c.led {
			t.Errorf("%q: %+v, %v", c.sent, s, err)
		}
	}
}

func TestABrokenFrameIsBrokenAsAsked(t *testing.T) {
	for how, want := range map[Broken]string{Truncated: "W026BDD", Short: "W026BDD3740\r\n", Flipped: "W026BDD83740\r\n"} {
		d := made(t, "wiegand-converter", 0)
		tty := plugged(t, d)
		if err := d.Present(card(t, "bits:26:bdd93740"), how); err != nil {
			t.Fatal(err)
		}
		expect(t, tty, want)
	}
	if err := made(t, "wiegand-converter", 0).Present(card(t, "bits:26:bdd93740"), "burnt"); err == nil {
		t.Error("broken in a way that nobody knows")
	}
}

func TestACardOfAnotherKindIsRefused(t *testing.T) {
	d := made(t, "ascii-stx", 0)
	plugged(t, d)
	if err := d.Present(card(t, "bits:26:bdd93740"), ""); err == nil {
		t.Error("bits were held to a reader of characters")
	}
	if err := made(t, "ascii-stx", 0).Present(card(t, "text:32:31323334"), ""); err == nil {
		t.Error("a card was sent on no line")
	}
}

func TestAMutedReaderSaysAndShowsNothing(t *testing.T) {
	d := made(t, "ascii-stx", 0)
	tty := plugged(t, d)
	d.Mute(true)
	if err := d.Present(card(t, "text:32:31323334"), ""); err != nil {
		t.Fatal(err)
	}
	d.Mute(false)
	if err := d.Present(card(t, "text:8:35"), ""); err != nil {
		t.Fatal(err)
	}
	expect(t, tty, "\x02C5\x03u") // 43^35^03 = 75
}

// Whatever a profile says of its field, what the simulator writes is what the program reads: two ways that share no code.
func TestWhatIsWrittenIsRead(t *testing.T) {
	for name, c := range map[string]struct{ card, credential string }{
		"characters":        {`"kind": "text", "length": 9, "number": {"encoding": "ascii", "offset": 1, "length": 8, "trim": true}`, "text:32:31323334"},
		"digits":            {`"kind": "text", "number": {"encoding": "decimal"}`, "text:32:30303432"},
		"hex":               {`"kind": "text", "number": {"encoding": "hex", "order": "little"}`, "text:32:30414646"},
		"bytes":             {`"kind": "text", "number": {"encoding": "binary"}`, "text:32:30414646"},
		"BCD":               {`"kind": "text", "number": {"encoding": "bcd", "order": "little"}`, "text:32:31323334"},
		"bits":              {`"kind": "bits", "bits": 26, "number": {"encoding": "hex"}`, "bits:26:bdd93740"},
		"bits on the right": {`"kind": "bits", "bits": 26, "align": "right", "number": {"encoding": "binary"}`, "bits:26:bdd93740"},
		"bits of a number":  {`"kind": "bits", "bits": 26, "number": {"encoding": "decimal", "length": 10}`, "bits:26:bdd93740"},
		"bits of BCD":       {`"kind": "bits", "bits": 26, "number": {"encoding": "bcd", "length": 5}`, "bits:26:bdd93740"},
		"counted":           {`"kind": "bits", "count": {"encoding": "bcd", "length": 2}, "number": {"encoding": "binary", "offset": 2}`, "bits:26:bdd93740"},
		"counted in hex":    {`"kind": "bits", "count": {"encoding": "hex", "length": 2}, "number": {"encoding": "hex", "offset": 2}`, "bits:26:bdd93740"},
		"IDm":               {`"kind": "idm", "number": {"encoding": "hex", "order": "little"}`, "idm:64:012e3d4c5b6a7988"},
		"yes":               {`"kind": "verdict", "verdict": {"offset": 0, "yes": "'OK'", "no": "'NG'"}, "number": {"encoding": "ascii", "offset": 2}`, "verdict:48:532d30303132"},
	} {
		var p frame.Profile
		err := json.Unmarshal([]byte(`{"frame": {"start": "02", "length": {"encoding": "binary", "size": 1}}, "card": {`+c.card+`}}`), &p)
		if err != nil {
			t.Fatal(err)
		}
		codec, err := frame.Compile(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := card(t, c.credential)
		b, err := bodyOf(p.Card, want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, is, err := codec.Read(slices.Clone(b))
		if err != nil || !is || got != want {
			t.Errorf("%s: % x is read as a card %v, the same %v: %v", name, b, is, got == want, err)
		}
	}
}
