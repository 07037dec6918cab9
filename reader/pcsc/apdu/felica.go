package apdu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// felica sends frames of JIS X 6319-4, each beginning with its length.
type felica struct {
	exchange func(doing string, frame []byte) ([]byte, error)
}

// send sends a command and gives what follows the code of its answer. With an IDm, the answer has to be of that card.
func (f felica) send(doing string, code byte, idm []byte, data ...byte) ([]byte, error) {
	frame := append([]byte{byte(2 + len(idm) + len(data)), code}, idm...)
	b, err := f.exchange(doing, append(frame, data...))
	if err != nil {
		return nil, err
	}
	if len(b) < 2+len(idm) || int(b[0]) != len(b) || b[1] != code+1 || !bytes.Equal(b[2:2+len(idm)], idm) {
		return nil, fmt.Errorf("%s: %w", doing, ErrGarbage)
	}
	return b[2+len(idm):], nil
}

// poll asks for the card's IDm in a system: eight bytes of the answer's sixteen.
func (f felica) poll(system uint16) ([]byte, error) {
	b, err := f.send("polling", 0x00, nil, byte(system>>8), byte(system), 0x00, 0x00)
	if err != nil {
		return nil, err
	}
	if len(b) != 16 {
		return nil, fmt.Errorf("polling: %w: %d bytes", ErrGarbage, len(b))
	}
	return b[:8], nil
}

// system finds the IDm under which a card answers in a system; nil when it has no such system. A card says that by its silence, so it has to answer for any
// system right afterwards, or it is not there any more, and to be silent once more, or it was not listening: both are failures.
func (f felica) system(idm []byte, system uint16) ([]byte, error) {
	if system == AnySystem {
		return idm, nil
	}
	there, err := f.poll(system)
	if _, silent := errors.AsType[StatusError](err); silent {
		return nil, f.lacks(idm, system, err)
	}
	if err == nil && !sameCard(there, idm) {
		err = fmt.Errorf("polling: %w: another card", ErrGarbage)
	}
	return there, err
}

// lacks is nil when a card that is there has no such system.
func (f felica) lacks(idm []byte, system uint16, silence error) error {
	still, err := f.poll(AnySystem)
	if err != nil || !sameCard(still, idm) {
		return silence
	}
	_, err = f.poll(system)
	if _, silent := errors.AsType[StatusError](err); silent {
		return nil
	}
	return silence
}

// sameCard: the IDms of a card's systems differ in the first four bits, the number of the system.
func sameCard(a, b []byte) bool {
	return len(a) == 8 && len(b) == 8 && (a[0]^b[0])&0x0F == 0 && bytes.Equal(a[1:], b[1:])
}

// Status flag 2 of a read whose service the card does not have (FeliCa card user's manual, 4.5).
const noSuchService = 0xA6

// read reads blocks without encryption. Nil says that the card has no such service.
func (f felica) read(idm []byte, s Service) ([]byte, error) {
	idm, err := f.system(idm, s.System)
	if err != nil || idm == nil {
		return nil, err
	}
	ask := binary.LittleEndian.AppendUint16([]byte{1}, s.Service)
	ask = append(ask, byte(len(s.Blocks)))
	for _, n := range s.Blocks {
		ask = append(ask, 0x80, n)
	}
	b, err := f.send("read without encryption", 0x06, idm, ask...)
	if err != nil {
		return nil, err
	}
	switch {
	case len(b) == 2 && b[0] != 0 && b[1] == noSuchService:
		return nil, nil
	case len(b) >= 2 && b[0] != 0:
		return nil, fmt.Errorf("read without encryption: status flags %02X %02X", b[0], b[1])
	case len(b) != 3+16*len(s.Blocks) || int(b[2]) != len(s.Blocks):
		return nil, fmt.Errorf("read without encryption: %w: %d bytes", ErrGarbage, len(b))
	}
	return b[3:], nil
}

// direct carries a frame as ACS readers take it.
func (t Transmit) direct(doing string, frame []byte) ([]byte, error) {
	return t.ask(doing, append([]byte{0xFF, 0x00, 0x00, 0x00, byte(len(frame))}, frame...)...)
}
