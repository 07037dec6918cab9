package credential

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unique"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Format names how the value was obtained.
type Format string

// Formats.
const (
	// Bits are card bits as the reader sent them (OSDP RAW of either format code, Wiegand): left aligned,
	// first bit the most significant of the first byte.
	Bits Format = access.FormatBits
	// UID is the identifier of an ISO/IEC 14443 type A card, 4, 7 or 10 bytes, in the order of the anticollision (ISO/IEC 14443-3, 6.5.4).
	UID Format = access.FormatUID
	// IDm is the manufacture identifier of a FeliCa card, 8 bytes (JIS X 6319-4: NFCID2).
	IDm Format = access.FormatIDm
	// FeliCa is what was read from a service of a FeliCa card without encryption: system code, service code, chosen bytes of its blocks.
	FeliCa Format = access.FormatFeliCa
	// Text is what a serial reader sends as characters.
	Text Format = access.FormatText
	// Verdict is the word of a biometric terminal about who stands there: the name under which it knows them.
	Verdict Format = access.FormatVerdict
)

// Lengths in bytes.
const (
	maxBytes    = MaxBits / 8
	idmBytes    = 8
	serviceCode = 4                      // system code and service code before the data of a FeliCa credential
	MaxService  = maxBytes - serviceCode // bytes taken from the blocks of a service
)

// FromBits takes bits as an OSDP RAW reply carries them. Bits past the count are masked off, not trusted.
func FromBits(count int, data []byte) (Credential, error) {
	if count < 1 || count > MaxBits {
		return Credential{}, fault.BadField("bits", "credential.bits", fmt.Sprintf("%d bits", count))
	}
	if len(data) != (count+7)/8 {
		return Credential{}, fault.BadField("bits", "credential.length", fmt.Sprintf("%d bytes for %d bits", len(data), count))
	}
	n := number{format: Bits, bits: uint16(count)}
	copy(n.value[:], data)
	if rest := count % 8; rest != 0 {
		n.value[len(data)-1] &= 0xFF << (8 - rest)
	}
	return n.seal(), nil
}

// Of UIDs of four bytes (ISO/IEC 14443-3, 6.5.4): the first byte of one that is drawn anew at each activation, and the cascade tag, with which a
// longer one begins before its first four bytes: a reader that hands it over has cut the rest off.
const (
	randomUID  = 0x08
	cascadeTag = 0x88
)

// FromUID takes the whole identifier of a type A card.
func FromUID(uid []byte) (Credential, error) {
	switch {
	case len(uid) != 4 && len(uid) != 7 && len(uid) != 10:
		return Credential{}, fault.BadField("credential", "credential.length", fmt.Sprintf("a UID of %d bytes, want 4, 7 or 10", len(uid)))
	case len(uid) == 4 && uid[0] == randomUID:
		return Credential{}, fault.BadField("credential", "credential.random", "a UID that the card draws anew each time")
	case len(uid) == 4 && uid[0] == cascadeTag:
		return Credential{}, fault.BadField("credential", "credential.cut", "the first bytes of a longer UID")
	}
	return whole(UID, uid)
}

// randomIDm begins an NFCID2 that is drawn for a connection between two devices (NFC-DEP; NFC Forum Digital Protocol, NFCID2 format).
var randomIDm = []byte{0x01, 0xFE}

// FromIDm takes the manufacture identifier of a FeliCa card.
func FromIDm(idm []byte) (Credential, error) {
	switch {
	case len(idm) != idmBytes:
		return Credential{}, fault.BadField("credential", "credential.length", fmt.Sprintf("an IDm of %d bytes, want 8", len(idm)))
	case bytes.HasPrefix(idm, randomIDm):
		return Credential{}, fault.BadField("credential", "credential.random", "an IDm that the device draws anew each time")
	}
	return whole(IDm, idm)
}

// FromService takes 1 to MaxService chosen bytes of the blocks of a service that is read without encryption, such as the employee number of a card
// in the common format (FCF). A service whose code says that it needs a key (the lowest bit is 0; FeliCa Card User's Manual, service attribute) was
// not read that way.
func FromService(system, service uint16, data []byte) (Credential, error) {
	switch {
	case service&1 == 0:
		return Credential{}, fault.BadField("credential", "credential.service", "a service that is not read without encryption")
	case len(data) < 1 || len(data) > MaxService:
		return Credential{}, fault.BadField("credential", "credential.length", fmt.Sprintf("%d bytes of a service, want 1–%d", len(data), MaxService))
	case blank(data):
		return Credential{}, errBlank()
	}
	value := binary.BigEndian.AppendUint16(nil, system)
	return whole(FeliCa, append(binary.BigEndian.AppendUint16(value, service), data...))
}

