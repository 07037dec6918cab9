package store

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// OpenSigner reads the checkpoint key of an origin from a file, or makes the key and the file, mode 0600, when
// there is none. A file that others may read, and a key of another origin, are refused.
func OpenSigner(path, origin string) (*ledger.Signer, error) {
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSigner(path, origin)
	}
	if err != nil {
		return nil, err
	}
	s, err := ledger.ParseSigner(text)
	if err != nil {
		return nil, err
	}
	if s.Origin() != origin {
		return nil, fault.New(fault.Invalid, "ledger.bad_origin", "the checkpoint key in "+path+" is of "+s.Origin())
	}
	return s, nil
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "read checkpoint key")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fault.New(fault.Denied, "ledger.key_readable", path+" may be read by others: chmod 600")
	}
	text, err := os.ReadFile(path)
	return string(text), fault.Wrap(fault.Unavailable, err, "read checkpoint key")
}

// makeSigner makes a key and puts its file in place only when it is whole and on disk.
func makeSigner(path, origin string) (*ledger.Signer, error) {
	s, err := ledger.NewSigner(rand.Reader, origin)
	if err != nil {
		return nil, err
	}
	if err := writeSecret(path, s.Secret()); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "write checkpoint key")
	}
	return s, nil
}

func writeSecret(path, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the cause is the news
		}
	}()
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	// Link, not rename: of two programs that start together one makes the key, the other fails.
	if err = os.Link(f.Name(), path); err != nil {
		return err
	}
	return errors.Join(os.Remove(f.Name()), syncFolder(filepath.Dir(path)))
}

// syncFolder makes the new name of a file survive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
