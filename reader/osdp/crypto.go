package osdp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
)

const padStart = 0x80

// sessionKeys are the three keys of one session.
type sessionKeys struct {
	enc, mac1, mac2 cipher.Block
}

// deriveKeys makes the session keys: one AES block each under the base key, from a label and the first six bytes
// of RND.A. The controller's random number is all that makes two sessions differ.
func deriveKeys(key Key, rndA RND) (sessionKeys, error) {
	if key.IsZero() {
		return sessionKeys{}, fmt.Errorf("%w: no key", ErrKey)
	}
	base, err := aes.NewCipher(key.b.reveal())
	if err != nil {
		return sessionKeys{}, fmt.Errorf("base key: %w", err)
	}
	var derived [3]cipher.Block
	for i, label := range [3]byte{0x82, 0x01, 0x02} {
		block := [aes.BlockSize]byte{0x01, label}
		copy(block[2:8], rndA[:6])
		base.Encrypt(block[:], block[:])
		if derived[i], err = aes.NewCipher(block[:]); err != nil {
			return sessionKeys{}, fmt.Errorf("session key: %w", err)
		}
	}
	return sessionKeys{enc: derived[0], mac1: derived[1], mac2: derived[2]}, nil
}

// cryptogram proves a key: AES(S-ENC, first || second).
func (k sessionKeys) cryptogram(first, second RND) (c [aes.BlockSize]byte) {
	copy(c[:8], first[:])
	copy(c[8:], second[:])
	k.enc.Encrypt(c[:], c[:])
	return c
}

// initialMAC is R-MAC-I, the chaining value before the first secured command.
func (k sessionKeys) initialMAC(server [aes.BlockSize]byte) (r chain) {
	k.mac1.Encrypt(r[:], server[:])
	k.mac2.Encrypt(r[:], r[:])
	return r
}

// chain is the full MAC of the last frame in either direction.
type chain [aes.BlockSize]byte

// mac computes the full MAC of a message that continues from c: CBC under S-MAC1 with the last block under
// S-MAC2. Only an incomplete last block is padded.
func (k sessionKeys) mac(c chain, message []byte) chain {
	for len(message) > aes.BlockSize {
		subtle.XORBytes(c[:], c[:], message[:aes.BlockSize])
		k.mac1.Encrypt(c[:], c[:])
		message = message[aes.BlockSize:]
	}
	var last [aes.BlockSize]byte
	if n := copy(last[:], message); n < len(last) {
		last[n] = padStart
	}
	subtle.XORBytes(c[:], c[:], last[:])
	k.mac2.Encrypt(c[:], c[:])
	return c
}

// inverse is the initialisation vector of the frame whose MAC starts from c.
func (c chain) inverse() []byte {
	iv := make([]byte, len(c))
	for i, b := range c {
		iv[i] = ^b
	}
	return iv
}

// encrypt pads (always) and encrypts the data of a frame.
func (k sessionKeys) encrypt(c chain, clear []byte) []byte {
	out := make([]byte, (len(clear)/aes.BlockSize+1)*aes.BlockSize)
	copy(out, clear)
	out[len(clear)] = padStart
	cipher.NewCBCEncrypter(k.enc, c.inverse()).CryptBlocks(out, out)
	return out
}

// decrypt turns encrypt around. Data must be whole blocks, at least one.
func (k sessionKeys) decrypt(c chain, data []byte) ([]byte, error) {
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(k.enc, c.inverse()).CryptBlocks(out, data)
	for i := len(out) - 1; i >= len(out)-aes.BlockSize; i-- {
		switch out[i] {
		case 0:
		case padStart:
			return out[:i:i], nil
		default:
			return nil, ErrPadding
		}
	}
	return nil, ErrPadding
}
