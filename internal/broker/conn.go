package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	stallTime = 10 * time.Second // a client that takes nothing for so long is thrown out
	flushTime = time.Second      // for the last packets of a connection that is closed
	chunk     = 64 << 10
)

var errSlow = errors.New("the client does not read")

// conn is the connection of one client, and what is known of the client on it. It gives the library writes that never wait. The
// library writes while it holds a lock of the client, and publishers to that client wait for the same lock: with a plain
// connection one client that stops reading stops everybody who has something for it.
type conn struct {
	net.Conn
	raw         net.Conn                 // under the TLS of Conn
	certificate *x509.Certificate        // the client's, from the handshake on
	who         atomic.Pointer[Identity] // nil: not admitted yet, or thrown out
	willing     atomic.Bool              // the library has asked for the will, and may be about to publish it
	before      *conn                    // the connection that this one takes over from, until that is gone; under the hook's lock
	pace        pace                     // of the library's reader alone

	mu      sync.Mutex
	unsent  []byte
	unacked unacked
	slow    bool
	closed  bool
	leaving []func()
	life    *time.Timer   // closes it when its certificate ends
	wake    chan struct{} // one place: there is something to do
	closing chan struct{} // closed by Close
	gone    chan struct{} // closed when nothing of the connection is left
	written chan struct{} // closed when the writer has ended
}

func newConn(inner, raw net.Conn) *conn {
	c := &conn{
		Conn: inner, raw: raw, wake: make(chan struct{}, 1), closing: make(chan struct{}),
		gone: make(chan struct{}), written: make(chan struct{}), unacked: unacked{size: map[uint16]int{}},
	}
	go c.write()
	return c
}

// handshake ends within connectTime, with the client's certificate verified, or fails.
func (c *conn) handshake(ctx context.Context) error {
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return errors.New("not TLS")
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	state := secure.ConnectionState()
	if state.Version != tls.VersionTLS13 || state.DidResume || len(state.VerifiedChains) == 0 {
		return errors.New("no fresh TLS 1.3 session with a verified certificate")
	}
	c.certificate = state.VerifiedChains[0][0]
	return nil
}

// Write queues a copy of p.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if len(c.unsent)+len(p) > maxUnread {
		c.slow = true
		c.shut()
		return 0, errSlow
	}
	c.unsent = append(c.unsent, p...)
	c.nudge()
	return len(p), nil
}

// endAt closes the connection at a moment: its certificate proves nothing any more.
func (c *conn) endAt(end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.life = time.AfterFunc(time.Until(end), func() { _ = c.Close() })
}

// cut ends the connection at once: the client is nobody any more, and what is queued for it is dropped, in the kernel too.
func (c *conn) cut() {
	c.who.Store(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut()
	if tcp, ok := c.raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.raw.Close() // not the TLS above it, whose good-bye could wait for the client
}

// Close lets what is queued go out for a moment, in the background, and ends reading at once.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut()
	return nil
}

// shut wants mu held.
func (c *conn) shut() {
	if c.closed {
		return
	}
	c.closed = true
	close(c.closing)
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	c.nudge()
}

func (c *conn) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// SetDeadline is for reading only; writing has its own.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline has no effect once the connection is closing.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	return c.Conn.SetReadDeadline(t)
}

// write sends what is queued until the connection closes. Each chunk has stallTime to move.
func (c *conn) write() {
	defer close(c.written)
	defer func() { _ = c.Conn.Close() }()
	for range c.wake {
		for {
			b, last := c.next()
			if len(b) == 0 {
				if last {
					return
				}
				break
			}
			if err := c.send(b); err != nil {
				c.fail(err)
				return
			}
		}
	}
}

func (c *conn) next() (b []byte, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slow {
		return nil, true
	}
	b, c.unsent = c.unsent, nil
	return b, c.closed
}

func (c *conn) send(b []byte) error {
	for len(b) > 0 {
		patience := stallTime
		if c.isClosed() {
			patience = flushTime
		}
		if err := c.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		n, err := c.Conn.Write(b[:min(chunk, len(b))])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (c *conn) fail(err error) {
	var timeout net.Error
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.As(err, &timeout) && timeout.Timeout() && !c.closed {
		c.slow = true
	}
	c.shut()
}

func (c *conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *conn) wasSlow() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slow
}

// onGone has fn called when the connection is gone.
func (c *conn) onGone(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = append(c.leaving, fn)
}

// end is called once, after the library is done with the connection.
func (c *conn) end() {
	<-c.written
	c.mu.Lock()
	leaving := c.leaving
	if c.life != nil {
		c.life.Stop()
	}
	c.mu.Unlock()
	for _, fn := range leaving {
		fn()
	}
	close(c.gone)
}
