package pki

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
)

// credentialName is the systemd credential that outranks a sealing key file.
const credentialName = "kanmon-sealing-key" //nolint:gosec // a file name, not a secret

const (
	sealedForm    = "kanmon-sealed-v1:"
	sealingKeyLen = 32
)

// Sealer encrypts secrets for rest (AES-256-GCM). It prints masked. The zero Sealer panics when used.
type Sealer struct {
	hidden
	aead func() cipher.AEAD
}

// NewSealer takes a key of 32 bytes.
func NewSealer(key []byte) (Sealer, error) {
	if len(key) != sealingKeyLen {
		return Sealer{}, fault.New(fault.Invalid, "pki.sealing_key", fmt.Sprintf("sealing key of %d bytes, want %d", len(key), sealingKeyLen))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return Sealer{}, fault.Wrap(fault.Internal, err, "sealing key")
	}
	aead, err := cipher.NewGCM(block)
	return Sealer{aead: func() cipher.AEAD { return aead }}, fault.Wrap(fault.Internal, err, "sealing key")
}

// OpenSealer reads the sealing key: the systemd credential kanmon-sealing-key when there is one, else the file, which holds
// 64 hex digits and may be read by its owner only. A missing file is made when fresh allows it.
func OpenSealer(file string, fresh bool) (Sealer, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		b, err := os.ReadFile(filepath.Join(dir, credentialName))
		if err == nil {
			return parseSealer(b, "the credential "+credentialName)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Sealer{}, fault.Wrap(fault.Unavailable, err, "read the sealing key")
		}
	}
	b, err := ReadPrivate(file)
	if fault.KindOf(err) == fault.NotFound && fresh {
		if err := makeSealingKey(file); err != nil {
			return Sealer{}, err
		}
		b, err = ReadPrivate(file)
	}
	if err != nil {
		return Sealer{}, fault.Wrap(fault.KindOf(err), err, "the sealing key "+file)
	}
	return parseSealer(b, file)
}

func makeSealingKey(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), privateFolder); err != nil {
		return fault.Wrap(fault.Unavailable, err, "make the sealing key's folder")
	}
	var key [sealingKeyLen]byte
	_, _ = rand.Read(key[:]) // never fails
	return folder.Write(file, []byte(hex.EncodeToString(key[:])+"\n"))
}

func parseSealer(text []byte, from string) (Sealer, error) {
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != sealingKeyLen {
		return Sealer{}, fault.New(fault.Invalid, "pki.sealing_key", from+" does not hold 64 hex digits")
	}
	return NewSealer(key)
}

// Seal encrypts a secret. It opens again only for the same purpose.
func (s Sealer) Seal(purpose string, secret []byte) []byte {
	nonce := make([]byte, s.aead().NonceSize())
	_, _ = rand.Read(nonce) // never fails
	sealed := s.aead().Seal(nonce, nonce, secret, []byte(sealedForm+purpose))
	return []byte(sealedForm + base64.StdEncoding.EncodeToString(sealed))
}

// Open decrypts what Seal made. Anything altered, of another purpose or under another key is fault.Invalid.
func (s Sealer) Open(purpose string, sealed []byte) ([]byte, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(string(sealed)), sealedForm)
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	n := s.aead().NonceSize()
	if !ok || err != nil || len(b) < n {
		return nil, fault.New(fault.Invalid, "pki.sealed", purpose+" is not a sealed secret")
	}
	secret, err := s.aead().Open(nil, b[:n], b[n:], []byte(sealedForm+purpose))
	if err != nil {
		return nil, fault.New(fault.Invalid, "pki.sealed", purpose+" does not open: it was altered, or sealed under another key")
	}
	return secret, nil
}
