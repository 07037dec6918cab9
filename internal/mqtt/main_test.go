package mqtt_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/broker"
	"kanmon/internal/mqtt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// startBroker runs the embedded broker until stop is called or the test ends. "centre" is the centre, every other name
// a controller; the password is "pw".
func startBroker(t *testing.T, listen string) (address string, stop func()) {
	t.Helper()
	b, err := broker.New(t.Context(), broker.Config{
		Listen: listen, Site: "demo", Log: quiet,
		Authenticate: func(_ context.Context, clientID, _, password string) (broker.Identity, error) {
			switch {
			case password != "pw":
				return broker.Identity{}, io.ErrUnexpectedEOF
			case clientID == "centre":
				return broker.Identity{Name: clientID, Role: broker.Centre}, nil
			default:
				return broker.Identity{Name: clientID, Role: broker.Controller}, nil
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	stop = background(t, b.Run)
	return b.Addr().String(), stop
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

func client(t *testing.T, address, id string, change func(*mqtt.Config)) *mqtt.Client {
	t.Helper()
	config := mqtt.Config{
		URL: "tcp://" + address, ClientID: id, Username: id, Password: mqtt.NewSecret("pw"),
		RetryMin: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond, Log: quiet,
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

// until polls a counter; there is no event to wait for.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// fakeBroker serves each connection by the script after it has answered the CONNECT.
func fakeBroker(t *testing.T, script func(conn net.Conn, in *bufio.Reader)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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
	return l.Addr().String()
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
