package harness

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// raw speaks MQTT byte by byte, so that it can also say what a proper client never would.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// hello is a CONNECT packet. The zero value of a field is what a proper client sends.
type hello struct {
	id, user, password string
	level              byte // 0: 4, which is MQTT 3.1.1
	keepSession        bool
	keepAlive          *uint16 // nil: 30 s
	willTopic          string
	will               []byte
	retainWill         bool
}

// MQTT 3.1.1 packet types, with the flags that are fixed.
const (
	typeConnack   = 0x20
	typePublish   = 0x30 // QoS 0
	typePublish1  = 0x32 // QoS 1
	typePuback    = 0x40
	typeSubscribe = 0x82
	typeSuback    = 0x90
)

func dial(t *testing.T, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	return &raw{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// connect sends a CONNECT and returns the code of the answer; false when the broker hung up without one.
func (r *raw) connect(h hello) (code byte, answered bool) {
	r.t.Helper()
	r.send(0x10, h.bytes())
	kind, body, err := r.read()
	if err != nil {
		return 0, false
	}
	if kind != typeConnack || len(body) != 2 {
		r.t.Fatalf("answer to CONNECT: %x %x", kind, body)
	}
	return body[1], true
}

func (h hello) bytes() []byte {
	flags, level, alive := byte(0b1100_0010), byte(4), uint16(30)
	if h.level != 0 {
		level = h.level
	}
	if h.keepSession {
		flags &^= 0b10
	}
	if h.keepAlive != nil {
		alive = *h.keepAlive
	}
	if h.willTopic != "" {
		flags |= 0b100
	}
	if h.retainWill {
		flags |= 0b10_0000
	}
	b := append(text("MQTT"), level, flags, byte(alive>>8), byte(alive))
	b = append(b, text(h.id)...)
	if h.willTopic != "" {
		b = append(append(b, text(h.willTopic)...), text(string(h.will))...)
	}
	return append(append(b, text(h.user)...), text(h.password)...)
}

func text(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

// publication is the body of a PUBLISH; id 0 leaves the packet's number out, as QoS 0 does.
func publication(topic string, id uint16, payload []byte) []byte {
	b := text(topic)
	if id != 0 {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	return append(b, payload...)
}

func subscription(id uint16, filter string) []byte {
	return append(append(binary.BigEndian.AppendUint16(nil, id), text(filter)...), 1)
}

// send writes a packet. That the broker has hung up meanwhile shows at the next read.
func (r *raw) send(kind byte, body []byte) {
	r.t.Helper()
	packet := append([]byte{kind}, length(len(body))...)
	_, _ = r.conn.Write(append(packet, body...))
}

// length is the remaining length of MQTT: seven bits a byte, the lowest first.
func length(n int) []byte {
	var b []byte
	for {
		digit := byte(n % 128)
		if n /= 128; n == 0 {
			return append(b, digit)
		}
		b = append(b, digit|0x80)
	}
}

func (r *raw) read() (kind byte, body []byte, err error) {
	if kind, err = r.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, shift := 0, 0
	for more := true; more; shift += 7 {
		b, err := r.in.ReadByte()
		if err != nil {
			return 0, nil, err
		}
		n |= int(b&0x7f) << shift
		more = b&0x80 != 0
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r.in, body)
	return kind, body, err
}

// hungUp waits for the broker to end the connection and reports whether it did, without having answered any of the
// kinds before.
func (r *raw) hungUp(but ...byte) bool {
	r.t.Helper()
	for {
		kind, _, err := r.read()
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return false
		}
		if err != nil {
			return true
		}
		if slices.Contains(but, kind) {
			return false
		}
	}
}
