// Package policystore keeps the last good policy on a controller's disk, so that doors go on through a restart
// with no centre.
//
// The file is policy.json; the one before it stays as policy.previous.json. Each is one JSON object:
//
//	{"v":1,"hash":"<hex SHA-256 of wire.PolicyBytes>","spec":{…}}
//
// A policy is written to a temporary file, synced, and renamed into place, and the folder is synced, before Save
// returns. What is loaded has the right hash and compiles, else the previous one is taken, else none. A policy
// older than the newest one known is refused.
//
// Trust: who can write the file can put an old or a forged policy in place; signature and lease, which end that,
// become fields of the same object.
package policystore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

const (
	currentName  = "policy.json"
	previousName = "policy.previous.json"
	version      = 1
)

// Stored is a policy that is on disk and compiles.
type Stored struct {
	Policy *access.Policy
	Hash   string // hex, see wire.PolicyHash
}

// Store is one controller's policy on disk. Its methods may be called from any goroutine.
type Store struct {
	dir string

	mu   sync.Mutex
	last access.Version // newest policy known to have been in force
}

// New names the folder, which must exist, and the newest policy version that the controller remembers from
// elsewhere (zero for none).
func New(dir string, last access.Version) *Store { return &Store{dir: dir, last: last} }

type file struct {
	V    int         `json:"v"`
	Hash string      `json:"hash"`
	Spec access.Spec `json:"spec"`
}

// Load returns the newest policy on disk that holds. A Stored together with an error is the previous policy, and
// the error says what is wrong with the current one. With nothing usable Stored is zero; a folder without any
// policy is fault.NotFound.
func (s *Store) Load() (Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.read(currentName)
	if err == nil {
		return current, nil
	}
	previous, older := s.read(previousName)
	if older == nil {
		return previous, fault.Wrap(fault.KindOf(err), err, "load policy, the previous one is used")
	}
	if fault.KindOf(err) == fault.NotFound && fault.KindOf(older) != fault.NotFound {
		err = older
	}
	return Stored{}, fault.Wrap(fault.KindOf(err), err, "load policy")
}

func (s *Store) read(name string) (Stored, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return Stored{}, fault.Wrap(fault.NotFound, err, "read policy")
	}
	if err != nil {
		return Stored{}, fault.Wrap(fault.Unavailable, err, "read policy")
	}
	f, err := decode(b)
	if err != nil {
		return Stored{}, fault.Wrap(fault.Invalid, err, "read "+name)
	}
	stored, err := verify(f)
	if err == nil && s.last.Less(f.Spec.Version) {
		s.last = f.Spec.Version
	}
	return stored, err
}

func decode(b []byte) (file, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var f file
	if err := dec.Decode(&f); err != nil {
		return file{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return file{}, errors.New("bytes after the policy")
	}
	if f.V != version {
		return file{}, fmt.Errorf("policy file of version %d", f.V)
	}
	return f, nil
}

func verify(f file) (Stored, error) {
	hash, err := wire.PolicyHash(f.Spec)
	if err != nil {
		return Stored{}, err
	}
	if hash != f.Hash {
		return Stored{}, fault.New(fault.Invalid, "policy.hash", "the policy does not have the hash that was given with it")
	}
	p, err := access.Compile(f.Spec)
	return Stored{Policy: p, Hash: hash}, err
}

// Save verifies a policy and puts it in place of the current one. An older one than the newest known is
// fault.Conflict, one that does not hold fault.Invalid; what was stored stays then. When Save fails otherwise,
// either the old or the new one is found at the next start.
func (s *Store) Save(spec access.Spec, hash string) (Stored, error) {
	f := file{V: version, Hash: hash, Spec: spec}
	stored, err := verify(f)
	if err != nil {
		return Stored{}, fault.Wrap(fault.Invalid, err, "save policy")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if spec.Version.Less(s.last) {
		return Stored{}, fault.New(fault.Conflict, "policy.older", fmt.Sprintf("policy %d.%d is older than %d.%d", spec.Version.Epoch, spec.Version.N, s.last.Epoch, s.last.N))
	}
	b, err := json.Marshal(f)
	if err != nil {
		return Stored{}, fault.Wrap(fault.Invalid, err, "save policy")
	}
	if err := s.replace(b); err != nil {
		return Stored{}, fault.Wrap(fault.Unavailable, err, "save policy")
	}
	s.last = spec.Version
	return stored, nil
}

// replace makes b the current file. At every moment the current or the previous name holds a whole policy. A
// current file that does not hold is not worth keeping as the previous one.
func (s *Store) replace(b []byte) error {
	temp := filepath.Join(s.dir, currentName+".new")
	current, previous := filepath.Join(s.dir, currentName), filepath.Join(s.dir, previousName)
	if err := writeSynced(temp, b); err != nil {
		return err
	}
	if _, err := s.read(currentName); err == nil {
		if err := os.Rename(current, previous); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, current); err != nil {
		return err
	}
	return syncDir(s.dir)
}

func writeSynced(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
