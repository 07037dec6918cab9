// Package keypad puts key presses together. It is pure, and the only place where a PIN stands digit by digit.
package keypad

import (
	"time"

	"kanmon/reader/credential"
)

// Idle is how long after a key the next one still belongs to it.
const Idle = 15 * time.Second

// Keys that are no digit, as OSDP numbers them.
const (
	Clear = 0x7F // *
	Enter = 0x0D // #
)

// Pads collects at every reader by itself.
type Pads struct{ at map[string]*pad }

type pad struct {
	digits []byte
	last   time.Duration
}

// New has collected nothing.
func New() *Pads { return &Pads{at: map[string]*pad{}} }

// Press takes keys of a reader and returns what was entered with them. More digits than any code has are no code: nothing is entered.
func (p *Pads) Press(reader string, keys []byte, now time.Duration) []credential.Code {
	b := p.at[reader]
	if b == nil {
		b = &pad{}
		p.at[reader] = b
	}
	if now-b.last >= Idle {
		b.clear()
	}
	b.last = now
	var entered []credential.Code
	for _, key := range keys {
		switch {
		case key == Enter:
			if code, err := credential.NewCode(string(b.digits)); err == nil {
				entered = append(entered, code)
			}
			b.clear()
		case key >= '0' && key <= '9':
			if len(b.digits) <= credential.MaxDigits {
				b.digits = append(b.digits, key)
			}
		default: // also Clear
			b.clear()
		}
	}
	return entered
}

// Drop forgets what was pressed at a reader: somebody else is there.
func (p *Pads) Drop(reader string) {
	if b := p.at[reader]; b != nil {
		b.clear()
	}
}

func (b *pad) clear() {
	clear(b.digits)
	b.digits = b.digits[:0]
}
