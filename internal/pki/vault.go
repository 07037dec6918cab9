package pki

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
)

// Vault is a folder of sealed secrets, one file a name: <name>.sealed. Each is sealed for its name, so that two cannot be exchanged;
// that a file was put back to an older state is not seen. Its methods may be called from any goroutine; two programs must not share it.
type Vault struct {
	dir    string
	sealer Sealer
	mu     sync.Mutex
}

// NewVault makes the folder, or takes the one there is, for its owner only.
func NewVault(dir string, sealer Sealer) (*Vault, error) {
	err := os.MkdirAll(dir, privateFolder)
	if err == nil {
		err = os.Chmod(dir, privateFolder)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "make the folder of keys")
	}
	return &Vault{dir: dir, sealer: sealer}, nil
}

// OpenVault takes a folder of secrets as it is, to read from it: nothing is made, and where there is no folder there are no secrets.
func OpenVault(dir string, sealer Sealer) *Vault { return &Vault{dir: dir, sealer: sealer} }

// Sweep removes what a crash in the middle of Save left: it may hold a secret that was destroyed since. Nobody else may be saving.
func (v *Vault) Sweep() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	left, err := filepath.Glob(folder.Leftover(filepath.Join(v.dir, "*.sealed")))
	if err != nil {
		return fault.Wrap(fault.Internal, err, "look for what a crash left")
	}
	for _, file := range left {
		if err := folder.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

var secretName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// path panics on what is no name: names stand in the program.
func (v *Vault) path(name string) string {
	if !secretName.MatchString(name) {
		panic(fmt.Sprintf("pki: %q names no secret", name))
	}
	return filepath.Join(v.dir, name+".sealed")
}

func purpose(name string) string { return "vault/" + name }

// Has reports whether there is a secret of that name; whether it opens, Load says.
func (v *Vault) Has(name string) (bool, error) {
	_, err := os.Stat(v.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, fault.Wrap(fault.Unavailable, err, "look for the key "+name)
}

// Load opens a secret. A missing one is fault.NotFound, one that does not open fault.Invalid.
func (v *Vault) Load(name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.load(name)
}

func (v *Vault) load(name string) ([]byte, error) {
	b, err := os.ReadFile(v.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "pki.no_key", "no key "+name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "read the key "+name)
	}
	return v.sealer.Open(purpose(name), b)
}

// Save seals a secret; when it returns nil the secret is on disk. After a crash the old or the new one is there, whole.
func (v *Vault) Save(name string, secret []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.save(name, secret)
}

func (v *Vault) save(name string, secret []byte) error {
	return folder.Write(v.path(name), append(v.sealer.Seal(purpose(name), secret), '\n'))
}

// LoadOrMake loads a secret, or keeps and returns a fresh one. One that does not open is an error and stays.
func (v *Vault) LoadOrMake(name string, fresh func() ([]byte, error)) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	secret, err := v.load(name)
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return secret, err
	}
	if secret, err = fresh(); err != nil {
		return nil, err
	}
	return secret, v.save(name, secret)
}

// Remove forgets a secret; a missing one is no error.
func (v *Vault) Remove(name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if there, err := v.Has(name); err != nil || !there {
		return err
	}
	return folder.Remove(v.path(name))
}

// Adopt seals a secret that an earlier version kept in a plain file, without the white space around it, and removes the file once the
// sealed one is on disk. Without the file it does nothing. When another secret of that name is kept already it is fault.Conflict and
// both stay. Removing does not wipe: what the disk keeps of the old file stays as secret as it was.
func (v *Vault) Adopt(name, file string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	b, err := ReadPrivate(file)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	b = bytes.TrimSpace(b)
	switch kept, err := v.load(name); {
	case err == nil && subtle.ConstantTimeCompare(kept, b) != 1:
		return fault.New(fault.Conflict, "pki.two_keys", file+" differs from the sealed key "+name+": remove the one that is not in use")
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return err
	case err != nil:
		if err := v.save(name, b); err != nil {
			return err
		}
	}
	return folder.Remove(file)
}
