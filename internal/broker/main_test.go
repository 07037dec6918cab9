package broker_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// who knows "centre", "screen" (a listener) and controllers "ctl-…", all with the password "pw".
func who(_ context.Context, clientID, _, password string) (broker.Identity, error) {
	switch {
	case password == "panic":
		panic("a defect")
	case password != "pw":
		return broker.Identity{}, errors.New("wrong password")
	case clientID == "centre":
		return broker.Identity{Name: "centre", Role: broker.Centre}, nil
	case clientID == "screen":
		return broker.Identity{Name: "screen", Role: broker.Listener}, nil
	case strings.HasPrefix(clientID, "ctl-"):
		return broker.Identity{Name: clientID, Role: broker.Controller}, nil
	default:
		return broker.Identity{Name: "somebody-else", Role: broker.Centre}, nil
	}
}

func start(tb testing.TB, change func(*broker.Config)) *broker.Broker {
	tb.Helper()
	config := broker.Config{Listen: "127.0.0.1:0", Site: "demo", Authenticate: who, Log: quiet}
	if change != nil {
		change(&config)
	}
	b, err := broker.New(context.Background(), config)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				tb.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			tb.Error("Run did not end")
		}
	})
	return b
}

// raw is a client that can misbehave.
type raw struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dial(tb testing.TB, b *broker.Broker) *raw {
	tb.Helper()
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return over(tb, conn)
}

func over(tb testing.TB, conn net.Conn) *raw {
	tb.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	tb.Cleanup(func() { _ = conn.Close() })
	return &raw{t: tb, conn: conn, in: bufio.NewReader(conn)}
}

// hello is a CONNECT; will is {topic, payload} or empty.
type hello struct {
	version   byte
	unclean   bool
	keepAlive uint16
	id, user  string
	password  string
	will      [2]string
	willFlags byte // QoS and retain bits
}

func text(values ...string) (b []byte) {
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
		b = append(b, v...)
	}
	return b
}

func frame(first byte, body []byte) []byte {
	b := []byte{first}
	for n := len(body); ; {
		digit := byte(n & 0x7F)
		if n >>= 7; n > 0 {
			b = append(b, digit|0x80)
			continue
		}
		return append(append(b, digit), body...)
	}
}

func (h hello) bytes() []byte {
	flags := byte(0b1100_0010)
	if h.unclean {
		flags &^= 2
	}
	if h.will[0] != "" {
		flags |= 4 | h.willFlags
	}
	body := append(text("MQTT"), h.version, flags)
	body = binary.BigEndian.AppendUint16(body, h.keepAlive)
	if h.version == 5 {
		body = append(body, 0)
	}
	body = append(body, text(h.id)...)
	if h.will[0] != "" {
		if h.version == 5 {
			body = append(body, 0)
		}
		body = append(body, text(h.will[:]...)...)
	}
	return frame(0x10, append(body, text(h.user, h.password)...))
}

func as(id string) hello {
	return hello{version: 4, keepAlive: 60, id: id, user: id, password: "pw"}
}

// connect reports whether the broker accepted.
func (r *raw) connect(h hello) bool {
	r.t.Helper()
	r.send(h.bytes())
	first, body := r.read()
	return first == 0x20 && body[1] == 0
}

func connect(tb testing.TB, b *broker.Broker, id string) *raw {
	tb.Helper()
	r := dial(tb, b)
	if !r.connect(as(id)) {
		tb.Fatalf("%s was refused", id)
	}
	return r
}

func (r *raw) send(b []byte) { _, _ = r.conn.Write(b) }

// read returns 0 when the connection has ended.
func (r *raw) read() (first byte, body []byte) {
	first, err := r.in.ReadByte()
	if err != nil {
		return 0, nil
	}
	n, err := binary.ReadUvarint(r.in)
	if err != nil {
		return 0, nil
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(r.in, body); err != nil {
		return 0, nil
	}
	return first, body
}

// subscribe reports whether the broker granted it.
func (r *raw) subscribe(filter string) bool {
	r.t.Helper()
	r.send(frame(0x82, append(append([]byte{0, 9}, text(filter)...), 1)))
	first, body := r.read()
	if first != 0x90 {
		return false
	}
	return body[2] <= 1
}

// publish sends with QoS 1 and reports whether it was acknowledged.
func (r *raw) publish(topic, payload string, flags byte) bool {
	r.t.Helper()
	b := append(text(topic), 0, 7)
	r.send(frame(0x32|flags, append(b, payload...)))
	for {
		first, _ := r.read()
		if first == 0x40 || first == 0 {
			return first == 0x40
		}
	}
}

// receive waits for the next message and acknowledges it; "" when the connection has ended.
func (r *raw) receive() (topic, payload string, retained bool) {
	r.t.Helper()
	for {
		first, body := r.read()
		if first == 0 {
			return "", "", false
		}
		if first>>4 != 3 {
			continue
		}
		n := binary.BigEndian.Uint16(body)
		topic, body = string(body[2:2+n]), body[2+n:]
		if first&6 != 0 {
			r.send([]byte{0x40, 2, body[0], body[1]})
			body = body[2:]
		}
		return topic, string(body), first&1 != 0
	}
}

// live is the payload of the next message that is not a retained one: those are looked up after the SUBACK and
// can come at any time.
func (r *raw) live() string {
	r.t.Helper()
	for {
		if topic, payload, retained := r.receive(); !retained || topic == "" {
			return payload
		}
	}
}

// ended waits for the broker to end the connection.
func (r *raw) ended() bool {
	for {
		if first, _ := r.read(); first == 0 {
			return true
		}
	}
}

func until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}
