package folder

import (
	"errors"
	"os"
	"path/filepath"

	"kanmon/internal/fault"
)

// Leftover is the pattern of what a crash in the middle of Write leaves beside a file.
func Leftover(file string) string { return file + ".new*" }

// Write writes a private file so that after a crash it is there entirely or not at all. When it returns nil it is on disk.
func Write(file string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(file), Leftover(filepath.Base(file))) // mode 0600
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "write "+filepath.Base(file))
	}
	_, err = temp.Write(b)
	err = errors.Join(err, temp.Chmod(0o600), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // the first error is the news
		return fault.Wrap(fault.Unavailable, err, "write "+filepath.Base(file))
	}
	return fault.Wrap(fault.Unavailable, sync(filepath.Dir(file)), "write "+filepath.Base(file))
}

// Remove removes a file. When it returns nil the file does not come back after a crash. Removing does not wipe.
func Remove(file string) error {
	err := os.Remove(file)
	if err == nil {
		err = sync(filepath.Dir(file))
	}
	return fault.Wrap(fault.Unavailable, err, "remove "+filepath.Base(file))
}

func sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(syncFolder(d), d.Close())
}
