package mqtt

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"kanmon/internal/fault"
)

const (
	connectTimeout = 10 * time.Second // dialling, TLS and CONNACK together
	answerTimeout  = 10 * time.Second // SUBACK, PINGRESP
	writeTimeout   = 5 * time.Second  // a write that does not move
	partingTimeout = time.Second      // for the last words
)

// session is one connection. A fresh client of the library serves each: its own reconnecting keeps messages
// and state of the connection before.
type session struct {
	paho paho.Client
	conn net.Conn
	out  chan outgoing
	end  sync.Once
	done chan struct{} // closed when the connection is lost or closed; err is set before
	err  error

	sender sync.WaitGroup
}

type outgoing struct {
	message Message
	token   chan<- paho.Token
}

func (c *Client) open(ctx context.Context) (*session, error) {
	s := &session{out: make(chan outgoing), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	stopWatch := func() bool { return true }
	o := c.options()
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { s.lost(err) })
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
		conn, err := c.dial(ctx)
		if err != nil {
			return nil, err
		}
		s.conn = conn
		stopWatch = context.AfterFunc(ctx, func() { _ = conn.Close() })
		return conn, nil
	})
	s.paho = paho.NewClient(o)
	token := s.paho.Connect()
	<-token.Done() // ends with ctx, which closes the connection under it
	alive := stopWatch()
	if err := token.Error(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "connect")
	}
	if !alive {
		s.close()
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "connect")
	}
	s.sender.Go(s.send)
	return s, nil
}

func (c *Client) options() *paho.ClientOptions {
	o := paho.NewClientOptions().AddBroker(c.url.String()).
		SetClientID(c.config.ClientID).SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).
		SetOrderMatters(true).SetKeepAlive(c.config.KeepAlive).SetPingTimeout(answerTimeout).
		SetConnectTimeout(connectTimeout).SetWriteTimeout(writeTimeout)
	// The default handler is in place before the connection is: a message that follows the SUBACK in the
	// same packet finds it.
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		c.take(Message{Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained()})
	})
	if w := c.config.Will; w != nil {
		o.SetBinaryWill(w.Topic, w.Payload, 1, w.Retained)
	}
	return o
}

// dial ends with ctx; no proxy from the environment is used.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.url.Host)
	if err != nil {
		return nil, err
	}
	config := c.config.TLS
	if c.config.Trust != nil {
		config = config.Clone()
		config.RootCAs = c.config.Trust()
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return newGuard(secure, len(c.filters())), nil
}

func (s *session) lost(err error) {
	s.end.Do(func() {
		s.err = fault.Wrap(fault.Unavailable, err, "connection lost")
		close(s.done)
	})
}

func (s *session) close() {
	s.paho.Disconnect(uint(partingTimeout / time.Millisecond))
	_ = s.conn.Close()
	s.lost(net.ErrClosed)
	s.sender.Wait() // at most writeTimeout, when the broker had stopped reading
}

// filters are the subscriptions, each once, with QoS 1.
func (c *Client) filters() map[string]byte {
	filters := make(map[string]byte, len(c.routes))
	for _, r := range c.routes {
		filters[r.filter] = 1
	}
	return filters
}

func (s *session) subscribe(ctx context.Context, filters map[string]byte) error {
	if len(filters) == 0 {
		return nil
	}
	token := s.paho.SubscribeMultiple(filters, nil)
	timeout := time.NewTimer(answerTimeout)
	defer timeout.Stop()
	select {
	case <-token.Done():
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return fault.New(fault.Unavailable, "mqtt.subscribe", "no answer to the subscription")
	}
	if err := token.Error(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "subscribe")
	}
	return checkGranted(token, filters)
}

func checkGranted(token paho.Token, filters map[string]byte) error {
	var granted map[string]byte
	if t, ok := token.(*paho.SubscribeToken); ok {
		granted = t.Result()
	}
	for filter := range filters {
		if code, answered := granted[filter]; !answered || code > 2 {
			return fault.New(fault.Denied, "mqtt.subscribe", fmt.Sprintf("the broker refuses the subscription to %q", filter))
		}
	}
	return nil
}

// send hands messages to the library one after the other. The library's own Publish ignores contexts and can
// wait for as long as the write timeout; only this goroutine waits there.
func (s *session) send() {
	for {
		select {
		case o := <-s.out:
			o.token <- s.paho.Publish(o.message.Topic, 1, o.message.Retained, o.message.Payload)
		case <-s.done:
			return
		}
	}
}

func (s *session) publish(ctx context.Context, m Message) error {
	handed := make(chan paho.Token, 1)
	select {
	case s.out <- outgoing{m, handed}:
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "publish")
	}
	var token paho.Token
	select {
	case token = <-handed:
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "publish")
	}
	select {
	case <-token.Done():
		return fault.Wrap(fault.Unavailable, token.Error(), "publish")
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "publish")
	}
}

// farewell publishes the will, for the broker forgets it when a client leaves in good order.
func (s *session) farewell(ctx context.Context, will *Message) {
	if will == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTimeout)
	defer cancel()
	_ = s.publish(ctx, *will) // without success the others find out by the silence
}
