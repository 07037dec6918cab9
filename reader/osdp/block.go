package osdp

// Block is the type of a frame's security block.
type Block byte

// Block types. SCS15 to SCS18 carry a MAC.
const (
	NoBlock Block = 0
	SCS11   Block = 0x11 // command CHLNG
	SCS12   Block = 0x12 // reply CCRYPT
	SCS13   Block = 0x13 // command SCRYPT
	SCS14   Block = 0x14 // reply RMAC_I
	SCS15   Block = 0x15 // command without data
	SCS16   Block = 0x16 // reply without data
	SCS17   Block = 0x17 // command with encrypted data
	SCS18   Block = 0x18 // reply with encrypted data
)

// Secured reports whether a frame with this block ends in a MAC.
func (b Block) Secured() bool { return b >= SCS15 && b <= SCS18 }
