package challenge

// Codes with which an answer says why a command was refused.
const (
	UnknownNonce   = "unknown_nonce" // never made here, made for another command, or before a restart
	TooLate        = "expired"
	UnknownDoor    = "unknown_door"
	NotRecorded    = "not_recorded"    // the area is strict and the journal could not be written
	OutputInsecure = "output_insecure" // the strike is not wired as the area's grade demands
)
