package osdp

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestPayloadsOfWrongLengthOrValueAreRefused(t *testing.T) {
	led := func(change func([]byte)) []byte {
		b := LED{Temporary: LEDState{Control: LEDStart, OnTime: 1}, Permanent: LEDState{Control: LEDSet, OnTime: 1}}.Append(nil)
		change(b)
		return b
	}
	for _, x := range []struct {
		name  string
		parse func([]byte) error
		data  []byte
		want  error
	}{
		{"LED empty", parser(ParseLEDs), nil, ErrLength},
		{"LED one byte short", parser(ParseLEDs), make([]byte, 13), ErrLength},
		{"LED one and a half", parser(ParseLEDs), make([]byte, 21), ErrLength},
		{"LED set with zero times", parser(ParseLEDs), led(func(b []byte) { b[10] = 0 }), ErrValue},
		{"LED started with zero times", parser(ParseLEDs), led(func(b []byte) { b[3] = 0 }), ErrValue},
		{"LED temporary control", parser(ParseLEDs), led(func(b []byte) { b[2] = 3 }), ErrValue},
		{"LED permanent control", parser(ParseLEDs), led(func(b []byte) { b[9] = 2 }), ErrValue},
		{"LED on colour", parser(ParseLEDs), led(func(b []byte) { b[5] = 8 }), ErrValue},
		{"LED off colour", parser(ParseLEDs), led(func(b []byte) { b[13] = 8 }), ErrValue},
		{"LED second record bad", parser(ParseLEDs), append(led(func([]byte) {}), led(func(b []byte) { b[9] = 2 })...), ErrValue},
		{"BUZ empty", parser(ParseBuzzers), nil, ErrLength},
		{"BUZ short", parser(ParseBuzzers), make([]byte, 4), ErrLength},
		{"BUZ tone", parser(ParseBuzzers), []byte{0, 3, 0, 0, 0}, ErrValue},
		{"OUT empty", parser(ParseOutputs), nil, ErrLength},
		{"OUT long", parser(ParseOutputs), make([]byte, 5), ErrLength},
		{"OUT control", parser(ParseOutputs), []byte{0, 7, 0, 0}, ErrValue},
		{"RAW without head", parser(ParseRawCard), []byte{0, 0, 1}, ErrLength},
		{"RAW of no bits", parser(ParseRawCard), []byte{0, 0, 0, 0}, ErrLength},
		{"RAW with a byte too few", parser(ParseRawCard), []byte{0, 0, 26, 0, 1, 2, 3}, ErrLength},
		{"RAW with a byte too many", parser(ParseRawCard), []byte{0, 0, 26, 0, 1, 2, 3, 4, 5}, ErrLength},
		{"RAW format", parser(ParseRawCard), []byte{0, 2, 8, 0, 1}, ErrValue},
		{"KEYPAD without head", parser(ParseKeypad), []byte{0}, ErrLength},
		{"KEYPAD of no keys", parser(ParseKeypad), []byte{0, 0}, ErrLength},
		{"KEYPAD with a key too few", parser(ParseKeypad), []byte{0, 2, '1'}, ErrLength},
		{"KEYPAD with a key too many", parser(ParseKeypad), []byte{0, 1, '1', '2'}, ErrLength},
		{"PDID short", parser(ParsePDID), make([]byte, 11), ErrLength},
		{"PDID long", parser(ParsePDID), make([]byte, 13), ErrLength},
		{"PDCAP empty", parser(ParseCapabilities), nil, ErrLength},
		{"PDCAP cut", parser(ParseCapabilities), make([]byte, 4), ErrLength},
		{"LSTATR short", parser(ParseLocalStatus), make([]byte, 1), ErrLength},
		{"LSTATR long", parser(ParseLocalStatus), make([]byte, 3), ErrLength},
		{"ISTATR empty", parser(ParseInputStatus), nil, ErrLength},
		{"OSTATR empty", parser(ParseOutputStatus), nil, ErrLength},
		{"RSTATR empty", parser(ParseReaderStatus), nil, ErrLength},
		{"NAK empty", parser(ParseNak), nil, ErrLength},
		{"ID with two parameters", ParseRequest, []byte{0, 0}, ErrLength},
		{"ID extended", ParseRequest, []byte{1}, ErrValue},
	} {
		err := x.parse(x.data)
		if !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, err, x.want)
		}
		if want := map[error]NakCode{ErrLength: NakLength, ErrValue: NakRecord}[x.want]; NakFor(err) != want {
			t.Errorf("%s: NAK %d, want %d", x.name, NakFor(err), want)
		}
	}
	if NakFor(ErrMAC) != NakSecurity {
		t.Error("a wrong MAC is no matter of length or value")
	}
}

func parser[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error {
		_, err := parse(b)
		return err
	}
}

func TestRecordsRepeatInOneCommand(t *testing.T) {
	a, b := Output{Number: 0, Control: OutputOnTimed, Timer: 50}, Output{Number: 1, Control: OutputOff}
	got := read(t, ParseOutputs, b.Append(a.Append(nil)))
	if len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("%+v", got)
	}
}

