// Package folder is a program's data folder: it is for one program at a time, and its files are there whole or not at all.
package folder

import (
	"fmt"
	"os"
	"path/filepath"

	"kanmon/internal/fault"
)

// Lock is held on a folder. The kernel ends it with the process, however that ends; the file stays and means nothing.
type Lock struct{ file *os.File }

// Take locks a folder for a program of this name. fault.Conflict says, in both languages, that another one has it.
func Take(dir, program string) (Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) // a fixed name in the data folder
	if err != nil {
		return Lock{}, fault.Wrap(fault.Unavailable, err, "lock the data folder")
	}
	taken, err := hold(f)
	if err == nil {
		return Lock{f}, nil
	}
	_ = f.Close() // the refusal is the news
	if taken {
		return Lock{}, fault.New(fault.Conflict, "folder.in_use", fmt.Sprintf(
			"データフォルダ %[1]s は、動作中の別の %[2]s が使用しています。先にそちらを停止してください。"+
				" / another %[2]s is running on the data folder %[1]s: stop it first", dir, program))
	}
	return Lock{}, fault.Wrap(fault.Unavailable, err, "lock the data folder")
}

// Release gives the folder free. Releasing twice, or what was never taken, is no error.
func (l *Lock) Release() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
