package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/serialport"
)

const serial = `"serial_readers": [
	{"name": "IN-2", "port": "tty2", "profile": "ascii-stx"},
	{"name": "IN-3", "port": "/dev/tty3", "baud": 19200, "data_bits": 7, "parity": "even", "stop_bits": 2, "address": 9, "profile": "binary-poll",
		"rs485": {"rts_low_on_send": true, "delay_before_ms": 1, "delay_after_ms": 2}},
	{"name": "IN-4", "port": "/dev/tty4", "own_profile": {"frame": {"end": "0d"}, "card": {"kind": "text", "length": 8, "number": {"encoding": "decimal"}}}}
], `

func withSerial(t *testing.T, old, with string) (Config, error) {
	t.Helper()
	text := strings.Replace(serial, old, with, 1)
	if old != with && text == serial {
		t.Fatalf("%q is not there", old)
	}
	return Parse([]byte(strings.Replace(example, `"doors"`, text+`"doors"`, 1)), "/x")
}

// R47-1.
func TestSerialReadersAreDevicesOnLinesOfTheirOwn(t *testing.T) {
	c, err := withSerial(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	w := c.Wiring("v")
	for _, name := range []string{"IN-2", "IN-3", "IN-4"} {
		if !slices.Contains(w.Devices, name) || !w.Bare[name] {
			t.Errorf("%s: devices %v, without a secure channel %v", name, w.Devices, w.Bare)
		}
	}
	if port := c.SerialReaders[0].Line(); port.Name != filepath.Join("/x", "tty2") || port.Baud != 9600 || port.RS485 != nil {
		t.Errorf("line %+v", port)
	}
	port := c.SerialReaders[1].Line()
	if port.Name != "/dev/tty3" || port.Baud != 19200 || port.Characters != (serialport.Characters{Bits: 7, Parity: serialport.Even, StopBits: 2}) {
		t.Errorf("line %+v", port)
	}
	if want := (serialport.RS485{RTSLowOnSend: true, DelayBefore: time.Millisecond, DelayAfter: 2 * time.Millisecond}); *port.RS485 != want {
		t.Errorf("direction %+v", *port.RS485)
	}
}

func TestASerialReaderThatMakesNoSenseNamesItsField(t *testing.T) {
	for _, c := range []struct{ old, with, says string }{
		{`"profile": "ascii-stx"`, `"profile": "other"`, "profile: \"other\" is none of ascii-stx, binary-poll, wiegand-converter"},
		{`, "profile": "ascii-stx"`, ``, "profile or own_profile"},
		{`"profile": "ascii-stx"`, `"profile": "ascii-stx", "own_profile": {}`, "profile or own_profile"},
		{`"profile": "ascii-stx"`, `"profile": "ascii-stx", "address": 3`, "address: the profile has none"},
		{`"address": 9`, `"address": 256`, "address: 256"},
		{`"encoding": "decimal"`, `"encoding": "octal"`, "card.number.encoding"},
		{`"kind": "text"`, `"kind": "text", "colour": 1`, "colour"},
		{`"end": "0d"`, `"end": "CR"`, "pairs of hex digits"},
		{`"baud": 19200`, `"baud": 19201`, "19201 baud"},
		{`"data_bits": 7`, `"data_bits": 5`, "5 data bits"},
		{`"parity": "even"`, `"parity": "mark"`, "mark"},
		{`"delay_before_ms": 1`, `"delay_before_ms": 1000`, "100 ms"},
		{`"name": "IN-2"`, `"name": "IN-1"`, "IN-1"},
		{`"name": "IN-2"`, `"name": ""`, "without a name"},
		{`"port": "tty2"`, `"port": "line0"`, "port"},
		{`"port": "tty2"`, `"port": "/dev/tty3"`, "/dev/tty3"},
	} {
		_, err := withSerial(t, c.old, c.with)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.with, err)
		}
	}
}

func TestASerialReaderCarriesNoWiresOfADoor(t *testing.T) {
	_, err := withSerial(t, `"name": "IN-2"`, `"name": "IO-1"`)
	if err == nil {
		t.Error("a serial reader has the name of an I/O device")
	}
	text := strings.Replace(example, `"doors"`, serial+`"doors"`, 1)
	if _, err := Parse([]byte(strings.Replace(text, `"strike": {"device": "IO-1"`, `"strike": {"device": "IN-2"`, 1)), "/x"); err == nil {
		t.Error("a strike hangs on a serial reader")
	}
	if _, err := Parse([]byte(strings.Replace(text, `"exit_readers": ["IN-1"]`, `"exit_readers": ["IN-3"]`, 1)), "/x"); err != nil {
		t.Errorf("an exit reader on a serial line: %v", err)
	}
}
