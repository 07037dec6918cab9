package vcard

import (
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// station is the reader's end of a card, as vpcd's driver has it.
type station struct {
	t    *testing.T
	conn net.Conn
	held *Held
}

func lie(t *testing.T, c Card) station {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h, err := Hold(t.Context(), &net.Dialer{}, l.Addr().String(), c)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { _ = conn.Close(); h.Remove() })
	return station{t, conn, h}
}

func (s station) say(message string) {
	s.t.Helper()
	m := raw(s.t, message)
	if _, err := s.conn.Write(append([]byte{byte(len(m) >> 8), byte(len(m))}, m...)); err != nil {
		s.t.Fatal(err)
	}
}

func (s station) hear(want string) {
	s.t.Helper()
	w := raw(s.t, want)
	got := make([]byte, 2+len(w))
	if _, err := io.ReadFull(s.conn, got); err != nil || !bytes.Equal(got[2:], w) || int(got[0])<<8|int(got[1]) != len(w) {
		s.t.Fatalf("heard %X (%v), want %s", got, err, want)
	}
}

// The ATRs and answers are those of the readers' manuals and of JIS X 6319-4, by hand.
func TestACardSpeaksTheDriversProtocol(t *testing.T) {
	s := lie(t, &FeliCa{IDm: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Systems: []System{{Code: 0x0003}, {Code: 0xFE00, Services: map[uint16][]Block{0x1A8B: {{0xAB}}}}}})
	s.say("01") // power: no answer
	s.say("04")
	s.hear("3B 8F 80 01 80 4F 0C A0 00 00 03 06 11 00 3B 00 00 00 00 42")
	<-s.held.Seen()
	for _, line := range [][2]string{
		{"FF CA 00 00 00", "01 02 03 04 05 06 07 08 90 00"},
		{"FF CA F3 00 00", "04 90 00"},
		{"FF 00 00 00 06 06 00 FE 00 00 00", "12 01 11 02 03 04 05 06 07 08 01 20 22 04 27 67 4E FF 90 00"},
		{"FF 00 00 00 06 06 00 12 34 00 00", "64 01"},
		{"FF 00 00 00 10 10 06 11 02 03 04 05 06 07 08 01 8B 1A 01 80 00", "1D 07 11 02 03 04 05 06 07 08 00 00 01 AB" + strings.Repeat("00", 15) + "90 00"},
		{"FF 00 00 00 10 10 06 11 02 03 04 05 06 07 08 01 0B 1A 01 80 00", "0C 07 11 02 03 04 05 06 07 08 01 A6 90 00"},
		{"FF 00 00 00 10 10 06 11 02 03 04 05 06 07 08 01 8B 1A 01 80 01", "0C 07 11 02 03 04 05 06 07 08 01 A8 90 00"},
		{"FF C2 00 01 02 95 00 00", "C0 03 01 69 85 90 00"}, // no session
		{"FF A4 00 01 02 8B 1A", "6A 82"}, // the first system has none
		{"00 A4 04 00 00", "6D 00"},
	} {
		s.say(line[0])
		s.hear(line[1])
	}
	s.held.Remove()
	<-s.held.Gone()
}

func TestAFaultComesOnceAndAtItsTurn(t *testing.T) {
	for name, want := range map[string]string{
		"wrong status": "6F 00", "no byte": "", "one byte": "90", "turned over": "EE DD CC BB 90 00", "a byte short": "11 22 33 90 00", "300 bytes": strings.Repeat("00", 298) + "90 00",
	} {
		s := lie(t, &Faulty{Card: TypeA{[]byte{0x11, 0x22, 0x33, 0x44}}, At: 2, Kind: Faults[name]})
		for _, answer := range []string{"11 22 33 44 90 00", want, "11 22 33 44 90 00"} {
			s.say("FF CA 00 00 00")
			s.hear(answer)
		}
	}
	s := lie(t, &Faulty{Card: TypeA{[]byte{0x11, 0x22, 0x33, 0x44}}, At: 1, Kind: Pulled})
	s.say("FF CA 00 00 00")
	if _, err := s.conn.Read(make([]byte, 1)); err == nil {
		t.Error("a card that was pulled away answers")
	}
}

func TestAPhoneAndATypeBCardHaveAnotherNumberEachTime(t *testing.T) {
	for name, c := range map[string]Card{"phone": &Phone{}, "type B": &TypeB{}} {
		c.Reset()
		first := c.Answer(getData).Data
		c.Reset()
		second := c.Answer(getData).Data
		if bytes.Equal(first, second) || len(first) != 6 || name == "phone" && (first[0] != 0x08 || second[0] != 0x08) {
			t.Errorf("%s: %X, then %X", name, first, second)
		}
	}
}
