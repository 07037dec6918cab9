package osdp

// Function is what a capability is about.
type Function byte

// Functions.
const (
	FuncContacts     Function = 1  // number: inputs
	FuncOutputs      Function = 2  // number: outputs
	FuncCardFormat   Function = 3  // 1 bits, 2 BCD, 3 both
	FuncLED          Function = 4  // number: LEDs a reader
	FuncBuzzer       Function = 5  // 1 on and off, 2 timed
	FuncText         Function = 6  // number: displays a reader
	FuncCheck        Function = 8  // 1: CRC as well as checksum
	FuncSecurity     Function = 9  // 1: AES-128; number bit 0: the default key is in force
	FuncReceiveSize  Function = 10 // compliance low byte, number high byte
	FuncCombinedSize Function = 11 // compliance low byte, number high byte
	FuncReaders      Function = 13 // number: attached readers
	FuncVersion      Function = 16 // 1 IEC, 2 SIA 2.2
)

// Capability is one record of a PDCAP reply.
type Capability struct {
	Function   Function
	Compliance byte
	Number     byte
}

// Capabilities is what a device says it can do. Asked in clear it is a hint from whoever is on the line: whether
// a device is spoken to in a session is decided by the stored key, never by FuncSecurity.
type Capabilities []Capability

const capabilitySize = 3

// Append writes the payload of a PDCAP reply.
func (cs Capabilities) Append(dst []byte) []byte {
	for _, c := range cs {
		dst = append(dst, byte(c.Function), c.Compliance, c.Number)
	}
	return dst
}

// ParseCapabilities reads a PDCAP reply. Unknown functions are kept.
func ParseCapabilities(data []byte) (Capabilities, error) {
	rs, err := records("PDCAP", data, capabilitySize)
	if err != nil {
		return nil, err
	}
	cs := make(Capabilities, 0, len(rs))
	for _, r := range rs {
		cs = append(cs, Capability{Function: Function(r[0]), Compliance: r[1], Number: r[2]})
	}
	return cs, nil
}

// Find returns the first record about a function.
func (cs Capabilities) Find(f Function) (Capability, bool) {
	for _, c := range cs {
		if c.Function == f {
			return c, true
		}
	}
	return Capability{}, false
}

// ReceiveSize returns the largest frame the device takes, in bytes, held between SafeFrame and MaxFrame whatever
// the record says.
func (cs Capabilities) ReceiveSize() int {
	c, _ := cs.Find(FuncReceiveSize)
	return min(max(int(c.Compliance)|int(c.Number)<<8, SafeFrame), MaxFrame)
}
