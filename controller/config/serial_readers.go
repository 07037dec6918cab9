package config

import (
	"cmp"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/line/frame"
	"kanmon/reader/serialport"
)

// SerialReader is one reader with a maker's own framed protocol, on a line of its own (package line, docs/serial-readers.md). What it sends is not
// encrypted.
type SerialReader struct {
	Name     string `json:"name"`                // unique among all devices; the name doors are given at the centre
	Port     string `json:"port"`                // device node, or a symbolic link to one
	Baud     int    `json:"baud,omitempty"`      // bits per second; 0: 9600
	DataBits int    `json:"data_bits,omitempty"` // 7 or 8; 0: 8
	Parity   string `json:"parity,omitempty"`    // even or odd; empty: none
	StopBits int    `json:"stop_bits,omitempty"` // 1 or 2; 0: 1
	RS485    *RS485 `json:"rs485,omitempty"`     // the kernel switches the direction
	Address  int    `json:"address,omitempty"`   // of the reader, where its profile has one
	// Profile names one of the profiles that come with the program; OwnProfile is one. There is exactly one of the two.
	Profile    string         `json:"profile,omitempty"`
	OwnProfile *frame.Profile `json:"own_profile,omitempty"`
}

// RS485 is how the kernel switches the direction of a two-wire line.
type RS485 struct {
	RTSLowOnSend  bool `json:"rts_low_on_send,omitempty"`
	DelayBeforeMS int  `json:"delay_before_ms,omitempty"` // 0–100
	DelayAfterMS  int  `json:"delay_after_ms,omitempty"`  // 0–100
}

// Line is the reader's serial line.
func (s SerialReader) Line() serialport.Config {
	c := serialport.Config{
		Name: s.Port, Baud: cmp.Or(s.Baud, 9600),
		Characters: serialport.Characters{Bits: s.DataBits, Parity: s.Parity, StopBits: s.StopBits},
	}
	if r := s.RS485; r != nil {
		c.RS485 = &serialport.RS485{
			RTSLowOnSend: r.RTSLowOnSend,
			DelayBefore:  time.Duration(r.DelayBeforeMS) * time.Millisecond, DelayAfter: time.Duration(r.DelayAfterMS) * time.Millisecond,
		}
	}
	return c
}

// Codec is what the reader's bytes mean. An error names the field of the profile.
func (s SerialReader) Codec() (*frame.Codec, error) {
	if (s.Profile == "") == (s.OwnProfile == nil) {
		return nil, fault.BadField("profile", "config.profile", "profile or own_profile, and not both")
	}
	if s.OwnProfile != nil {
		return frame.Compile(*s.OwnProfile, s.Address)
	}
	p, err := frame.Example(s.Profile)
	if err != nil {
		return nil, err
	}
	return frame.Compile(p, s.Address)
}

func (p plan) addSerialReader(s SerialReader) error {
	if err := p.addPort(s.Port); err != nil {
		return err
	}
	if err := s.Line().Validate(); err != nil {
		return fault.Wrap(fault.Invalid, err, "serial reader "+s.Name)
	}
	_, err := s.Codec()
	return fault.Wrap(fault.Invalid, err, "serial reader "+s.Name)
}
