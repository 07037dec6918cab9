package exchange

import (
	"errors"
	"testing"
	"time"

	"kanmon/reader/osdp"
)

// flood is a line on which noise comes faster than anybody can throw it away.
type flood struct{ received chan []byte }

func (f flood) Received() <-chan []byte {
	select {
	case f.received <- []byte{0x53, 0x00, 0x11}:
	default:
	}
	return f.received
}
func (flood) Err() error         { return errors.New("hung up") }
func (flood) Write([]byte) error { return nil }
func (flood) Close() error       { return nil }

func TestAFloodOfNoiseHoldsNobodyForEver(t *testing.T) {
	l := New(flood{make(chan []byte, 1)}, 115200, 10*time.Millisecond, time.Millisecond)
	done := make(chan error, 1)
	go func() {
		if err := l.Clear(); err != nil {
			done <- err
			return
		}
		poll := osdp.Frame{Address: 1, Code: osdp.CmdPoll}
		raw, err := poll.Append(nil)
		if err != nil {
			done <- err
			return
		}
		_, _, err = l.Ask(t.Context(), poll, raw)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrSilence) {
			t.Errorf("got %v, want silence", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still throwing noise away")
	}
}