func TestBitsBehindTheCountAreMasked(t *testing.T) {
	dirty := read(t, ParseRawCard, unhex("00011a00bdd9377f"))
	count, bits := dirty.Reveal()
	if count != 26 || !bytes.Equal(bits, unhex("bdd93740")) {
		t.Errorf("%d bits %x, want 26 bits bdd93740", count, bits)
	}
	bits[0] = 0
	if _, again := dirty.Reveal(); again[0] != 0xBD {
		t.Error("revealed bits share memory")
	}
	if _, err := NewRawCard(0, CardBits, 0x10000, make([]byte, 0x2000)); !errors.Is(err, ErrLength) {
		t.Errorf("more bits than the count can say: %v", err)
	}
	if _, err := ParseRawCard(RawCard{}.Append(nil)); !errors.Is(err, ErrLength) {
		t.Errorf("the zero card: %v", err)
	}
	if _, err := NewKeypad(0, make([]byte, 256)); !errors.Is(err, ErrLength) {
		t.Errorf("more keys than the count can say: %v", err)
	}
}

func TestUnknownStatesCountAsTrouble(t *testing.T) {
	if l := read(t, ParseLocalStatus, []byte{2, 0xFF}); !l.Tamper || !l.PowerFailure {
		t.Errorf("%+v", l)
	}
	if s := read(t, ParseInputStatus, []byte{1, 6, 0xFF}); s[0] != InputActive || s[1] != InputUnknown || s[2] != InputUnknown {
		t.Errorf("%v", s)
	}
	if s := read(t, ParseReaderStatus, []byte{0, 9}); s[0] != ReaderNormal || s[1] != ReaderTamper {
		t.Errorf("%v", s)
	}
	if s := read(t, ParseOutputStatus, []byte{0, 9}); s[0] != OutputInactive || s[1] != OutputActive {
		t.Errorf("%v", s)
	}
}

func TestReceiveSizeIsHeldWithinReason(t *testing.T) {
	for _, x := range []struct {
		cs   Capabilities
		want int
	}{
		{nil, SafeFrame},
		{Capabilities{{FuncReceiveSize, 1, 0}}, SafeFrame},
		{Capabilities{{FuncReceiveSize, 0, 1}}, 256},
		{Capabilities{{FuncReceiveSize, 0xFF, 0xFF}}, MaxFrame},
	} {
		if got := x.cs.ReceiveSize(); got != x.want {
			t.Errorf("%v: %d, want %d", x.cs, got, x.want)
		}
	}
}

// The recorded downgrade: the capabilities deny the secure channel. They say so to whoever asks and decide nothing.
func TestCapabilityOfSecurityIsOnlyReported(t *testing.T) {
	for prefix, want := range map[string]Capability{
		"attack/downgrade/04-pdcap":      {FuncSecurity, 0, 0},
		"attack/key-given-away/04-pdcap": {FuncSecurity, 1, 1},
	} {
		cs := read(t, ParseCapabilities, decodeOne(t, group(t, prefix)[0].Hex).Data)
		if got, ok := cs.Find(FuncSecurity); !ok || got != want {
			t.Errorf("%s: %+v, want %+v", prefix, got, want)
		}
	}
}

func TestOnlyTheWayToASessionMayBeClear(t *testing.T) {
	clear := map[bool][]Code{
		false: {CmdID, CmdCapabilities, CmdChallenge, CmdServerCryptogram},
		true:  {ReplyID, ReplyCapabilities, ReplyClientCryptogram, ReplyInitialMAC, ReplyNak, ReplyBusy},
	}
	for _, reply := range []bool{false, true} {
		for c := range 256 {
			want := bytes.IndexByte(codes(clear[reply]), byte(c)) >= 0
			if got := (Frame{Reply: reply, Code: Code(c)}).MayBeClear(); got != want {
				t.Errorf("%s: %v", Code(c).Name(reply), got)
			}
		}
	}
}

func codes(cs []Code) (b []byte) {
	for _, c := range cs {
		b = append(b, byte(c))
	}
	return b
}

func TestTimesAreInTenthsOfASecond(t *testing.T) {
	for d, want := range map[time.Duration]uint16{
		-time.Second: 0, 0: 0, 1: 1, 100 * time.Millisecond: 1, 101 * time.Millisecond: 2, 5 * time.Second: 50, 3 * time.Hour: 0xFFFF,
	} {
		if got := Tenths(d); got != want {
			t.Errorf("%v: %d, want %d", d, got, want)
		}
	}
	if got := TransmitTime(14, 9600); got < 14583*time.Microsecond || got > 14584*time.Microsecond {
		t.Errorf("14 bytes at 9600 baud take %v", got)
	}
}

func TestDevicesCallThemselvesByMakerModelAndSerial(t *testing.T) {
	p := PDID{OUI: [3]byte{1, 2, 3}, Model: 4, Version: 9, Serial: 0x0a0b0c0d}
	if got := p.ClientUID(); got != (ClientUID{1, 2, 3, 4, 0x0d, 0x0c, 0x0b, 0x0a}) {
		t.Errorf("%x", got)
	}
}
