package line

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/line/frame"
)

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

// R47-1: a reader that speaks by itself is up with its line; its card is worth a number.
func TestACardIsPresentedAsANumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		_, sink, stop := running(t, codec(t, "ascii-stx", nil), w)
		defer stop()
		synctest.Wait()
		expect(t, "at the start", sink.all(), "up IN-9")
		w.received <- []byte("\x02C12")
		w.received <- []byte("34\x03D")
		synctest.Wait()
		expect(t, "a card", sink.all(), "card at IN-9")
		if p := sink.cards[0]; p.Trust != access.TrustNumber || p.At.IsZero() {
			t.Errorf("presented %+v", p)
		}
	})
}

// Case 32.
func TestABrokenFrameIsReportedWhenTheLineFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		_, sink, stop := running(t, codec(t, "ascii-stx", nil), w)
		defer stop()
		synctest.Wait()
		sink.all()
		w.received <- []byte("\x02C12")
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		expect(t, "before the gap", sink.all())
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		expect(t, "after the gap", sink.all(), "fail at IN-9: no whole message: a frame broke off")
		w.received <- []byte("\x02C1234\x03D")
		synctest.Wait()
		expect(t, "the next card", sink.all(), "card at IN-9")
	})
}

func TestALineOfRubbishFailsOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		_, sink, stop := running(t, codec(t, "ascii-stx", nil), w)
		synctest.Wait()
		sink.all()
		for range 299 {
			w.received <- []byte("\x02C1234\x03x")
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		got := sink.all()
		if len(got) != 2 || !strings.Contains(got[1], "frames in a row") {
			t.Errorf("3 s of rubbish: %q", got)
		}
		stop()
		if rest := sink.all(); len(rest) != 1 {
			t.Errorf("at the end: %q", rest)
		}
	})
}

func TestALostLineIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newWire(), newWire()
		_, sink, stop := running(t, codec(t, "ascii-stx", nil), first, second)
		defer stop()
		synctest.Wait()
		first.received <- []byte("\x02C12") // what was half there is not joined to what comes after
		close(first.received)
		time.Sleep(time.Second)
		second.received <- []byte("34\x03D\x02C1234\x03D")
		synctest.Wait()
		expect(t, "a pulled cable", sink.all(), "up IN-9", "down IN-9: the serial line is lost", "up IN-9", "card at IN-9")
	})
}

func TestAPolledReaderIsUpWhileItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := codec(t, "binary-poll", nil)
		_, sink, stop := running(t, c, w)
		defer stop()
		synctest.Wait()
		expect(t, "before an answer", sink.all())
		idle := []byte{0x02, 0x00, 0x01, 0x80, 0x1C, 0x5B, 0x03} // address 0, one byte 80, CRC-16/IBM-SDLC 5B1C
		for range 3 {
			time.Sleep(100 * time.Millisecond)
			w.received <- idle
		}
		synctest.Wait()
		expect(t, "answers", sink.all(), "up IN-9")
		if polls := w.wrote(); len(polls) != 3 || !bytes.Equal(polls[0], c.Poll()) {
			t.Errorf("asked % x", polls)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		expect(t, "silence", sink.all(), "down IN-9: nothing valid came for 1s")
		w.received <- idle
		synctest.Wait()
		expect(t, "and back", sink.all(), "up IN-9")
	})
}

func TestAnAnswerToAPersonWaitsForTheReaderToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := codec(t, "binary-poll", nil)
		r, _, stop := running(t, c, w)
		defer stop()
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		w.wrote() // the poll, not answered
		shown := make(chan error, 1)
		go func() { shown <- r.Show(t.Context(), reader.ShowGranted) }()
		synctest.Wait()
		if sent := w.wrote(); len(sent) != 0 {
			t.Fatalf("sent % x into the reader's answer", sent)
		}
		time.Sleep(100 * time.Millisecond) // it did not answer: the next turn is the person's
		synctest.Wait()
		if sent := w.wrote(); len(sent) != 1 || !bytes.Equal(sent[0], c.Show(reader.ShowGranted)) {
			t.Errorf("sent % x", sent)
		}
		if err := <-shown; err != nil {
			t.Error(err)
		}
	})
}

func TestACardThatWasTakenIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := codec(t, "binary-poll", nil)
		_, _, stop := running(t, c, w)
		defer stop()
		synctest.Wait()
		w.received <- []byte{0x02, 0x00, 0x05, 0x81, 0x01, 0x02, 0x03, 0x04, 0xA9, 0xDC, 0x03} // CRC-16/IBM-SDLC DCA9
		synctest.Wait()
		if sent := w.wrote(); len(sent) != 1 || !bytes.Equal(sent[0], c.Taken()) {
			t.Errorf("sent % x", sent)
		}
	})
}

func TestWhatTheWireGivesBackIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.echoes = true
		_, sink, stop := running(t, codec(t, "binary-poll", func(p *frame.Profile) { p.Echo = true }), w)
		defer stop()
		time.Sleep(1050 * time.Millisecond)
		synctest.Wait()
		expect(t, "echoes only", sink.all(), "down IN-9: nothing valid came for 1s")
	})
}

func TestNothingIsShownLaterThanItsCallerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, stop := running(t, codec(t, "ascii-stx", nil)) // no line comes
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Show(ctx, reader.ShowGranted); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("shown on no line: %v", err)
		}
	})
}

func TestWhatAProfileDoesNotShowIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		r, _, stop := running(t, codec(t, "ascii-stx", func(p *frame.Profile) { p.Show = nil }), w)
		defer stop()
		if err := r.Show(t.Context(), reader.ShowGranted); err != nil || len(w.wrote()) != 0 {
			t.Errorf("sent: %v", err)
		}
	})
}

func TestALineThatCanNeverOpenEndsTheReader(t *testing.T) {
	never := fault.BadField("baud", "serialport.baud", "rate of 1 baud")
	r := New(Config{Name: "IN-9", Codec: codec(t, "ascii-stx", nil), Sink: newTold(), Log: quiet(), Open: func(context.Context) (Port, error) { return nil, never }})
	if err := r.Run(t.Context()); !errors.Is(err, never) {
		t.Errorf("ended with %v", err)
	}
}

// C-11: what a card carries reaches neither the log nor the record.
func TestNothingOfACardIsLoggedOrReported(t *testing.T) {
	for _, evil := range []string{`';DROP TABLE x`, "\x1b[2Jgone", "<b onload=x>", "=cmd|' /C'!A0", "nul\x00nul", "a,b\r\nc,d"} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			w := newWire()
			sink := newTold()
			r := New(Config{
				Name: "IN-9", Codec: codec(t, "ascii-stx", nil), Sink: sink, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				Open: func(context.Context) (Port, error) { return w, nil },
			})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			w.received <- []byte("\x02C" + evil + "\x03") // without its check
			w.received <- []byte("\x02C" + evil)
			time.Sleep(time.Second)
			cancel()
			<-ended
			if said := log.String() + strings.Join(sink.all(), "\n"); strings.Contains(said, evil[:4]) {
				t.Errorf("%q was said: %s", evil, said)
			}
		})
	}
}
