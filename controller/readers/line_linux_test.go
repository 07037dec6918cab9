package readers_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/controller/config"
	"kanmon/controller/core"
	"kanmon/controller/readers"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/readertest"
)

// await takes inputs until one of a type has come.
func await[I core.Input](t *testing.T, in *inputs) I {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		for _, i := range in.take() {
			if got, ok := i.(I); ok {
				return got
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %T came", *new(I))
		}
	}
}

// serial runs a set with one serial reader on a real terminal line, whose far end it gives.
func serial(t *testing.T, profile string) (*readers.Set, *inputs, *readertest.PTY) {
	t.Helper()
	s, in := set(t)
	pty := readertest.OpenPTY(t)
	link := filepath.Join(t.TempDir(), "tty")
	if err := os.Symlink(pty.Name, link); err != nil {
		t.Fatal(err)
	}
	if err := s.AddSerial([]config.SerialReader{{Name: "IN-9", Port: link, Profile: profile}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	if up := await[core.DeviceUp](t, in); up.Device != "IN-9" {
		t.Fatalf("up %+v", up)
	}
	return s, in, pty
}

func send(t *testing.T, pty *readertest.PTY, text string) {
	t.Helper()
	if _, err := pty.Master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// R47-1: the number of a serial reader's card reaches the core as keyed hashes, as a number and no more, and an answer reaches the reader.
func TestACardAtASerialReaderReachesTheCoreAndAnAnswerTheReader(t *testing.T) {
	s, in, pty := serial(t, "ascii-stx")
	send(t, pty, "\x02C1234\x03D")
	got := await[core.Presented](t, in)
	c, err := credential.FromText("1234")
	if err != nil {
		t.Fatal(err)
	}
	if got.Reader != "IN-9" || got.Key != c.Forms(key(t))[0] || got.Trust != access.TrustNumber || got.Shape.Format != "text" {
		t.Errorf("presented %+v", got)
	}
	if err := s.Show(t.Context(), "IN-9", reader.ShowGranted); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if n, err := pty.Master.Read(b); err != nil || string(b[:n]) != "\x02G2\x03v" { // 47^32^03 = 76
		t.Errorf("shown % x: %v", b[:n], err)
	}
	pty.HangUp()
	await[core.DeviceDown](t, in)
}

// Case 32, C-11: what is broken is denied with its reason, which holds nothing of what came.
func TestABrokenFrameReachesTheCoreWithoutWhatWasInIt(t *testing.T) {
	const evil = "'><script>\x1b[31m=1+1\x00"
	_, in, pty := serial(t, "ascii-stx")
	send(t, pty, "\x02C"+evil+"\x03x")
	got := await[core.ReadFailed](t, in)
	if got.Reader != "IN-9" || !got.Noise || !strings.HasPrefix(got.Detail, "frame.check: ") || strings.ContainsAny(got.Detail, "<\x1b=\x00") {
		t.Errorf("failed %+v", got)
	}
}

func TestASerialReaderThatMakesNoSenseIsRefused(t *testing.T) {
	for name, r := range map[string]config.SerialReader{
		"profile": {Name: "IN-9", Port: "/dev/x", Profile: "none"},
		"baud":    {Name: "IN-9", Port: "/dev/x", Profile: "ascii-stx", Baud: 7},
	} {
		s, _ := set(t)
		if err := s.AddSerial([]config.SerialReader{r}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "IN-9") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
