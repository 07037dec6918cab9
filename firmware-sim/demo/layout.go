package demo

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
)

// layout is where the demo keeps its things. Everything is below one folder, so that deleting it starts anew.
type layout struct{ dir string }

func (l layout) centreDir() string     { return filepath.Join(l.dir, "centre") }
func (l layout) controllerDir() string { return filepath.Join(l.dir, "controller") }
func (l layout) simDir() string        { return filepath.Join(l.dir, "sim") }
func (l layout) logDir() string        { return filepath.Join(l.dir, "log") }

func (l layout) centreConfig() string     { return filepath.Join(l.centreDir(), "config.json") }
func (l layout) controllerConfig() string { return filepath.Join(l.controllerDir(), "config.json") }
func (l layout) simConfig() string        { return filepath.Join(l.simDir(), "config.json") }
func (l layout) cards() string            { return filepath.Join(l.simDir(), "cards.json") }
func (l layout) logins() string           { return filepath.Join(l.dir, "demo-logins.json") }
func (l layout) secret() string           { return filepath.Join(l.controllerDir(), "mqtt-secret") }
func (l layout) line() string             { return filepath.Join(l.simDir(), "line0") }
func (l layout) scbk(device string) string {
	return filepath.Join(l.controllerDir(), "scbk-"+device)
}

func (l layout) make() error {
	for _, d := range []string{l.centreDir(), l.controllerDir(), l.simDir(), l.logDir()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("make demo folder: %w", err)
		}
	}
	return nil
}

// exists reports whether a file is there.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// writeSecret writes a file only its owner reads.
func writeSecret(path string, text []byte) error {
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return writeSecret(path, append(b, '\n'))
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode %s: %w", filepath.Base(path), err)
	}
	return nil
}

// newKey is 16 random bytes in hex: an OSDP base key.
func newKey() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// newCard is a random 64-bit card in the written form of package credential.
func newCard() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return "bits:64:" + hex.EncodeToString(b)
}

// newPassword is 20 characters a person can type, about 98 bits.
func newPassword() (string, error) {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789"
	b := make([]byte, 0, 23)
	for i := range 20 {
		if i > 0 && i%5 == 0 {
			b = append(b, '-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			return "", fmt.Errorf("make password: %w", err)
		}
		b = append(b, letters[n.Int64()])
	}
	return string(b), nil
}
