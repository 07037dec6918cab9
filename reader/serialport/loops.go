package serialport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// readLoop sits in Read and hands on what comes. It is the only sender on received.
func (p *Port) readLoop() {
	defer close(p.received)
	buf := make([]byte, 2048)
	fast := 0
	for {
		began := time.Now()
		n, err := p.device.Read(buf)
		if n > 0 {
			fast = 0
			if !p.deliver(bytes.Clone(buf[:n])) {
				return
			}
			continue
		}
		select {
		case <-p.quit:
			return
		default:
		}
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			p.fail(fmt.Errorf("%w: %w", ErrHungUp, err))
			return
		case time.Since(began) > readTimeout/2:
			fast = 0
		default:
			if fast++; fast >= hangUpReads {
				p.fail(ErrHungUp)
				return
			}
		}
	}
}

func (p *Port) deliver(b []byte) bool {
	select {
	case p.received <- b:
		return true
	case <-p.quit:
		return false
	}
}

// writeLoop does the writing for Write, so that a driver that never returns holds this goroutine only.
func (p *Port) writeLoop() {
	for {
		select {
		case w := <-p.writes:
			_, err := p.device.Write(w.bytes)
			w.done <- err // buffered: nobody may be waiting any more
		case <-p.quit:
			return
		}
	}
}

// Write hands all of b to the driver. It returns within the write timeout; ErrWriteStalled, like every other
// error, means that the line is lost. The caller may reuse b.
func (p *Port) Write(b []byte) error {
	w := write{bytes: bytes.Clone(b), done: make(chan error, 1)}
	timer := time.NewTimer(p.writeTimeout)
	defer timer.Stop()
	select {
	case p.writes <- w:
	case <-p.quit:
		return p.Err()
	case <-timer.C:
		p.fail(ErrWriteStalled)
		return ErrWriteStalled
	}
	select {
	case err := <-w.done:
		return p.written(err)
	case <-p.quit:
		return p.Err()
	case <-timer.C:
		p.fail(ErrWriteStalled)
		return ErrWriteStalled
	}
}

func (p *Port) written(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w", ErrHungUp, err)
	p.fail(err)
	return err
}
