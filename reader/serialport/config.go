package serialport

import (
	"fmt"
	"time"

	"github.com/tarm/serial"

	"kanmon/internal/fault"
)

// Parities. Empty is none.
const (
	Even = "even"
	Odd  = "odd"
)

// Characters is how a character stands on the line.
type Characters struct {
	Bits     int    // data bits, 7 or 8; 0: 8
	Parity   string // Even, Odd, or empty for none
	StopBits int    // 1 or 2; 0: 1
}

func (c Characters) validate() error {
	switch {
	case c.Bits != 0 && c.Bits != 7 && c.Bits != 8:
		return fault.BadField("data_bits", "serialport.characters", fmt.Sprintf("%d data bits: want 7 or 8", c.Bits))
	case c.Parity != "" && c.Parity != Even && c.Parity != Odd:
		return fault.BadField("parity", "serialport.characters", fmt.Sprintf("parity %.20q: want even, odd or nothing", c.Parity))
	case c.StopBits != 0 && c.StopBits != 1 && c.StopBits != 2:
		return fault.BadField("stop_bits", "serialport.characters", fmt.Sprintf("%d stop bits: want 1 or 2", c.StopBits))
	}
	return nil
}

func (c Characters) config(name string, baud int) *serial.Config {
	s := &serial.Config{Name: name, Baud: baud, ReadTimeout: readTimeout, Size: byte(c.Bits), StopBits: serial.StopBits(c.StopBits)}
	switch c.Parity {
	case Even:
		s.Parity = serial.ParityEven
	case Odd:
		s.Parity = serial.ParityOdd
	}
	return s
}

// RS485 is how the direction of a two-wire line is switched, with the RTS line of the UART (Linux, Documentation/driver-api/serial/serial-rs485.rst).
type RS485 struct {
	RTSLowOnSend            bool          // RTS is low while sending and high otherwise
	DelayBefore, DelayAfter time.Duration // of the switching, 0–100 ms in whole milliseconds
}

func (r *RS485) validate() error {
	const most = 100 * time.Millisecond
	if r != nil && (r.DelayBefore < 0 || r.DelayBefore > most || r.DelayAfter < 0 || r.DelayAfter > most) {
		return fault.BadField("rs485", "serialport.rs485", "a delay of the direction is 0 to 100 ms")
	}
	return nil
}
