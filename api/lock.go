package api

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"kanmon/internal/fault"
)

// folderLock keeps a data folder for one kanmon-api. The kernel ends it with the process, however that ends; the
// file stays and means nothing.
type folderLock struct{ file *os.File }

// lockDataDir takes the lock, or says in both languages that another program has it.
func lockDataDir(dir string) (folderLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, privateFile) // a fixed name in the data folder
	if err != nil {
		return folderLock{}, fault.Wrap(fault.Unavailable, err, "lock the data folder")
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return folderLock{f}, nil
	}
	_ = f.Close() // the refusal is the news
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return folderLock{}, fault.New(fault.Conflict, "centre.data_dir_in_use", fmt.Sprintf(
			"データフォルダ %[1]s は、動作中の別の kanmon-api が使用しています。先にそちらを停止してください。"+
				" / another kanmon-api is running on the data folder %[1]s: stop it first", dir))
	}
	return folderLock{}, fault.Wrap(fault.Unavailable, err, "lock the data folder")
}

// release gives the folder free. Releasing twice, or what was never taken, is no error.
func (l *folderLock) release() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
