// Package osdp is the codec of the Open Supervised Device Protocol, version 2.2 (IEC 60839-11-5), for both
// ends of a line: the controller, which asks, and the device (a reader or an I/O board), which answers.
// Nothing here reads a port or a clock; bytes, random numbers and keys come in as arguments.
//
// A frame on the line, with its length counting everything but the mark:
//
//		[FF] 53 ADDR LENL LENH CTRL [SCB] CODE [DATA] [MAC] CRCL CRCH
//
//	  - Frame is one of them; Append writes it and Decoder finds frames in a stream of bytes that may hold noise.
//	  - JudgeReply and DeviceSequence hold the rules about sequence numbers and repeats.
//	  - ControllerHandshake and DeviceHandshake agree on session keys; Session seals and opens what follows.
//	  - The payload types (LED, RawCard, InputStatus and the like) turn Frame.Data into values and back.
//
// # How one secured exchange goes
//
// The controller seals a command once and sends its bytes; without an answer it sends the same bytes again,
// never a newly sealed frame, because the next one would use the same initialisation vector. The device judges
// the sequence number first: a repeat is answered with the stored bytes of the last reply and touches no
// session. A new command is opened, acted on, and one reply is sealed. Session enforces the alternation.
//
// Secrets (keys, card bits, key presses, the data of a frame) are masked whenever they are formatted.
package osdp
