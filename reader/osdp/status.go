package osdp

import "fmt"

// LocalStatus is an LSTATR reply: the device's own state.
type LocalStatus struct {
	Tamper       bool
	PowerFailure bool
}

const localStatusSize = 2

// Append writes the payload of an LSTATR reply.
func (l LocalStatus) Append(dst []byte) []byte {
	return append(dst, flag(l.Tamper), flag(l.PowerFailure))
}

// ParseLocalStatus reads an LSTATR reply. Whatever is not 0 counts as trouble.
func ParseLocalStatus(data []byte) (LocalStatus, error) {
	if err := wantLen("LSTATR", data, localStatusSize); err != nil {
		return LocalStatus{}, err
	}
	return LocalStatus{Tamper: data[0] != 0, PowerFailure: data[1] != 0}, nil
}

// InputState is the state of one input.
type InputState byte

// Input states; those from InputShort on come from supervised inputs and are no reading of the contact.
const (
	InputInactive InputState = iota
	InputActive
	InputShort
	InputOpen
	InputFault
	InputUnknown
)

// InputStatus is an ISTATR reply: the state of every input, in order.
type InputStatus []InputState

// Append writes the payload of an ISTATR reply.
func (s InputStatus) Append(dst []byte) []byte { return appendStates(dst, s) }

// ParseInputStatus reads an ISTATR reply. A state that the protocol does not know becomes InputUnknown.
func ParseInputStatus(data []byte) (InputStatus, error) {
	return parseStates("ISTATR", data, InputUnknown)
}

// OutputState is the state of one output.
type OutputState byte

// Output states.
const (
	OutputInactive OutputState = iota
	OutputActive
)

// OutputStatus is an OSTATR reply: the state of every output, in order.
type OutputStatus []OutputState

// Append writes the payload of an OSTATR reply.
func (s OutputStatus) Append(dst []byte) []byte { return appendStates(dst, s) }

// ParseOutputStatus reads an OSTATR reply. Whatever is not 0 counts as active.
func ParseOutputStatus(data []byte) (OutputStatus, error) {
	return parseStates("OSTATR", data, OutputActive)
}

// ReaderState is the state of one attached reader.
type ReaderState byte

// Reader states.
const (
	ReaderNormal ReaderState = iota
	ReaderMissing
	ReaderTamper
)

// ReaderStatus is an RSTATR reply: the state of every attached reader, in order.
type ReaderStatus []ReaderState

// Append writes the payload of an RSTATR reply.
func (s ReaderStatus) Append(dst []byte) []byte { return appendStates(dst, s) }

// ParseReaderStatus reads an RSTATR reply. A state that the protocol does not know becomes ReaderTamper.
func ParseReaderStatus(data []byte) (ReaderStatus, error) {
	return parseStates("RSTATR", data, ReaderTamper)
}

func appendStates[S ~byte](dst []byte, states []S) []byte {
	for _, s := range states {
		dst = append(dst, byte(s))
	}
	return dst
}

// parseStates reads one byte a state. What is over the last known state becomes the last.
func parseStates[S ~byte](what string, data []byte, last S) ([]S, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%s: %w: empty", what, ErrLength)
	}
	states := make([]S, len(data))
	for i, b := range data {
		states[i] = min(S(b), last)
	}
	return states, nil
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}
