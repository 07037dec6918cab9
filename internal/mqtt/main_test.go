package mqtt_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/mqtt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = brokertest.Patience

var quiet = slog.New(slog.DiscardHandler)

// target is a broker, or what passes for one, and the certificates for it.
type target interface {
	URL() string
	TLS(name string) *tls.Config
}

// nobody is an address with certificates that will not matter.
type nobody struct {
	t         *testing.T
	address   string
	authority *brokertest.Authority
}

func at(t *testing.T, address string) nobody {
	t.Helper()
	return nobody{t, address, brokertest.NewAuthority(t)}
}

func (n nobody) URL() string { return "tls://" + n.address }

func (n nobody) TLS(name string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: n.authority.Pool(), Certificates: []tls.Certificate{n.authority.Device(name)}}
}

// background runs fn until stop is called or the test ends, and fails the test if fn fails or does not end.
func background(t *testing.T, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- fn(ctx) }()
	stopped := false
	stop = func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("did not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func client(t *testing.T, to target, id string, change func(*mqtt.Config)) *mqtt.Client {
	t.Helper()
	config := mqtt.Config{
		URL: to.URL(), ClientID: id, TLS: to.TLS(id), RetryMin: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond, Log: quiet,
	}
	if change != nil {
		change(&config)
	}
	c, err := mqtt.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// connected gives a channel that receives once for every connection.
func connected(c *mqtt.Client) <-chan struct{} {
	up := make(chan struct{}, 100)
	c.OnConnect(func() { up <- struct{}{} })
	return up
}

func await[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("not reached")
	}
}

// fakeBroker serves each connection by the script after it has answered the CONNECT.
func fakeBroker(t *testing.T, script func(conn net.Conn, in *bufio.Reader)) nobody {
	t.Helper()
	fake := at(t, "")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{fake.authority.Server()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: fake.authority.Pool(),
	})
	if err != nil {
		t.Fatal(err)
	}
	fake.address = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			in := bufio.NewReader(conn)
			if first, _ := packet(in); first == 0x10 {
				_, _ = conn.Write([]byte{0x20, 2, 0, 0})
				script(conn, in)
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return fake
}

// packet reads one control packet.
func packet(in *bufio.Reader) (first byte, body []byte) {
	first, err := in.ReadByte()
	if err != nil {
		return 0, nil
	}
	length := 0
	for shift := 0; ; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, nil
		}
		length |= int(b&0x7F) << shift
		if b < 0x80 {
			break
		}
	}
	body = make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return 0, nil
	}
	return first, body
}
