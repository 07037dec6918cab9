package osdp

import "kanmon/internal/fault"

// What can be wrong with bytes from a line. Test with errors.Is; every one is a fault.
var (
	// ErrLength: a frame or payload is longer or shorter than its kind allows. A device answers NakLength.
	ErrLength error = fault.New(fault.Invalid, "osdp.length", "osdp: wrong length")
	// ErrValue: the length fits and a field does not. A device answers NakRecord.
	ErrValue error = fault.New(fault.Invalid, "osdp.value", "osdp: field out of range")
	// ErrCheck: the CRC or checksum does not fit. A device stays silent.
	ErrCheck error = fault.New(fault.Invalid, "osdp.check", "osdp: check bytes do not match")
	// ErrBlock: the security block is missing, unknown or not the one this frame must carry. A device answers
	// NakSecurity (NakNoSession in a handshake).
	ErrBlock error = fault.New(fault.Denied, "osdp.block", "osdp: security block not accepted")
	// ErrMAC: the message authentication code does not continue the session's chain.
	ErrMAC error = fault.New(fault.Denied, "osdp.mac", "osdp: message authentication code does not match")
	// ErrPadding: decrypted data does not end in the padding of this protocol.
	ErrPadding error = fault.New(fault.Denied, "osdp.padding", "osdp: wrong padding")
	// ErrEnded: the session refused a frame earlier and is over; only a new handshake helps.
	ErrEnded error = fault.New(fault.Conflict, "osdp.ended", "osdp: the session is over")
	// ErrTurn: a second command was to be sealed before its predecessor's reply, or the like; a defect of the caller.
	ErrTurn error = fault.New(fault.Internal, "osdp.turn", "osdp: not this side's turn")
	// ErrKey: the two sides do not speak of the same key, or the device refused the handshake.
	ErrKey error = fault.New(fault.Denied, "osdp.key", "osdp: key not accepted")
	// ErrCryptogram: the peer did not prove that it holds the key.
	ErrCryptogram error = fault.New(fault.Denied, "osdp.cryptogram", "osdp: peer does not hold the key")
	// ErrWeakKey: a key anybody could guess.
	ErrWeakKey error = fault.New(fault.Invalid, "osdp.weak_key", "osdp: weak key refused")
)
