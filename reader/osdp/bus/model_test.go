package bus

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"

	"kanmon/reader/osdp"
)

// model follows a session's MAC chain by a small implementation of its own, written from the description of the
// protocol. It is the attacker who holds the key: it can make frames that an honest device would not send.
type model struct {
	key         []byte
	enc, m1, m2 cipher.Block
	chain       []byte
	asked       osdp.Code
}

func newModel(k osdp.Key) *model { return &model{key: k.Reveal()} }

func (m *model) derive(rndA []byte, label byte) cipher.Block {
	base, err := aes.NewCipher(m.key)
	if err != nil {
		panic(err)
	}
	b := append([]byte{1, label}, rndA[:6]...)
	b = append(b, make([]byte, 8)...)
	base.Encrypt(b, b)
	c, err := aes.NewCipher(b)
	if err != nil {
		panic(err)
	}
	return c
}

// command follows a command on the wire.
func (m *model) command(f osdp.Frame, raw []byte) {
	m.asked = f.Code
	switch {
	case f.Code == osdp.CmdChallenge:
		m.enc, m.m1, m.m2 = m.derive(f.Data, 0x82), m.derive(f.Data, 1), m.derive(f.Data, 2)
	case f.Code == osdp.CmdServerCryptogram:
		m.chain = make([]byte, 16)
		m.m1.Encrypt(m.chain, f.Data)
		m.m2.Encrypt(m.chain, m.chain)
	case f.Block.Secured():
		m.chain = m.mac(covered(raw))
	}
}

// reply follows a reply on the wire.
func (m *model) reply(f osdp.Frame, raw []byte) {
	if f.Block.Secured() {
		m.chain = m.mac(covered(raw))
	}
}

// covered is what a MAC is computed over: no mark, no MAC, no CRC.
func covered(raw []byte) []byte {
	raw = bytes.TrimLeft(raw, "\xff")
	return raw[:len(raw)-6]
}

func (m *model) mac(msg []byte) []byte {
	x := bytes.Clone(m.chain)
	if len(msg)%16 != 0 {
		msg = append(bytes.Clone(msg), 0x80)
		msg = append(msg, make([]byte, (16-len(msg)%16)%16)...)
	}
	for i := 0; i < len(msg); i += 16 {
		for j := range x {
			x[j] ^= msg[i+j]
		}
		if i+16 < len(msg) {
			m.m1.Encrypt(x, x)
		} else {
			m.m2.Encrypt(x, x)
		}
	}
	return x
}

// forge makes an authentic reply with unencrypted data under any block, in place of an honest one.
func (m *model) forge(f osdp.Frame, block osdp.Block, code osdp.Code, data []byte) []byte {
	f.Block, f.Code, f.Data = block, code, data
	raw := wireBytes(f)
	copy(f.MAC[:], m.mac(covered(raw)))
	return wireBytes(f)
}

// encrypt is how the data of the next reply goes under SCS_18.
func (m *model) encrypt(data []byte) []byte {
	b := append(bytes.Clone(data), 0x80)
	b = append(b, make([]byte, (16-len(b)%16)%16)...)
	iv := bytes.Clone(m.chain)
	for i := range iv {
		iv[i] ^= 0xFF
	}
	cipher.NewCBCEncrypter(m.enc, iv).CryptBlocks(b, b)
	return b
}
