// Package devicekey keeps the secure channel keys (SCBK) of a controller's devices, sealed, one file a device.
//
// A key comes in from a plain file that a person wrote (Adopt): it is sealed first, and then the file is removed. A file that is there
// again is the person's newer word. A key that is to take the place of the present one is made by Propose and lies beside it as pending
// until the device has proved that it holds it (Settle); only then the old one is gone. Every change is on disk when its method returns
// nil, whole or not at all, so that a crash between any two steps leaves keys with which the device is reached.
package devicekey

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/reader/osdp"
)

// Device is one whose key is kept.
type Device struct {
	Name string
	File string // plain file that may hold its key, 32 hex digits; "" for none
}

// Keys are what is kept of one device.
type Keys struct {
	Present osdp.Key
	Pending osdp.Key  // to take the place of Present; zero for none
	Reason  string    // why Pending was made
	Since   time.Time // when

	// leftover is the mark of the key whose plain file may still lie there, although the key was taken from it: that file is no news,
	// not even when another key has taken its place since.
	leftover string
}

// Changing reports that a key is pending.
func (k Keys) Changing() bool { return !k.Pending.IsZero() }

// Same reports that two are one in what a line is served with.
func (k Keys) Same(o Keys) bool { return k.Present.Equal(o.Present) && k.Pending.Equal(o.Pending) }

// Store keeps the keys in a folder. It is for one goroutine of one program at a time.
type Store struct {
	dir    string
	sealer pki.Sealer
	log    *slog.Logger
}

// New makes a store of a folder; it touches nothing.
func New(dir string, sealer pki.Sealer, log *slog.Logger) *Store {
	return &Store{dir: dir, sealer: sealer, log: log}
}

// All is the keys by device.
type All map[string]Keys

// Peek says which keys hold for the devices, as Adopt would find them, and changes nothing.
func (s *Store) Peek(devices []Device) (All, error) {
	all := All{}
	for _, d := range devices {
		f, err := s.find(d)
		if err == nil {
			err = all.add(d.Name, f.now)
		}
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "SCBK of "+d.Name)
		}
	}
	return all, nil
}

// add refuses a key that another device has, or is to have.
func (a All) add(name string, k Keys) error {
	for other, o := range a {
		if osdp.SharedKey([]osdp.Key{k.Present, k.Pending}, []osdp.Key{o.Present, o.Pending}) {
			return fault.New(fault.Invalid, "config.twice", "it is that of "+other+" too")
		}
	}
	a[name] = k
	return nil
}

// found is what there is of one device.
type found struct {
	sealed  Keys
	file    osdp.Key // zero for no file
	now     Keys     // what holds
	changed bool     // now is not what is sealed
}

// find reads what there is. A device without any key is fault.Invalid. A file also takes the place of what is sealed and does not open.
func (s *Store) find(d Device) (f found, err error) {
	if f.file, err = readFile(d.File); err != nil {
		return f, err
	}
	sealed, err := s.load(d.Name)
	switch kind := fault.KindOf(err); {
	case err == nil:
		f.sealed = sealed
	case kind == fault.NotFound && f.file.IsZero():
		return f, fault.New(fault.Invalid, "config.no_key", "there is none: neither sealed nor in a file ("+d.File+")")
	case kind != fault.NotFound && (kind != fault.Invalid || f.file.IsZero()):
		return f, err
	}
	f.now, f.changed = resolve(f.sealed, f.file)
	return f, nil
}

// resolve says what holds: what is sealed, unless the file brings another key.
func resolve(sealed Keys, file osdp.Key) (now Keys, changed bool) {
	now = sealed
	switch {
	case file.IsZero():
		now.leftover = "" // a file that comes from now on is news
	case mark(file) == sealed.leftover:
	case file.Equal(sealed.Present):
		now.leftover = mark(file)
	default:
		return Keys{Present: file, leftover: mark(file)}, true
	}
	return now, now.leftover != sealed.leftover
}

// mark recognises a key and does not tell it.
func mark(k osdp.Key) string {
	h := sha256.Sum256(append([]byte("kanmon key file\n"), k.Reveal()...))
	return hex.EncodeToString(h[:])
}

// name is the sealed file of a device: readable, and never that of another.
func name(device string) string {
	slug := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(device))
	h := sha256.Sum256([]byte(device))
	return "scbk-" + slug[:min(len(slug), 40)] + "-" + hex.EncodeToString(h[:8])
}
