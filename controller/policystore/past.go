package policystore

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Policies that are no longer in force stay for a while, compressed, so that an old decision can be made again: past/<epoch>-<n>.json.gz, each
// the file it was, with the centre's signature. The oldest go when all of them together are larger than keepPast.

const (
	pastDir  = "past"
	keepPast = 256 << 20
)

func pastName(v access.Version) string { return fmt.Sprintf("%d-%d.json.gz", v.Epoch, v.N) }

// Past is the policy of a version, as the centre signed it; fault.NotFound when it is no longer, or never was, on the disk.
func (s *Store) Past(v access.Version) (access.Spec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, read := range []func() (file, error){
		func() (file, error) { return s.readFile(currentName) },
		func() (file, error) { return s.readFile(previousName) },
		func() (file, error) { return s.readPast(v) },
	} {
		f, err := read()
		if err != nil || f.Spec.Version != v {
			continue
		}
		if _, err := s.check(f); err != nil {
			return access.Spec{}, fault.Wrap(fault.KindOf(err), err, "a policy of the past")
		}
		return f.Spec, nil
	}
	return access.Spec{}, fault.New(fault.NotFound, "policy.past", fmt.Sprintf("policy %d.%d is not on the disk", v.Epoch, v.N))
}

func (s *Store) readPast(v access.Version) (file, error) {
	packed, err := os.Open(filepath.Join(s.cfg.Dir, pastDir, pastName(v)))
	if err != nil {
		return file{}, err
	}
	defer func() { _ = packed.Close() }()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return file{}, err
	}
	b, err := io.ReadAll(unpacked)
	if err != nil {
		return file{}, err
	}
	return decode(b)
}

// archive packs a file away that is about to be replaced. A file that does not hold is not worth it, and one that cannot be packed is no
// reason to refuse a new policy.
func (s *Store) archive(name string) error {
	b, err := os.ReadFile(filepath.Join(s.cfg.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := decode(b)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.cfg.Dir, pastDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // a level there is
	_, err = w.Write(b)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(dir, pastName(f.Spec.Version)), packed.Bytes()); err != nil {
		return err
	}
	return prunePast(dir, keepPast)
}

// prunePast removes the oldest files until the others are no larger than most, by the time they were packed.
func prunePast(dir string, most int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	var size int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files, size = append(files, info), size+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, f := range files {
		if size <= most {
			return nil
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
		size -= f.Size()
	}
	return nil
}
