package brokertest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"testing"
)

// Passing is a publication on its way through a Relay.
type Passing struct {
	Client   string // the certificate's name
	Up       bool   // from the client to the broker
	Topic    string
	Payload  []byte
	Retained bool
}

// Relay is a broker that has been taken over: it stands between clients and the real one, reads everything, and drops, doubles,
// reorders, alters and replays publications as the test says. It acknowledges what it is sent before it does anything with it.
type Relay struct {
	tb     testing.TB
	config RelayConfig
	listen net.Listener
	wg     sync.WaitGroup

	mu      sync.Mutex
	tamper  func(Passing) []Passing
	passed  []Passing
	clients map[string]*relayed // the last connection of each
	conns   map[net.Conn]struct{}
	stopped bool
}

// RelayConfig of a relay.
type RelayConfig struct {
	To     string                        // host:port of the real broker
	Server tls.Certificate               // which clients take for the broker's
	CAs    *x509.CertPool                // of the clients' certificates
	Client func(name string) *tls.Config // with which the relay passes for a client at the broker
	// Tamper is given every publication and returns what goes on in its place, in order: nothing, itself, another, more. nil lets
	// everything pass. It is called from many goroutines.
	Tamper func(Passing) []Passing
}

// Relay starts one in front of the broker, until the test ends.
func (b *Broker) Relay(tamper func(Passing) []Passing) *Relay {
	b.tb.Helper()
	return NewRelay(b.tb, RelayConfig{To: b.Address(), Server: b.Authority.Server(), CAs: b.Authority.Pool(), Client: b.TLS, Tamper: tamper})
}

// NewRelay starts one until the test ends.
func NewRelay(tb testing.TB, config RelayConfig) *Relay {
	tb.Helper()
	l := tls.NewListener(listen(tb), &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{config.Server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: config.CAs,
	})
	r := &Relay{tb: tb, config: config, listen: l, tamper: config.Tamper, clients: map[string]*relayed{}, conns: map[net.Conn]struct{}{}}
	r.wg.Go(r.accept)
	tb.Cleanup(r.stop)
	return r
}

// Address is where clients find it; URL is the same as mqtt.Config has it.
func (r *Relay) Address() string { return r.listen.Addr().String() }

// URL is described at Address.
func (r *Relay) URL() string { return "tls://" + r.Address() }

// Tamper changes what happens to publications from now on.
func (r *Relay) Tamper(tamper func(Passing) []Passing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tamper = tamper
}

// Passed is every publication so far, as it came, in the order of its coming.
func (r *Relay) Passed() []Passing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.passed)
}

// Inject sends a publication, old or invented, to the broker in the client's name (Up) or to the client. It reports whether that
// client is connected.
func (r *Relay) Inject(p Passing) bool {
	r.mu.Lock()
	c := r.clients[p.Client]
	r.mu.Unlock()
	return c != nil && c.forward(p) == nil
}

func (r *Relay) see(p Passing) []Passing {
	r.mu.Lock()
	r.passed = append(r.passed, p)
	tamper := r.tamper
	r.mu.Unlock()
	if tamper == nil {
		return []Passing{p}
	}
	return tamper(p)
}

func (r *Relay) accept() {
	for {
		conn, err := r.listen.Accept()
		if err != nil {
			return
		}
		if client, ok := conn.(*tls.Conn); ok {
			r.wg.Go(func() { r.serve(client) })
		}
	}
}

func (r *Relay) serve(client *tls.Conn) {
	defer func() { _ = client.NetConn().Close() }()
	if !r.enter(client) || client.Handshake() != nil { //nolint:noctx // ended by closing the connection
		return
	}
	defer r.leave(client)
	name := client.ConnectionState().PeerCertificates[0].Subject.CommonName
	raw, err := dial(r.config.To)
	if err != nil {
		return
	}
	broker := tls.Client(raw, r.config.Client(name))
	defer func() { _ = raw.Close() }()
	if !r.enter(broker) {
		return
	}
	defer r.leave(broker)
	c := &relayed{relay: r, name: name, client: side{conn: client}, broker: side{conn: broker}}
	r.mu.Lock()
	r.clients[name] = c
	r.mu.Unlock()
	c.run()
	r.mu.Lock()
	if r.clients[name] == c {
		delete(r.clients, name)
	}
	r.mu.Unlock()
}

func (r *Relay) enter(c *tls.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c.NetConn()] = struct{}{}
	return !r.stopped
}

func (r *Relay) leave(c *tls.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c.NetConn())
}

func (r *Relay) stop() {
	r.mu.Lock()
	r.stopped = true
	for c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	_ = r.listen.Close()
	r.wg.Wait()
}

// relayed is one client's connection through the relay.
type relayed struct {
	relay          *Relay
	name           string
	client, broker side
}

// side is one of its ends.
type side struct {
	conn net.Conn
	mu   sync.Mutex
	id   uint16 // of the last publication that the relay sent here
}

func (s *side) write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.conn.Write(b)
	return err
}

func (s *side) publish(p Passing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = s.id%30000 + 1
	var flags byte
	if p.Retained {
		flags = 1
	}
	_, err := s.conn.Write(Publication(p.Topic, string(p.Payload), s.id+30000, flags)) // clear of the client's own numbers
	return err
}

func (c *relayed) forward(p Passing) error {
	if p.Up {
		return c.broker.publish(p)
	}
	return c.client.publish(p)
}

// run passes packets until one end is gone, and then ends the other.
func (c *relayed) run() {
	ended := make(chan struct{}, 2)
	way := func(up bool, from, to *side) {
		c.pass(up, from, to)
		ended <- struct{}{}
	}
	go way(true, &c.client, &c.broker)
	go way(false, &c.broker, &c.client)
	<-ended
	for _, s := range []*side{&c.client, &c.broker} {
		if t, ok := s.conn.(*tls.Conn); ok {
			_ = t.NetConn().Close()
		}
	}
	<-ended
}

// pass ends publications of the one side and begins its own towards the other; everything else goes through as it is.
func (c *relayed) pass(up bool, from, to *side) {
	in := bufio.NewReader(from.conn)
	for {
		first, body, err := readPacket(in)
		if err != nil {
			return
		}
		switch first >> 4 {
		case 3:
			err = c.publication(up, from, first, body)
		case 4: // of a publication of the relay
		default:
			err = to.write(Frame(first, body))
		}
		if err != nil {
			return
		}
	}
}

func (c *relayed) publication(up bool, from *side, first byte, body []byte) error {
	topic := int(binary.BigEndian.Uint16(body))
	p := Passing{Client: c.name, Up: up, Topic: string(body[2 : 2+topic]), Retained: first&1 != 0}
	body = body[2+topic:]
	if first&6 != 0 {
		if err := from.write([]byte{0x40, 2, body[0], body[1]}); err != nil {
			return err
		}
		body = body[2:]
	}
	p.Payload = body
	for _, q := range c.relay.see(p) {
		if err := c.forward(q); err != nil {
			return err
		}
	}
	return nil
}
