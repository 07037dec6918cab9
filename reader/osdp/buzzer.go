package osdp

import "fmt"

// Tones of a buzzer.
const (
	ToneNone    = 0 // obsolete
	ToneOff     = 1
	ToneDefault = 2
)

// Buzzer is one record of a BUZ command. Times are in units of 100 ms.
type Buzzer struct {
	Reader          byte
	Tone            byte
	OnTime, OffTime byte
	Count           byte // 0: until stopped
}

const buzzerSize = 5

// Append writes one record; a command may carry several.
func (b Buzzer) Append(dst []byte) []byte {
	return append(dst, b.Reader, b.Tone, b.OnTime, b.OffTime, b.Count)
}

// ParseBuzzers reads the records of a BUZ command.
func ParseBuzzers(data []byte) ([]Buzzer, error) {
	rs, err := records("BUZ", data, buzzerSize)
	if err != nil {
		return nil, err
	}
	bs := make([]Buzzer, 0, len(rs))
	for _, r := range rs {
		b := Buzzer{Reader: r[0], Tone: r[1], OnTime: r[2], OffTime: r[3], Count: r[4]}
		if b.Tone > ToneDefault {
			return nil, fmt.Errorf("BUZ: %w: tone %d", ErrValue, b.Tone)
		}
		bs = append(bs, b)
	}
	return bs, nil
}
