package osdp

import "fmt"

// Code says what a frame is. Commands and replies share numbers (0x76 is a challenge one way and its answer the
// other), so a Code means something only together with the frame's direction.
type Code byte

// Commands, controller to device.
const (
	CmdPoll             Code = 0x60
	CmdID               Code = 0x61
	CmdCapabilities     Code = 0x62
	CmdLocalStatus      Code = 0x64
	CmdInputStatus      Code = 0x65
	CmdOutputStatus     Code = 0x66
	CmdReaderStatus     Code = 0x67
	CmdOutput           Code = 0x68
	CmdLED              Code = 0x69
	CmdBuzzer           Code = 0x6A
	CmdText             Code = 0x6B
	CmdComSet           Code = 0x6E
	CmdKeySet           Code = 0x75
	CmdChallenge        Code = 0x76
	CmdServerCryptogram Code = 0x77
	CmdReceiveSize      Code = 0x7B
	CmdManufacturer     Code = 0x80
	CmdAbort            Code = 0xA2
	CmdKeepActive       Code = 0xA7
)

// Replies, device to controller.
const (
	ReplyAck              Code = 0x40
	ReplyNak              Code = 0x41
	ReplyID               Code = 0x45
	ReplyCapabilities     Code = 0x46
	ReplyLocalStatus      Code = 0x48
	ReplyInputStatus      Code = 0x49
	ReplyOutputStatus     Code = 0x4A
	ReplyReaderStatus     Code = 0x4B
	ReplyRaw              Code = 0x50
	ReplyKeypad           Code = 0x53
	ReplyCom              Code = 0x54
	ReplyClientCryptogram Code = 0x76
	ReplyInitialMAC       Code = 0x78
	ReplyBusy             Code = 0x79
	ReplyManufacturer     Code = 0x90
)

var commandNames = map[Code]string{
	CmdPoll: "POLL", CmdID: "ID", CmdCapabilities: "CAP", CmdLocalStatus: "LSTAT", CmdInputStatus: "ISTAT",
	CmdOutputStatus: "OSTAT", CmdReaderStatus: "RSTAT", CmdOutput: "OUT", CmdLED: "LED", CmdBuzzer: "BUZ",
	CmdText: "TEXT", CmdComSet: "COMSET", CmdKeySet: "KEYSET", CmdChallenge: "CHLNG", CmdServerCryptogram: "SCRYPT",
	CmdReceiveSize: "ACURXSIZE", CmdManufacturer: "MFG", CmdAbort: "ABORT", CmdKeepActive: "KEEPACTIVE",
}

var replyNames = map[Code]string{
	ReplyAck: "ACK", ReplyNak: "NAK", ReplyID: "PDID", ReplyCapabilities: "PDCAP", ReplyLocalStatus: "LSTATR",
	ReplyInputStatus: "ISTATR", ReplyOutputStatus: "OSTATR", ReplyReaderStatus: "RSTATR", ReplyRaw: "RAW",
	ReplyKeypad: "KEYPAD", ReplyCom: "COM", ReplyClientCryptogram: "CCRYPT", ReplyInitialMAC: "RMAC_I",
	ReplyBusy: "BUSY", ReplyManufacturer: "MFGREP",
}

// Name returns the protocol's name of the code in one direction, such as "POLL", or its number in hex.
func (c Code) Name(reply bool) string {
	names := commandNames
	if reply {
		names = replyNames
	}
	if name, ok := names[c]; ok {
		return name
	}
	return fmt.Sprintf("0x%02X", byte(c))
}
