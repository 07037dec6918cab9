package pki

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kanmon/internal/fault"
)

const (
	privateFolder = 0o700
	privateFile   = 0o600
	forOthers     = 0o077
	maxSecret     = 1 << 20
)

// readPrivate reads a secret that lies in the clear. A file that others may read is refused: it is no secret any more. A missing one is
// fault.NotFound.
func readPrivate(file string) ([]byte, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "pki.no_file", "no file "+file)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "read a secret")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "look at a secret")
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&forOthers != 0 || info.Size() > maxSecret {
		return nil, fault.New(fault.Invalid, "pki.readable", file+" is not a small file that only its owner may read: chmod 600, and think of making a new secret")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret))
	return b, fault.Wrap(fault.Unavailable, err, "read a secret")
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

// RemoveDurably removes a file. When it returns nil the file does not come back after a crash. Removing does not wipe.
func RemoveDurably(file string) error { return removeDurably(file) }

func removeDurably(file string) error {
	err := os.Remove(file)
	if err == nil {
		err = syncFolder(filepath.Dir(file))
	}
	return fault.Wrap(fault.Unavailable, err, "remove "+filepath.Base(file))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
