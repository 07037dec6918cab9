package brokertest

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// Patience is how long a test waits for anything.
const Patience = 20 * time.Second

// Raw speaks MQTT byte by byte, so that it can also say what a proper client never would.
type Raw struct {
	tb   testing.TB
	Conn net.Conn
	in   *bufio.Reader
}

// Over speaks on a connection that is there.
func Over(tb testing.TB, conn net.Conn) *Raw {
	tb.Helper()
	_ = conn.SetDeadline(time.Now().Add(Patience))
	tb.Cleanup(func() { _ = conn.Close() })
	return &Raw{tb: tb, Conn: conn, in: bufio.NewReader(conn)}
}

// Hello is a CONNECT.
type Hello struct {
	Version   byte
	Unclean   bool
	KeepAlive uint16 // seconds
	ID        string
	User      string    // empty: none is sent
	Password  string    // sent when there is a user or it is not empty
	Will      [2]string // topic and payload; no topic: no will
	WillFlags byte      // its QoS and retain bits, as in the CONNECT flags
}

// As is the CONNECT of a proper client.
func As(id string) Hello { return Hello{Version: 4, KeepAlive: 60, ID: id} }

// WithWill gives it a retained will of QoS 1.
func (h Hello) WithWill(topic, payload string) Hello {
	h.Will, h.WillFlags = [2]string{topic, payload}, 0x28
	return h
}

// Text is a list of strings as MQTT writes them.
func Text(values ...string) (b []byte) {
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
		b = append(b, v...)
	}
	return b
}

// Frame is a packet: its first byte, its length, its body.
func Frame(first byte, body []byte) []byte {
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

// Bytes is the packet.
func (h Hello) Bytes() []byte {
	flags := byte(0b0000_0010)
	if h.Unclean {
		flags &^= 2
	}
	if h.Will[0] != "" {
		flags |= 4 | h.WillFlags
	}
	if h.User != "" {
		flags |= 0x80
	}
	if h.Password != "" {
		flags |= 0x40
	}
	body := append(Text("MQTT"), h.Version, flags)
	body = binary.BigEndian.AppendUint16(body, h.KeepAlive)
	if h.Version == 5 {
		body = append(body, 0)
	}
	body = append(body, Text(h.ID)...)
	if h.Will[0] != "" {
		if h.Version == 5 {
			body = append(body, 0)
		}
		body = append(body, Text(h.Will[:]...)...)
	}
	for _, s := range []string{h.User, h.Password} {
		if s != "" {
			body = append(body, Text(s)...)
		}
	}
	return Frame(0x10, body)
}

// Connect reports whether the broker admitted the client.
func (r *Raw) Connect(h Hello) bool {
	r.tb.Helper()
	r.Send(h.Bytes())
	first, body := r.Read()
	return first == 0x20 && len(body) > 1 && body[1] == 0
}

// Send writes bytes. That the broker has hung up shows at the next Read.
func (r *Raw) Send(b []byte) { _, _ = r.Conn.Write(b) }

// Read returns the next packet, or 0 when the connection has ended or Patience is at its end.
func (r *Raw) Read() (first byte, body []byte) {
	first, body, err := readPacket(r.in)
	if err != nil {
		return 0, nil
	}
	return first, body
}

func readPacket(in *bufio.Reader) (first byte, body []byte, err error) {
	if first, err = in.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, n)
	_, err = io.ReadFull(in, body)
	return first, body, err
}

// Subscribe reports whether the broker granted it.
func (r *Raw) Subscribe(filter string) bool {
	r.tb.Helper()
	r.Send(Frame(0x82, append(append([]byte{0, 9}, Text(filter)...), 1)))
	for {
		first, body := r.Read()
		switch {
		case first == 0x90 && len(body) == 3:
			return body[2] <= 1
		case first == 0:
			return false
		}
	}
}

// Unsubscribe waits for the answer.
func (r *Raw) Unsubscribe(filter string) {
	r.tb.Helper()
	r.Send(Frame(0xA2, append([]byte{0, 9}, Text(filter)...)))
	r.await(0xB0)
}

// Publish sends with QoS 1 and reports whether it was acknowledged. flags are those of the fixed header, besides the QoS.
func (r *Raw) Publish(topic, payload string, flags byte) bool {
	r.tb.Helper()
	r.Send(Publication(topic, payload, 7, flags))
	return r.await(0x40)
}

// Publication is the packet of a PUBLISH with QoS 1.
func Publication(topic, payload string, id uint16, flags byte) []byte {
	b := binary.BigEndian.AppendUint16(Text(topic), id)
	return Frame(0x32|flags, append(b, payload...))
}

// Ping waits until the broker has read everything sent before; false when the connection has ended.
func (r *Raw) Ping() bool {
	r.Send([]byte{0xC0, 0})
	return r.await(0xD0)
}

func (r *Raw) await(want byte) bool {
	for {
		if first, _ := r.Read(); first == want || first == 0 {
			return first == want
		}
	}
}

// Message is a publication received.
type Message struct {
	Topic, Payload string
	Retained       bool
}

// Receive waits for the next message and acknowledges it; the zero Message when the connection has ended.
func (r *Raw) Receive() Message {
	r.tb.Helper()
	for {
		first, body := r.Read()
		if first == 0 {
			return Message{}
		}
		if first>>4 != 3 || len(body) < 2 {
			continue
		}
		n := binary.BigEndian.Uint16(body)
		m := Message{Topic: string(body[2 : 2+n]), Retained: first&1 != 0}
		body = body[2+n:]
		if first&6 != 0 {
			r.Send([]byte{0x40, 2, body[0], body[1]})
			body = body[2:]
		}
		m.Payload = string(body)
		return m
	}
}

// Live is the next message that is not a retained one: those can come at any time after the SUBACK.
func (r *Raw) Live() Message {
	r.tb.Helper()
	for {
		if m := r.Receive(); !m.Retained || m.Topic == "" {
			return m
		}
	}
}

// Ended waits for the broker to end the connection; false when it is still there after Patience.
func (r *Raw) Ended() bool {
	for {
		if _, _, err := readPacket(r.in); err != nil {
			var timeout net.Error
			return !asTimeout(err, &timeout)
		}
	}
}

// Close cuts the connection, without the good-byes of MQTT and TLS.
func (r *Raw) Close() {
	if t, ok := r.Conn.(interface{ NetConn() net.Conn }); ok {
		_ = t.NetConn().Close()
	}
	_ = r.Conn.Close()
}
