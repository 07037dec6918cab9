package pki

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kanmon/internal/fault"
)

// Vault is a folder of sealed secrets, one file a name: <name>.sealed. Its methods may be called from any goroutine; two
// that write the same name leave one of the two.
type Vault struct {
	dir    string
	sealer Sealer
}

// NewVault makes the folder, for its owner only.
func NewVault(dir string, sealer Sealer) (*Vault, error) {
	if err := os.MkdirAll(dir, privateFolder); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "make the folder of keys")
	}
	return &Vault{dir, sealer}, nil
}

func (v *Vault) path(name string) string { return filepath.Join(v.dir, name+".sealed") }

// Has reports whether there is a secret of that name.
func (v *Vault) Has(name string) (bool, error) {
	_, err := os.Stat(v.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, fault.Wrap(fault.Unavailable, err, "look for the key "+name)
}

// Load opens a secret. A missing one is fault.NotFound.
func (v *Vault) Load(name string) ([]byte, error) {
	b, err := os.ReadFile(v.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "pki.no_key", "no key "+name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "read the key "+name)
	}
	return v.sealer.Open(name, b)
}

// Save seals a secret; when it returns nil the secret is on disk. After a crash the old or the new one is there, whole.
func (v *Vault) Save(name string, secret []byte) error {
	return writeDurably(v.path(name), append(v.sealer.Seal(name, secret), '\n'))
}

// LoadOrMake loads a secret, or keeps and returns a fresh one.
func (v *Vault) LoadOrMake(name string, fresh func() ([]byte, error)) ([]byte, error) {
	secret, err := v.Load(name)
	if fault.KindOf(err) != fault.NotFound || err == nil {
		return secret, err
	}
	if secret, err = fresh(); err != nil {
		return nil, err
	}
	return secret, v.Save(name, secret)
}

// Adopt seals a secret that an earlier version kept in a plain file, and then removes the file. Without the file it does nothing.
func (v *Vault) Adopt(name, file string) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "read the key "+name)
	}
	there, err := v.Has(name)
	if err != nil {
		return err
	}
	if !there {
		if err := v.Save(name, []byte(strings.TrimSpace(string(b)))); err != nil {
			return err
		}
	}
	return fault.Wrap(fault.Unavailable, os.Remove(file), "remove the plain key "+name)
}

// writeDurably writes a private file so that after a crash it is there entirely or not at all.
func writeDurably(file string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new*") // mode 0600
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "write "+filepath.Base(file))
	}
	_, err = temp.Write(b)
	err = errors.Join(err, temp.Chmod(privateFile), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // the first error is the news
		return fault.Wrap(fault.Unavailable, err, "write "+filepath.Base(file))
	}
	return fault.Wrap(fault.Unavailable, syncFolder(filepath.Dir(file)), "write "+filepath.Base(file))
}

// WriteDurably writes a private file so that after a crash it is there entirely or not at all. When it returns nil it is on disk.
func WriteDurably(file string, b []byte) error { return writeDurably(file, b) }

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
