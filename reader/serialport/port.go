// Package serialport gives the reader adapters a serial line that can be waited on, closed and lost.
//
// It is the only importer of github.com/tarm/serial, and it is here because of what that library leaves to
// its caller:
//
//   - Without a read timeout a Read never ends and Close waits for it for ever; so the timeout is always set
//     (100 ms, the smallest step the library has). It is not a latency: one goroutine sits in Read, which
//     returns with the first bytes, and hands them on over a channel.
//   - A timeout and a pulled cable are both (0, io.EOF). A timeout takes its 100 ms; an end of file that
//     comes much faster, several times in a row, is a hang-up.
//   - A Write to a peer that does not read blocks without limit. Writes run in a goroutine of their own and
//     have a deadline; past it the output queue is thrown away, which lets that goroutine go, and the port
//     counts as lost.
//   - The same line can be opened twice. An advisory lock on the device node refuses the second opener.
//   - Parity is sent and not checked. The check is switched on; the kernel drops a character that fails, and its frame is then too short.
//
// A Port is one opening of the line. When its Received channel is closed the line is lost: Close it and call
// Await, which opens the line again as soon as its node is back, whatever device that node then is.
package serialport

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tarm/serial"

	"kanmon/internal/fault"
)

const (
	readTimeout = 100 * time.Millisecond // tarm/serial knows steps of 100 ms and nothing below
	hangUpReads = 3                      // so many ends of file in a row, each too fast for a timeout
	closeWait   = time.Second            // Close takes no longer; what is left ends by itself
	chunks      = 64                     // lumps of input held for a reader that is busy elsewhere
)

// DefaultWriteTimeout is far more than the longest OSDP frame needs at the slowest rate.
const DefaultWriteTimeout = 2 * time.Second

var (
	// ErrHungUp says that the far end or the adapter went away.
	ErrHungUp = errors.New("serial line hung up")
	// ErrWriteStalled says that the far end took no bytes for the write timeout. The port is lost then.
	ErrWriteStalled = errors.New("serial line takes no bytes")
	// ErrClosed says that this opening of the port was closed.
	ErrClosed = errors.New("serial port closed")
	// ErrInUse says that another program, or another part of this one, holds the line.
	ErrInUse = errors.New("serial port is in use")
)

// Rates are the bit rates OSDP knows and the lower ones that older readers have, in bits per second.
var rates = [...]int{1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400}

// Config describes a line.
type Config struct {
	// Name is the path of the device node, or of a symbolic link to it. The link is followed at every
	// opening, so it may point somewhere else after the device came back.
	Name string
	// Baud is the rate in bits per second: 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 or 230400.
	// A pseudo terminal ignores it.
	Baud int
	// WriteTimeout bounds one Write. Zero means DefaultWriteTimeout.
	WriteTimeout time.Duration
	// Characters; the zero value is 8 data bits, no parity, 1 stop bit.
	Characters Characters
	// RS485 has the kernel switch the direction of a two-wire line (TIOCSRS485); nil: the adapter does it by itself, or the line has four wires.
	RS485 *RS485
}

// Validate reports what can never open, however long one waits.
func (c Config) Validate() error {
	if c.Name == "" {
		return fault.BadField("port", "serialport.name", "a serial port needs a path")
	}
	for _, r := range rates {
		if c.Baud == r {
			return errors.Join(c.Characters.validate(), c.RS485.validate())
		}
	}
	return fault.BadField("baud", "serialport.baud", fmt.Sprintf("%s: rate of %d baud is not known", c.Name, c.Baud))
}

// device is what tarm/serial opens.
type device interface {
	io.ReadWriteCloser
	Flush() error
}

// Port is one opening of a line. Its methods may be called from several goroutines.
type Port struct {
	device       device
	hold         hold
	writeTimeout time.Duration

	received chan []byte // closed by the read loop, and by nobody else, when the line is lost or closed
	writes   chan write
	quit     chan struct{}
	once     sync.Once      // guards quit
	loops    sync.WaitGroup // the read and the write loop
	released chan struct{}  // closed when the device and the lock are free again

	mu    sync.Mutex
	cause error // why the line was lost; the first one counts
}

type write struct {
	bytes []byte
	done  chan error
}

// Open opens the line once. Bytes that were waiting from before are thrown away.
func Open(c Config) (*Port, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	held, err := lock(c.Name)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "open serial port "+c.Name)
	}
	d, err := serial.OpenPort(c.Characters.config(c.Name, c.Baud))
	if err != nil {
		held.release()
		return nil, fault.Wrap(fault.Unavailable, err, "open serial port "+c.Name)
	}
	if err := c.prepare(d, held); err != nil {
		_ = d.Close()
		held.release()
		return nil, fault.Wrap(fault.Unavailable, err, "serial port "+c.Name)
	}
	return start(d, held, c.WriteTimeout), nil
}

// prepare sets what the library does not, and throws away what was waiting.
func (c Config) prepare(d device, held hold) error {
	if c.Characters.Parity != "" {
		if err := held.checkParity(); err != nil {
			return fmt.Errorf("parity: %w", err)
		}
	}
	if c.RS485 != nil {
		if err := held.direct(*c.RS485); err != nil {
			return fmt.Errorf("RS-485 direction: %w", err)
		}
	}
	return d.Flush()
}

func start(d device, held hold, writeTimeout time.Duration) *Port {
	if writeTimeout <= 0 {
		writeTimeout = DefaultWriteTimeout
	}
	p := &Port{
		device: d, hold: held, writeTimeout: writeTimeout,
		received: make(chan []byte, chunks),
		writes:   make(chan write),
		quit:     make(chan struct{}),
		released: make(chan struct{}),
	}
	p.loops.Go(p.readLoop)
	p.loops.Go(p.writeLoop)
	go p.release()
	return p
}

// Received delivers bytes as they arrive, in order, in lumps of any size. It is closed when the line is lost
// or closed; Err then says why.
func (p *Port) Received() <-chan []byte { return p.received }

// Err is nil while the line is up, and afterwards why it is not.
func (p *Port) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// fail records why the line was lost and ends the loops.
func (p *Port) fail(cause error) {
	p.mu.Lock()
	if p.cause == nil {
		p.cause = cause
	}
	p.mu.Unlock()
	p.once.Do(func() { close(p.quit) })
}

// Close ends this opening and lets the next one have the line. It returns within a second also when the
// driver does not; the rest is then released as soon as the driver lets go. A second Close does nothing.
func (p *Port) Close() error {
	p.fail(ErrClosed)
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-p.released:
		return nil
	case <-timer.C:
		return fault.New(fault.Unavailable, "serialport.close", "serial port: the driver has not let go yet")
	}
}

// release frees the device once both loops have ended. The read loop ends within a read timeout; the write
// loop may sit in a full driver, so the output queue is thrown away, and the loop woken, until it has left.
func (p *Port) release() {
	<-p.quit
	ended := make(chan struct{})
	go func() { p.loops.Wait(); close(ended) }()
	tick := time.NewTicker(readTimeout)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-ended:
			waiting = false
		case <-tick.C:
			_ = p.device.Flush()
			p.hold.wake()
		}
	}
	_ = p.device.Close()
	p.hold.release()
	close(p.released)
}
