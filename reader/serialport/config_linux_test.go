package serialport

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"kanmon/internal/fault"
	"kanmon/reader/readertest"
)

func TestALineThatCanNeverOpenNamesItsField(t *testing.T) {
	for field, c := range map[string]Config{
		"data_bits": {Characters: Characters{Bits: 6}},
		"parity":    {Characters: Characters{Parity: "mark"}},
		"stop_bits": {Characters: Characters{StopBits: 3}},
		"rs485":     {RS485: &RS485{DelayBefore: time.Second}},
	} {
		c.Name, c.Baud = "/dev/null", 9600
		e, ok := errors.AsType[*fault.Error](c.Validate())
		if !ok || e.Field != field {
			t.Errorf("%s: %v", field, c.Validate())
		}
	}
}

// The terminal's settings are read through another descriptor: the kernel says what it has, not what was meant.
func TestCharactersAreSetAndParityIsChecked(t *testing.T) {
	for _, c := range []struct {
		have         Characters
		set, cleared uint32
		iflag        uint32
	}{
		{Characters{}, unix.CS8, unix.PARENB | unix.CSTOPB, 0},
		{Characters{Bits: 8, Parity: Even}, unix.CS8 | unix.PARENB, unix.PARODD, unix.INPCK | unix.IGNPAR},
		{Characters{Parity: Odd, StopBits: 2}, unix.CS8 | unix.PARENB | unix.PARODD | unix.CSTOPB, 0, unix.INPCK | unix.IGNPAR},
	} {
		pty := readertest.OpenPTY(t)
		p, err := Open(Config{Name: pty.Name, Baud: 9600, Characters: c.have})
		if err != nil {
			t.Fatal(err)
		}
		got := termios(t, pty.Name)
		// A pseudo terminal has no parity generator: the kernel keeps CS8 and clears PARENB there.
		set := c.set &^ unix.PARENB
		if got.Cflag&set != set || got.Cflag&c.cleared != 0 || got.Iflag&c.iflag != c.iflag {
			t.Errorf("%+v: cflag %o, iflag %o", c.have, got.Cflag, got.Iflag)
		}
		_ = p.Close()
	}
}

func termios(t *testing.T, name string) *unix.Termios {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A driver without RS-485 refuses it, and the line does not open: a controller that talks while its reader does would be worse.
func TestALineWhoseDirectionCannotBeSwitchedDoesNotOpen(t *testing.T) {
	pty := readertest.OpenPTY(t)
	_, err := Open(Config{Name: pty.Name, Baud: 9600, RS485: &RS485{}})
	if !errors.Is(err, unix.ENOTTY) || !strings.Contains(err.Error(), "RS-485") {
		t.Errorf("opened: %v", err)
	}
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("kind %v", fault.KindOf(err))
	}
	if p, err := Open(Config{Name: pty.Name, Baud: 9600}); err != nil {
		t.Errorf("the refused opening still holds the line: %v", err)
	} else {
		_ = p.Close()
	}
}

// struct serial_rs485 of linux/serial.h: __u32 flags, delay_rts_before_send, delay_rts_after_send, five more words.
func TestTheKernelsRS485WordsStandWhereItReadsThem(t *testing.T) {
	for _, c := range []struct {
		have RS485
		want [3]uint32
	}{
		{RS485{}, [3]uint32{0b011, 0, 0}},
		{RS485{RTSLowOnSend: true, DelayBefore: 2 * time.Millisecond, DelayAfter: 7 * time.Millisecond}, [3]uint32{0b101, 2, 7}},
	} {
		words := c.have.words()
		raw := unsafe.Slice((*byte)(unsafe.Pointer(&words)), unsafe.Sizeof(words))
		if len(raw) != 32 {
			t.Fatalf("%d bytes, want 32", len(raw))
		}
		for i, want := range c.want {
			if got := binary.NativeEndian.Uint32(raw[4*i:]); got != want {
				t.Errorf("%+v: word %d is %d, want %d", c.have, i, got, want)
			}
		}
	}
}
