package broker

import (
	"errors"
	"net"
	"sync"
	"time"
)

const (
	stallTime = 10 * time.Second // a client that takes nothing for so long is thrown out
	flushTime = time.Second      // for the last packets of a connection that is closed
	chunk     = 64 << 10
)

var errSlow = errors.New("the client does not read")

// conn gives the library writes that never wait. The library writes while it holds a lock of the
// client, and publishers to that client wait for the same lock: with a plain connection one client that stops reading
// stops everybody who has something for it.
type conn struct {
	net.Conn
	mu      sync.Mutex
	unsent  []byte
	slow    bool
	closed  bool
	leaving []func()
	wake    chan struct{} // one place: there is something to do
	closing chan struct{} // closed by Close
	gone    chan struct{} // closed when nothing of the connection is left
	written chan struct{} // closed when the writer has ended
}

func newConn(inner net.Conn) *conn {
	c := &conn{
		Conn: inner, wake: make(chan struct{}, 1), closing: make(chan struct{}),
		gone: make(chan struct{}), written: make(chan struct{}),
	}
	go c.write()
	return c
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

// Close lets what is queued go out for a moment, in the background, and ends reading at once.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut()
	return nil
}

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
	c.mu.Unlock()
	for _, fn := range leaving {
		fn()
	}
	close(c.gone)
}
