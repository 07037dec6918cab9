package devicekey

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/reader/osdp"
)

// Adopt seals the keys that plain files bring, removes those files, and says which keys hold. A disk that cannot be written and a file
// that cannot be removed are in the log and no error: the doors work with the key all the same. An error is one of Peek, and nothing was
// changed.
func (s *Store) Adopt(devices []Device) (All, error) {
	all, err := s.Peek(devices)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if all[d.Name], err = s.adopt(d); err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "SCBK of "+d.Name)
		}
	}
	return all, nil
}

// adopt does one device: the key is sealed before its file is removed, and sealed with the mark of that file, so that a file which
// stays is not taken for a newer word later.
func (s *Store) adopt(d Device) (Keys, error) {
	f, err := s.find(d)
	if err != nil {
		return Keys{}, err
	}
	if f.changed {
		if err := s.save(d.Name, f.now); err != nil {
			s.log.Error("the key of a device cannot be sealed: its plain file stays", "device", d.Name, "error", err)
			return f.now, nil
		}
	}
	if f.file.IsZero() {
		return f.now, nil
	}
	s.told(d, f)
	if err := removePlain(d.File); err != nil {
		s.log.Warn("the key of a device is sealed and its plain file cannot be removed: remove it by hand", "device", d.Name, "file", d.File, "error", err)
		return f.now, nil
	}
	f.now.leftover = ""
	if err := s.save(d.Name, f.now); err != nil {
		s.log.Warn("the key of a device: that its file is gone could not be noted", "device", d.Name, "error", err)
	}
	return f.now, nil
}

// told says what became of a file.
func (s *Store) told(d Device, f found) {
	if info, err := os.Stat(d.File); err == nil && info.Mode().Perm()&0o077 != 0 {
		s.log.Warn("the plain key file of a device was readable by others: think of a new key", "device", d.Name, "file", d.File)
	}
	switch {
	case !f.changed || f.sealed.Present.Equal(f.now.Present):
	case f.sealed.Present.IsZero():
		s.log.Info("the key of a device is sealed", "device", d.Name, "file", d.File)
	case f.sealed.Changing():
		s.log.Warn("the key of a device is replaced by that of its file; the one that was pending is dropped", "device", d.Name, "file", d.File)
	default:
		s.log.Info("the key of a device is replaced by that of its file", "device", d.Name, "file", d.File)
	}
}

// removePlain leaves a link alone: the file behind it would stay, unnoticed.
func removePlain(file string) error {
	info, err := os.Lstat(file)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fault.New(fault.Unavailable, "devicekey.link", file+" is a symbolic link")
	}
	return folder.Remove(file)
}

// Propose makes a fresh key and keeps it as the pending one of a device that Adopt knows. One that is pending already is not replaced
// (fault.Conflict): the device may hold it.
func (s *Store) Propose(device, reason string, now time.Time) error {
	k, err := s.load(device)
	if err != nil {
		return err
	}
	if k.Changing() {
		return fault.New(fault.Conflict, "devicekey.pending", fmt.Sprintf(
			"%s has a new key since %s already, which it has not proved to hold yet", device, k.Since.UTC().Format(time.RFC3339)))
	}
	if k.Pending, err = fresh(); err != nil {
		return err
	}
	k.Reason, k.Since = reason, now.UTC()
	return s.save(device, k)
}

// fresh draws a key. About once in seven million times one is refused for its looks.
func fresh() (osdp.Key, error) {
	k, err := osdp.GenerateKey(rand.Reader)
	if err != nil {
		k, err = osdp.GenerateKey(rand.Reader)
	}
	return k, err
}

// Settle makes the pending key of a device its present one; the old one is gone. Without a pending key it does nothing.
func (s *Store) Settle(d Device) error {
	k, err := s.load(d.Name)
	if err != nil || !k.Changing() {
		return err
	}
	settled := Keys{Present: k.Pending, leftover: k.leftover}
	if _, err := os.Lstat(d.File); d.File == "" || os.IsNotExist(err) {
		settled.leftover = ""
	}
	return s.save(d.Name, settled)
}