// FromText takes 1 to 32 printable ASCII characters.
func FromText(text string) (Credential, error) {
	if err := characters(text, func(c byte) bool { return ' ' <= c && c <= '~' }); err != nil {
		return Credential{}, err
	}
	return whole(Text, []byte(text))
}

// FromVerdict takes the name under which a biometric terminal knows somebody: 1 to 32 of [A-Za-z0-9._-].
func FromVerdict(subject string) (Credential, error) {
	const others = "0123456789._-"
	letter := func(c byte) bool {
		return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte(others, c) >= 0
	}
	if err := characters(subject, letter); err != nil {
		return Credential{}, err
	}
	return whole(Verdict, []byte(subject))
}

// TypeB is the refusal of an ISO/IEC 14443 type B card (マイナンバーカード and others): its PUPI is drawn anew or means nothing (ISO/IEC 14443-3, 7.9.2),
// and is never an identifier.
func TypeB() error {
	return fault.BadField("credential", "credential.type_b", "a type B card has no number of its own")
}

func characters(text string, may func(byte) bool) error {
	if len(text) < 1 || len(text) > maxBytes {
		return fault.BadField("credential", "credential.length", fmt.Sprintf("%d characters, want 1–%d", len(text), maxBytes))
	}
	for i := range len(text) {
		if !may(text[i]) {
			return fault.BadField("credential", "credential.character", "a character that no such number has")
		}
	}
	return nil
}

// whole takes a value of full bytes that is not blank.
func whole(f Format, value []byte) (Credential, error) {
	if blank(value) {
		return Credential{}, errBlank()
	}
	n := number{format: f, bits: uint16(8 * len(value))}
	copy(n.value[:], value)
	return n.seal(), nil
}

// blank reports memory that nobody wrote, or a reader that read nothing: every such card would be the same.
func blank(b []byte) bool {
	return bytes.Count(b, []byte{0}) == len(b) || bytes.Count(b, []byte{0xFF}) == len(b) || bytes.Count(b, []byte{' '}) == len(b)
}

func errBlank() error {
	return fault.BadField("credential", "credential.blank", "nothing is written there")
}

func (n number) seal() Credential { return Credential{unique.Make(unique.Make(n))} }

// Parse reads the written form "bits:26:bdd93740": format, bit count, hex of the left-aligned bytes. What is no identifier is refused as the
// format's constructor does. Its errors do not repeat what was written.
func Parse(s string) (Credential, error) {
	part := strings.Split(strings.TrimSpace(s), ":")
	if len(part) != 3 {
		return Credential{}, fault.BadField("credential", "credential.form", "want <format>:<bits>:<hex>")
	}
	n, err := strconv.Atoi(part[1])
	if err != nil {
		return Credential{}, fault.BadField("credential", "credential.bits", "bit count is not a number")
	}
	b, err := hex.DecodeString(part[2])
	if err != nil {
		return Credential{}, fault.BadField("credential", "credential.hex", "value is not hex")
	}
	f := Format(part[0])
	if f != Bits && n != 8*len(b) {
		return Credential{}, fault.BadField("credential", "credential.length", fmt.Sprintf("%d bytes for %d bits", len(b), n))
	}
	return from(f, n, b)
}

func from(f Format, count int, b []byte) (Credential, error) {
	switch f {
	case Bits:
		return FromBits(count, b)
	case UID:
		return FromUID(b)
	case IDm:
		return FromIDm(b)
	case FeliCa:
		if len(b) < serviceCode {
			return Credential{}, fault.BadField("credential", "credential.length", fmt.Sprintf("%d bytes of a service", len(b)))
		}
		return FromService(binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), b[serviceCode:])
	case Text:
		return FromText(string(b))
	case Verdict:
		return FromVerdict(string(b))
	default:
		return Credential{}, fault.BadField("credential", "credential.form", "a format that nobody knows")
	}
}

// Written is the form that Parse reads, for the one place that hands a read over to the centre.
func (c Credential) Written() string {
	n := c.reveal()
	return fmt.Sprintf("%s:%d:%x", n.format, n.bits, n.bytes())
}
