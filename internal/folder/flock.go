//go:build !windows

package folder

import (
	"errors"
	"os"
	"syscall"
)

// hold takes a lock on an open file without waiting; taken says that another process has it.
func hold(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK), err
}

// ownerOf is who owns a file, by number; ok is false where nobody can say.
func ownerOf(info os.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// syncFolder has the names in a folder survive a loss of power.
func syncFolder(dir *os.File) error { return dir.Sync() }
