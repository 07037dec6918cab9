package wire

import (
	"kanmon/internal/fault"
)

// AckUpTo tells a controller that the centre has committed everything of Epoch up to UpTo. A lower number than
// the controller remembers means the centre went back: the controller sends again from there. Centre is the centre's own epoch: an
// acknowledgement of an earlier one proves nothing about the present centre and is refused.
type AckUpTo struct {
	V      int    `json:"v"`
	Type   Kind   `json:"type"`
	Centre uint64 `json:"centre"`
	Epoch  uint64 `json:"epoch"`
	UpTo   uint64 `json:"up_to"`
}

// NewAck fills in the header.
func NewAck(centre, epoch, upTo uint64) AckUpTo {
	return AckUpTo{V: V, Type: Ack, Centre: centre, Epoch: epoch, UpTo: upTo}
}

// OpenAck reads an acknowledgement.
func OpenAck(at Address, payload []byte, keys Keys) (AckUpTo, error) {
	var a AckUpTo
	if err := Open(at, payload, keys, &a); err != nil {
		return AckUpTo{}, err
	}
	if a.Epoch == 0 || a.Centre == 0 {
		return AckUpTo{}, fault.New(fault.Invalid, "wire.ack", "acknowledgement without an epoch")
	}
	return a, nil
}
