// Package policystore keeps the last good policy on a controller's disk, so that doors go on through a restart
// with no centre.
//
// The file is policy.json; the one before it stays as policy.previous.json. Each is one JSON object:
//
//	{"v":2,"stored":"<when>","manifest":{…},"spec":{…}}
//
// The manifest (wire.Manifest, signed by the centre for this controller) names the policy by its version and the hash of
// wire.PolicyBytes. A policy is written to a temporary file, synced, and renamed into place, and the folder is synced, before Save
// returns. What is loaded has a manifest whose signature holds, is the policy that the manifest names, and compiles; else the previous one
// is taken, else none. Older ones stay compressed (past.go). A policy older than the newest one known is refused; one of a higher epoch of the centre is newer, whatever its n.
//
// Trust: who can write the file can neither add a right nor take another controller's policy; they can put an older policy of this controller
// in place, which then ends with its lease: the centre confirms none but the newest.
package policystore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

const (
	currentName  = "policy.json"
	previousName = "policy.previous.json"
	version      = 2
)

// Stored is a policy that is on disk and compiles.
type Stored struct {
	Policy *decide.Policy
	Hash   string    // hex, see wire.PolicyHash
	Made   time.Time // when the centre signed it
}

// Config of a store. Dir and Keys are required.
type Config struct {
	Dir              string // must exist
	Site, Controller string // whose policy it is
	Keys             wire.Keys
	Last             access.Version   // newest policy that the controller remembers from elsewhere; zero for none
	Now              func() time.Time // nil: time.Now
	Log              *slog.Logger     // nil: none
}

// Store is one controller's policy on disk. Its methods may be called from any goroutine.
type Store struct {
	cfg Config

	mu   sync.Mutex
	last access.Version // newest policy known to have been in force
}

// New makes a store; it touches nothing yet.
func New(cfg Config) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{cfg: cfg, last: cfg.Last}
}

type file struct {
	V        int         `json:"v"`
	Stored   time.Time   `json:"stored"`
	Manifest wire.Signed `json:"manifest"`
	Spec     access.Spec `json:"spec"`
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
	f, err := s.readFile(name)
	if err != nil {
		return Stored{}, err
	}
	stored, err := s.verify(f)
	if err == nil && s.last.Less(f.Spec.Version) {
		s.last = f.Spec.Version
	}
	return stored, err
}

func (s *Store) readFile(name string) (file, error) {
	b, err := os.ReadFile(filepath.Join(s.cfg.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, fault.Wrap(fault.NotFound, err, "read policy")
	}
	if err != nil {
		return file{}, fault.Wrap(fault.Unavailable, err, "read policy")
	}
	f, err := decode(b)
	return f, fault.Wrap(fault.Invalid, err, "read "+name)
}

// Spec reads the policy with a hash from the disk again: it is needed only where a delta comes, and a second copy of a large one
// is better there than in memory. It is fault.NotFound when the current policy is another.
func (s *Store) Spec(hash string) (access.Spec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{currentName, previousName} {
		f, err := s.readFile(name)
		if err != nil {
			continue
		}
		if m, err := s.check(f); err == nil && m.Hash == hash {
			return f.Spec, nil
		}
	}
	return access.Spec{}, fault.New(fault.NotFound, "policy.base", "the policy in force is not on the disk")
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

// check looks whether the centre has signed this policy for this controller.
func (s *Store) check(f file) (wire.Manifest, error) {
	at := wire.Address{Site: s.cfg.Site, Controller: s.cfg.Controller, Kind: wire.Policy}
	m, err := wire.OpenManifest(at, f.Manifest, s.cfg.Keys)
	if err != nil {
		return m, err
	}
	return m, m.Check(f.Spec)
}

func (s *Store) verify(f file) (Stored, error) {
	m, err := s.check(f)
	if err != nil {
		return Stored{}, err
	}
	p, err := decide.Compile(f.Spec)
	if err != nil {
		return Stored{}, err
	}
	return Stored{Policy: p, Hash: m.Hash, Made: m.At}, nil
}

// Save verifies a policy and puts it in place of the current one. An older one than the newest known is
// fault.Conflict, one that the centre has not signed for this controller fault.Denied, one that does not hold otherwise fault.Invalid; what
// was stored stays then. When Save fails otherwise, either the old or the new one is found at the next start.
func (s *Store) Save(spec access.Spec, manifest wire.Signed) (Stored, error) {
	f := file{V: version, Stored: s.cfg.Now().UTC().Truncate(time.Second), Manifest: manifest, Spec: spec}
	stored, err := s.verify(f)
	if err != nil {
		return Stored{}, fault.Wrap(fault.KindOf(err), err, "save policy")
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
	temp := filepath.Join(s.cfg.Dir, currentName+".new")
	current, previous := filepath.Join(s.cfg.Dir, currentName), filepath.Join(s.cfg.Dir, previousName)
	if err := writeSynced(temp, b); err != nil {
		return err
	}
	if _, err := s.read(currentName); err == nil {
		if err := s.archive(previousName); err != nil && s.cfg.Log != nil {
			s.cfg.Log.Warn("a policy of the past is not kept", "error", err)
		}
		if err := os.Rename(current, previous); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, current); err != nil {
		return err
	}
	return syncDir(s.cfg.Dir)
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
