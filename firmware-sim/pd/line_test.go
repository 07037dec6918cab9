package pd

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/reader/osdp"
)

// memory is a wire whose far end is the test.
type memory struct{ in, out chan []byte }

func (m memory) Received() <-chan []byte { return m.in }
func (m memory) Write(b []byte) error    { m.out <- b; return nil }

// Noise that looks like the start of a long frame must not hold a command back until its controller has given up:
// that is 200 ms after the command.
func TestCommandBehindNoiseIsAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, reader1())
		m := memory{make(chan []byte, 1), make(chan []byte, 1)}
		l, err := NewLine(m, slog.New(slog.DiscardHandler), h.device)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		id, err := osdp.Frame{Address: 1, Code: osdp.CmdID}.Append([]byte{0x53, 0x01, 0x00, 0x04})
		if err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		m.in <- id
		<-m.out
		if took := time.Since(sent); took > osdp.ReplyTimeout*3/4 {
			t.Errorf("answered after %v", took)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
