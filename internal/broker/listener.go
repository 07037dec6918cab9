package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// connectTime is how long a connection may take until its CONNECT has been read, TLS included. The library sets
// its own deadlines only after that.
const connectTime = 10 * time.Second

// listener accepts connections for the library. Unlike the library's own it bounds their number, gives them a
// deadline to introduce themselves, survives a shortage of file descriptors, keeps a panic to the connection that
// caused it, and waits for all of them when it closes.
type listener struct {
	inner net.Listener
	tls   *tls.Config
	most  int
	count *counters
	log   *throttled

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed chan struct{}
	wg     sync.WaitGroup
}

func newListener(inner net.Listener, config Config, count *counters, log *throttled) *listener {
	return &listener{
		inner: inner, tls: config.TLS, most: config.MaxClients + maxConnecting, count: count, log: log,
		conns: map[*conn]struct{}{}, closed: make(chan struct{}),
	}
}

// ID, Protocol, Address and Init are what the library wants to know of a listener.
func (l *listener) ID() string              { return "kanmon" }
func (l *listener) Protocol() string        { return "tcp" }
func (l *listener) Address() string         { return l.inner.Addr().String() }
func (l *listener) Init(*slog.Logger) error { return nil }

func (l *listener) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Serve accepts until Close.
func (l *listener) Serve(establish listeners.EstablishFn) {
	for {
		inner, err := l.inner.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, or the peer was gone already
			l.log.warn("broker cannot accept", slog.Any("error", err))
			select {
			case <-time.After(100 * time.Millisecond):
			case <-l.closed:
			}
			continue
		}
		c := newConn(tls.Server(inner, l.tls), inner)
		if l.admit(c) {
			go l.serve(c, func() error { return l.establish(c, establish) })
		}
	}
}

// admit counts a connection, or closes it.
func (l *listener) admit(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
		_ = c.Close()
		return false
	default:
	}
	if len(l.conns) >= l.most {
		l.count.refused.Add(1)
		l.log.warn("broker refuses a client", slog.String("remote", c.RemoteAddr().String()), slog.String("error", "too many connections"))
		_ = c.Close()
		return false
	}
	l.conns[c] = struct{}{}
	l.wg.Add(1)
	return true
}

func (l *listener) serve(c *conn, establish func() error) {
	defer l.wg.Done()
	_ = c.SetReadDeadline(time.Now().Add(connectTime))
	err := l.survive(establish)
	l.judge(c, err)
	_ = c.Close()
	c.end()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

func (l *listener) establish(c *conn, establish listeners.EstablishFn) error {
	if err := c.handshake(context.Background()); err != nil { // closing the connection ends it
		l.count.refused.Add(1)
		l.log.warn("broker refuses a client", slog.String("remote", c.RemoteAddr().String()), slog.Any("error", err))
		return err
	}
	return establish(l.ID(), c)
}

// survive keeps a panic of the library to the connection that caused it.
func (l *listener) survive(serve func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.count.panics.Add(1)
			l.log.warn("broker library panicked", slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			err = errors.New("panic")
		}
	}()
	return serve()
}

// judge counts connections that ended by bytes which are not MQTT or too many of them.
func (l *listener) judge(c *conn, err error) {
	if c.wasSlow() {
		l.count.slow.Add(1)
		l.log.warn("broker throws out a client that does not read", slog.String("remote", c.RemoteAddr().String()))
		return
	}
	var code packets.Code
	if !errors.As(err, &code) || errors.Is(err, io.EOF) {
		return
	}
	switch code.Code {
	case packets.ErrMalformedPacket.Code, packets.ErrProtocolViolation.Code, packets.ErrPacketTooLarge.Code:
		l.count.malformed.Add(1)
		l.log.warn("broker ends a connection", slog.String("remote", c.RemoteAddr().String()), slog.Any("error", err))
	}
}

// Close ends all connections and returns when they are gone. The library's way to close clients is not
// used: it sends them a packet that MQTT 3.1.1 does not know.
func (l *listener) Close(listeners.CloseFn) {
	l.mu.Lock()
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	for c := range l.conns {
		_ = c.Close()
	}
	l.mu.Unlock()
	_ = l.inner.Close()
	l.wg.Wait()
}
