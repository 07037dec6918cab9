package pki

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"kanmon/internal/fault"
)

const (
	privateFolder = 0o700
	privateFile   = 0o600
	maxSecret     = 1 << 20
)

// ReadPrivate reads a secret that lies in the clear. A file that others may read is refused: it is no secret any more (forOthers; the mode of a file
// says nothing of that on Windows). A missing one is fault.NotFound.
func ReadPrivate(file string) ([]byte, error) {
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
