// Package mqtt is the one MQTT client of the product: a connection to a broker that is kept up for as long as
// Run lasts. It speaks MQTT 3.1.1 with a clean session, so the broker remembers nothing between two connections;
// what must not be lost is kept and acknowledged by the protocol above (docs/wire.md).
//
// What it promises:
//
//   - Run connects, and connects again for ever, with a growing, jittered pause; at every connection it
//     subscribes to all filters before OnConnect functions run.
//   - Handlers run one at a time, in the order of arrival, on the client's own goroutine, never on the
//     library's; they may call Publish. What arrives while QueueSize messages wait is dropped and counted.
//   - A Publish without error means that the broker has the message, and nothing more. With an error the outcome
//     is unknown: send again.
//   - It speaks TLS 1.3 with a client certificate and nothing else. The certificate is asked for at every connection, so
//     that a renewed one is used from the next connection on.
//   - Publish may be called from many goroutines at once; their messages are under way together.
//   - The broker is not trusted: a packet that is too large, of a kind a server does not send, or malformed ends
//     the connection, nothing else.
package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// Message is one message, to or from the broker. Retained asks the broker to keep it when publishing; on
// arrival it says that the broker had kept it.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool
}

// Config of a client. URL, ClientID, TLS and Log are required.
type Config struct {
	// URL of the broker: tls://host:port.
	URL string
	// ClientID is the name in the client's certificate; the broker admits no other.
	ClientID string
	// TLS says whom to trust and has the client's certificate, as GetClientCertificate (asked at every connection) or Certificates.
	// ServerName defaults to the URL's host. TLS 1.3 is spoken, and no session is resumed, whatever it says of these.
	TLS *tls.Config
	// Trust is asked at every connection whose certificates a broker may have; nil: as TLS says.
	Trust func() *x509.CertPool
	// Will is what the broker publishes when this client vanishes. Run publishes the same itself before it
	// disconnects in good order, so that others need not tell the two apart.
	Will *Message
	// KeepAlive is the longest silence before the client asks whether the broker is still there; 0 means 30 s,
	// the least is 1 s.
	KeepAlive time.Duration
	// QueueSize is how many received messages may wait for their handler; 0 means 256.
	QueueSize int
	// RetryMin and RetryMax bound the pause before the next attempt to connect; 0 means 250 ms and 30 s.
	RetryMin, RetryMax time.Duration
	Log                *slog.Logger
}

// Stats counts since New.
type Stats struct {
	Connected uint64 // times a connection was made and subscribed
	Received  uint64 // messages taken into the queue
	Dropped   uint64 // messages that found the queue full
}

type route struct {
	filter string
	handle func(context.Context, Message)
}

// Client of one broker. Its methods may be called from any goroutine.
type Client struct {
	config    Config
	url       *url.URL
	log       *slog.Logger
	routes    []route
	onConnect []func()
	queue     chan Message
	current   atomic.Pointer[session]

	mu      sync.Mutex
	started bool

	connected, received, dropped atomic.Uint64
}

// New checks the configuration; it does not connect. An error is fault.Invalid.
func New(config Config) (*Client, error) {
	u, err := checkURL(config.URL)
	if err != nil {
		return nil, err
	}
	if config.ClientID == "" || config.Log == nil {
		return nil, fault.New(fault.Invalid, "mqtt.config", "mqtt client without a client id or a logger")
	}
	if config.TLS, err = strict(config.TLS, u.Hostname()); err != nil {
		return nil, err
	}
	if config.KeepAlive < 0 || config.QueueSize < 0 || (config.KeepAlive > 0 && config.KeepAlive < time.Second) {
		return nil, fault.New(fault.Invalid, "mqtt.config", "mqtt keep-alive below a second or negative queue size")
	}
	if config.Will != nil {
		if err := check(*config.Will); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "mqtt last will")
		}
	}
	setDefault(&config.KeepAlive, 30*time.Second)
	setDefault(&config.QueueSize, 256)
	setDefault(&config.RetryMin, 250*time.Millisecond)
	setDefault(&config.RetryMax, 30*time.Second)
	return &Client{
		config: config, url: u, queue: make(chan Message, config.QueueSize),
		log: config.Log.With(slog.String("broker", u.Host), slog.String("client_id", config.ClientID)),
	}, nil
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// checkURL refuses what would go in the clear over a network, or keep a password in a URL.
func checkURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" || u.User != nil {
		return nil, fault.New(fault.Invalid, "mqtt.url", "broker URL must be tls://host:port")
	}
	return u, nil
}

