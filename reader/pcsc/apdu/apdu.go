// Package apdu is what is said to a PC/SC reader and the card on it: the ATR, pseudo-APDUs, their answers, and the commands of FeliCa inside them. It is
// pure: Read takes the function that transmits.
//
// Sources: PC/SC part 3 (Get Data FF CA; the names of storage cards) and its supplement on transparent sessions (FF C2; Sony RC-S300, ACS ACR1552U);
// ACS ACR1252U and ACM1252U-Y3 reference manuals (FeliCa commands in FF 00 00 00; LED and buzzer as escape commands E0 00 00 29 and E0 00 00 28); ACS
// ACR122U API (FF 00 40 for LED and buzzer); Sony RC-S380, SDK for NFC, PC/SC (FF CA F3 for the kind of card, FF A4 and FF B0 for FeliCa services); JIS X 6319-4
// and the FeliCa card user's manual, excerpted edition (polling, read without encryption, status flags). Of these readers none was at hand: the
// simulated ones of firmware-sim/vcard keep to the same papers.
package apdu

import (
	"errors"
	"fmt"
)

// maxAnswer is the longest answer to a short APDU: 256 bytes and the status (ISO/IEC 7816-4, 5.1).
const maxAnswer = 256 + 2

// ErrGarbage is an answer that cannot be one.
var ErrGarbage = errors.New("the card's answer makes no sense")

// StatusError is an answer other than 90 00.
type StatusError uint16

// Error shows the status.
func (s StatusError) Error() string { return fmt.Sprintf("status %04X", uint16(s)) }

// Status words (ISO/IEC 7816-4, 5.6).
const (
	fine   = 0x9000
	noFile = 0x6A82
)

// Answer takes an answer apart. A status other than 90 00 is a StatusError.
func Answer(b []byte) ([]byte, error) {
	if len(b) < 2 || len(b) > maxAnswer {
		return nil, fmt.Errorf("%w: %d bytes", ErrGarbage, len(b))
	}
	n := len(b) - 2
	if s := StatusError(b[n])<<8 | StatusError(b[n+1]); s != fine {
		return nil, s
	}
	return b[:n], nil
}

// Transmit sends one command and gives the answer with its status. Its errors are those of the way there.
type Transmit func(command []byte) ([]byte, error)

// ask sends a command of which an answer of 90 00 is expected.
func (t Transmit) ask(doing string, command ...byte) ([]byte, error) {
	b, err := t(command)
	if err == nil {
		b, err = Answer(b)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return b, nil
}

// number asks for the UID, PUPI or IDm of the card (PC/SC part 3, 3.2.2.1.3).
func (t Transmit) number() ([]byte, error) { return t.ask("get data", 0xFF, 0xCA, 0x00, 0x00, 0x00) }
