package controller

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"kanmon/internal/fault"
)

// folderLock keeps a data folder for one kanmon-controller, or one command that changes what it holds. The kernel ends it with the
// process, however that ends; the file stays and means nothing.
type folderLock struct{ file *os.File }

// lockDataDir takes the lock. fault.Conflict says, in both languages, that another program has it.
func lockDataDir(dir string) (folderLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return folderLock{}, fault.Wrap(fault.Unavailable, err, "lock the data folder")
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return folderLock{f}, nil
	}
	_ = f.Close() // the refusal is the news
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return folderLock{}, fault.New(fault.Conflict, "edge.data_dir_in_use", fmt.Sprintf(
			"データフォルダ %[1]s は、動作中の kanmon-controller が使用しています。先にそちらを停止してください。"+
				" / a kanmon-controller is running on the data folder %[1]s: stop it first", dir))
	}
	return folderLock{}, fault.Wrap(fault.Unavailable, err, "lock the data folder")
}

// release gives the folder free. Releasing what was never taken is no error.
func (l folderLock) release() {
	if l.file != nil {
		_ = l.file.Close() // nothing was written
	}
}
