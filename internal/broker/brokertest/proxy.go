package brokertest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is the network between clients and a broker. It passes bytes on, of which TLS lets it understand nothing, until it is told
// otherwise.
type Proxy struct {
	tb     testing.TB
	to     string
	listen net.Listener
	wg     sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	barred  bool
	up      gate // from clients to the broker
	down    gate
	dials   int
	stopped bool
}

// NewProxy starts one in front of an address, until the test ends.
func NewProxy(tb testing.TB, to string) *Proxy {
	tb.Helper()
	p := &Proxy{tb: tb, to: to, listen: listen(tb), conns: map[net.Conn]struct{}{}, up: newGate(), down: newGate()}
	p.wg.Go(p.accept)
	tb.Cleanup(p.stop)
	return p
}

// listen takes a free port of this machine.
func listen(tb testing.TB) net.Listener {
	tb.Helper()
	var config net.ListenConfig
	l, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func dial(address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: Patience}
	return dialer.DialContext(context.Background(), "tcp", address)
}

// Address is where clients find it; URL is the same as mqtt.Config has it.
func (p *Proxy) Address() string { return p.listen.Addr().String() }

// URL is described at Address.
func (p *Proxy) URL() string { return "tls://" + p.Address() }

// Dials counts the connections that clients have tried to make.
func (p *Proxy) Dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

// Hold lets nothing pass any more, in either direction. Connections stay, new ones are accepted, and what is sent meanwhile
// comes through at Release.
func (p *Proxy) Hold() { p.up.shut(); p.down.shut() }

// HoldDown lets nothing pass from the broker to clients.
func (p *Proxy) HoldDown() { p.down.shut() }

// HoldUp lets nothing pass from clients to the broker.
func (p *Proxy) HoldUp() { p.up.shut() }

// Release ends Hold, HoldDown and HoldUp.
func (p *Proxy) Release() { p.up.open(); p.down.open() }

// Cut ends all connections; what is held is lost. New ones pass.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Partition ends all connections and lets no new ones pass until Heal.
func (p *Proxy) Partition() {
	p.bar(true)
	p.Cut()
}

// Heal ends Partition.
func (p *Proxy) Heal() { p.bar(false) }

func (p *Proxy) bar(barred bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.barred = barred
}

func (p *Proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	if !p.admit(client) {
		return
	}
	defer p.leave(client)
	onward, err := dial(p.to)
	if err != nil || !p.enter(onward) {
		return
	}
	defer p.leave(onward)
	defer func() { _ = onward.Close() }()
	done := make(chan struct{}, 2)
	for _, way := range []struct {
		from, to net.Conn
		gate     *gate
	}{{client, onward, &p.up}, {onward, client, &p.down}} {
		p.wg.Go(func() {
			way.gate.pass(way.from, way.to)
			done <- struct{}{}
		})
	}
	<-done
}

// admit counts a dial and says whether it may pass.
func (p *Proxy) admit(c net.Conn) bool {
	p.mu.Lock()
	p.dials++
	p.mu.Unlock()
	return p.enter(c)
}

func (p *Proxy) enter(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.barred || p.stopped {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) leave(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	_ = p.listen.Close()
	p.Cut()
	p.Release()
	ended := make(chan struct{})
	go func() { p.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(Patience):
		p.tb.Error("the proxy did not end")
	}
}

// gate lets bytes through while it is open.
type gate struct {
	mu   *sync.Mutex
	free chan struct{} // closed: open
}

func newGate() gate {
	free := make(chan struct{})
	close(free)
	return gate{mu: new(sync.Mutex), free: free}
}

func (g *gate) now() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.free
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.free:
		g.free = make(chan struct{})
	default:
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.free:
	default:
		close(g.free)
	}
}

// pass copies until one side has ended. What waits at a closed gate when that happens is lost.
func (g *gate) pass(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		<-g.now()
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