// strict is a copy of c for one server, with what is not left to the caller. The guard reads the broker's packets, but only
// the certificate says that it is the broker.
func strict(c *tls.Config, server string) (*tls.Config, error) {
	if c == nil || (c.GetClientCertificate == nil && len(c.Certificates) == 0) || (c.InsecureSkipVerify && c.VerifyConnection == nil) {
		return nil, fault.New(fault.Invalid, "mqtt.tls", "mqtt client without a certificate of its own, or that does not check the broker's")
	}
	c = c.Clone()
	c.MinVersion = tls.VersionTLS13
	c.ClientSessionCache = nil // a resumed session would keep the certificate of the one before
	setDefault(&c.ServerName, server)
	return c, nil
}

// Handle has fn called for every message whose topic matches filter ('+' and a final '#' as MQTT has them); the
// client subscribes to it with QoS 1 at every connection. The context ends with Run. Only before Run; it panics
// when called later or with a malformed filter, both being mistakes in the program.
func (c *Client) Handle(filter string, fn func(ctx context.Context, m Message)) {
	if !validFilter(filter) {
		panic("mqtt: malformed filter " + filter)
	}
	c.beforeRun("Handle")
	c.routes = append(c.routes, route{filter, fn})
}

// OnConnect has fn called after every connection, once the subscriptions stand. It may publish; it must return
// when Publish fails. Only before Run, else it panics.
func (c *Client) OnConnect(fn func()) {
	c.beforeRun("OnConnect")
	c.onConnect = append(c.onConnect, fn)
}

func (c *Client) beforeRun(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started {
		panic("mqtt: " + what + " after Run")
	}
}

// Reconnect ends the present connection, if there is one; Run makes another. It does not wait.
func (c *Client) Reconnect() {
	if s := c.current.Load(); s != nil {
		s.lost(errAsked)
	}
}

var errAsked = errors.New("a new connection was asked for")

// Connected reports whether there is a connection on which the subscriptions stand.
func (c *Client) Connected() bool { return c.current.Load() != nil }

// Stats returns the counters.
func (c *Client) Stats() Stats {
	return Stats{Connected: c.connected.Load(), Received: c.received.Load(), Dropped: c.dropped.Load()}
}

// Publish sends m with QoS 1 and waits until the broker has acknowledged it or ctx ends. Any error leaves the
// outcome unknown, except fault.TooLarge and fault.Invalid, which are found before sending. Without a
// connection it fails at once with fault.Unavailable.
func (c *Client) Publish(ctx context.Context, m Message) error {
	if err := check(m); err != nil {
		return err
	}
	s := c.current.Load()
	if s == nil {
		return fault.New(fault.Unavailable, "mqtt.offline", "no connection to the broker")
	}
	return s.publish(ctx, m)
}

func check(m Message) error {
	if m.Topic == "" || !validTopic(m.Topic) {
		return fault.New(fault.Invalid, "mqtt.topic", fmt.Sprintf("cannot publish to %.80q", m.Topic))
	}
	if len(m.Payload) > wire.MaxPayload {
		return fault.New(fault.TooLarge, "mqtt.too_large", fmt.Sprintf("payload of %d bytes", len(m.Payload)))
	}
	return nil
}
