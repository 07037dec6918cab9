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

	"kanmon/internal/folder"
)

// Files is where a city keeps its things. Everything is below one folder, so that deleting it starts anew.
type Files struct{ dir string }

func (f Files) centreDir() string     { return filepath.Join(f.dir, "centre") }
func (f Files) controllerDir() string { return filepath.Join(f.dir, "controller") }
func (f Files) simDir() string        { return filepath.Join(f.dir, "sim") }
func (f Files) logDir() string        { return filepath.Join(f.dir, "log") }

// CentreConfig is the configuration file of kanmon-api.
func (f Files) CentreConfig() string { return filepath.Join(f.centreDir(), "config.json") }

// ControllerConfig is the configuration file of kanmon-controller.
func (f Files) ControllerConfig() string { return filepath.Join(f.controllerDir(), "config.json") }

// CA is the certificate of the authority that the centre makes at its first start: of the console's certificate too.
func (f Files) CA() string { return filepath.Join(f.centreDir(), "ca.pem") }

// SimConfig is the configuration file of the simulated line.
func (f Files) SimConfig() string { return filepath.Join(f.simDir(), "config.json") }

// OutLog is where the simulated line writes which strikes it energised.
func (f Files) OutLog() string { return filepath.Join(f.simDir(), "out.jsonl") }

// Log is where a program's output is kept.
func (f Files) Log(program string) string { return filepath.Join(f.logDir(), program+".log") }

// Mosquitto is the folder in which the centre keeps the configuration of an external broker.
func (f Files) Mosquitto() string { return filepath.Join(f.dir, "mosquitto") }

// Cards maps the names of cards to their bits.
func (f Files) Cards() string  { return filepath.Join(f.simDir(), "cards.json") }
func (f Files) logins() string { return filepath.Join(f.dir, "demo-logins.json") }
func (f Files) line() string   { return filepath.Join(f.simDir(), "line0") }
func (f Files) serialLine() string {
	return filepath.Join(f.simDir(), "serial0")
}
func (f Files) bootstrap() string { return filepath.Join(f.centreDir(), "bootstrap-token") }
func (f Files) identity() string  { return filepath.Join(f.controllerDir(), "identity", "centre.json") }
func (f Files) ready() string     { return filepath.Join(f.dir, "ready") }

// Socket is where commands reach the simulated line.
func (f Files) Socket() string { return filepath.Join(f.simDir(), "control.sock") }

// scbk is where the controller finds a device's key before its first start, readerKey where the simulated device keeps its own.
func (f Files) scbk(device string) string {
	return filepath.Join(f.controllerDir(), "scbk-"+device)
}

func (f Files) readerKey(device string) string {
	return filepath.Join(f.simDir(), "scbk-"+device)
}

// keep writes a new key for both ends.
func (f Files) keep(device, key string) error {
	return errors.Join(folder.Write(f.scbk(device), []byte(key+"\n")), folder.Write(f.readerKey(device), []byte(key+"\n")))
}

// part gives the simulated device its own copy of a key that an earlier version kept in one file for both ends.
func (f Files) part(device string) error {
	if there, err := exists(f.readerKey(device)); there || err != nil {
		return err
	}
	key, err := os.ReadFile(f.scbk(device))
	if err != nil {
		return fmt.Errorf("key of %s: %w", device, err)
	}
	return folder.Write(f.readerKey(device), key)
}

func (f Files) make() error {
	for _, d := range []string{f.centreDir(), f.controllerDir(), f.simDir(), f.logDir()} {
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
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return folder.Write(path, append(b, '\n'))
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

// newCard is a random 64-bit card in the written form of package credentiaf.
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
