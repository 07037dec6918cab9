package apdu

import "slices"

// Model says by which commands a reader shows colours and beeps.
type Model string

// Models. A reader of the empty model shows nothing.
const (
	ACR1252 Model = "acr1252" // escape commands E0 00 00 29 (LED) and E0 00 00 28 (buzzer)
	ACR122  Model = "acr122"  // FF 00 40: LED and buzzer in one pseudo-APDU, which is also its escape command
)

// Known reports whether there is such a model, the empty one included.
func (m Model) Known() bool { return m == "" || m == ACR1252 || m == ACR122 }

// Sign is a colour and a beep.
type Sign struct {
	Red, Green bool
	Beep       bool
}

// beepTime is the length of a beep, in 10 ms.
const beepTime = 15

// Escape gives the commands that show a sign, to be sent in order; none when the model has no such commands.
func (m Model) Escape(s Sign) [][]byte {
	switch m {
	case ACR1252:
		all := [][]byte{{0xE0, 0x00, 0x00, 0x29, 0x01, bits(s.Red, s.Green)}}
		if s.Beep {
			all = append(all, []byte{0xE0, 0x00, 0x00, 0x28, 0x01, beepTime})
		}
		return all
	case ACR122:
		// P2: final state in bits 0 and 1, both to be updated in bits 2 and 3. Data: T1, T2 in 100 ms, one repetition, buzzer during T1 or never.
		sound := byte(0)
		if s.Beep {
			sound = 1
		}
		return [][]byte{{0xFF, 0x00, 0x40, 0x0C | bits(s.Red, s.Green), 0x04, 1, 0, 1, sound}}
	}
	return nil
}

func bits(low, high bool) (b byte) {
	if low {
		b |= 1
	}
	if high {
		b |= 2
	}
	return b
}

// Shown reports whether a reader's answer says that it did as told: E1 00 00 00 … of an ACR1252, 90 xx of an ACR122.
func (m Model) Shown(answer []byte) bool {
	if m == ACR1252 {
		return len(answer) >= 5 && slices.Equal(answer[:4], []byte{0xE1, 0, 0, 0})
	}
	return len(answer) == 2 && answer[0] == 0x90
}
