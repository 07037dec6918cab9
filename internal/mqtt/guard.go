package mqtt

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"kanmon/internal/wire"
)

// guard reads from a broker packet by packet and passes on only whole, well-formed packets of the kinds this
// client asks for. The library below trusts its broker: it allocates what a length field says (256 MB) and
// indexes by the number of return codes in a SUBACK.
type guard struct {
	net.Conn
	in      *bufio.Reader
	filters int // subscriptions asked for
	rest    []byte
}

func newGuard(conn net.Conn, filters int) *guard {
	return &guard{Conn: conn, in: bufio.NewReader(conn), filters: filters}
}

// Read gives the bytes of checked packets. After an error the connection is of no more use.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		packet, err := readPacket(g.in, g.filters)
		if err != nil {
			return 0, err
		}
		g.rest = packet
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// Control packet types that a server sends (MQTT 3.1.1, table 2.1).
const (
	connack  = 2
	publish  = 3
	puback   = 4
	suback   = 9
	pingresp = 13
)

// maxPublish is a topic, a packet identifier and the largest payload.
const maxPublish = 2 + maxTopic + 2 + wire.MaxPayload

var errLength = errors.New("packet length of more than four bytes")

func readPacket(r *bufio.Reader, filters int) ([]byte, error) {
	first, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	head := []byte{first}
	length := 0
	for shift := 0; ; shift += 7 {
		if shift > 21 {
			return nil, errLength
		}
		b, err := r.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		head = append(head, b)
		length |= int(b&0x7F) << shift
		if b < 0x80 {
			break
		}
	}
	if err := checkHead(first, length, filters); err != nil {
		return nil, err
	}
	packet := make([]byte, len(head)+length)
	copy(packet, head)
	if _, err := io.ReadFull(r, packet[len(head):]); err != nil {
		return nil, unexpected(err)
	}
	return packet, checkBody(first, packet[len(head):])
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func checkHead(first byte, length, filters int) error {
	least, most := 0, 0
	switch first >> 4 {
	case connack, puback:
		least, most = 2, 2
	case publish:
		least, most = 3, maxPublish
	case suback:
		least, most = 2+filters, 2+filters
	case pingresp:
	default:
		return fmt.Errorf("the broker sent a packet of type %d", first>>4)
	}
	if flags := first & 0x0F; flags != 0 && (first>>4 != publish || flags&0x06 > 0x02) {
		return fmt.Errorf("the broker sent a packet of type %d with flags %x", first>>4, flags)
	}
	if length < least || length > most {
		return fmt.Errorf("the broker sent a packet of type %d of %d bytes", first>>4, length)
	}
	return nil
}

func checkBody(first byte, body []byte) error {
	switch first >> 4 {
	case publish:
		return checkPublish(first, body)
	case suback:
		for _, code := range body[2:] {
			if code > 2 && code != 0x80 {
				return fmt.Errorf("the broker sent a return code %d", code)
			}
		}
	case connack:
		if body[0] > 1 || body[1] > 5 {
			return fmt.Errorf("the broker sent a connection answer %x", body)
		}
	}
	return nil
}

func checkPublish(first byte, body []byte) error {
	topic := int(binary.BigEndian.Uint16(body))
	head := 2 + topic
	if first&0x06 != 0 {
		head += 2
	}
	if head > len(body) || len(body)-head > wire.MaxPayload || !validTopic(string(body[2:2+topic])) {
		return errors.New("the broker sent a malformed message")
	}
	return nil
}
