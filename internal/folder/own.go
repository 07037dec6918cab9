package folder

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"kanmon/internal/fault"
)

// TakeOwn is Take for a command beside the service, whose folder has to be the caller's own.
func TakeOwn(dir, program string) (Lock, error) {
	if err := Own(dir); err != nil {
		return Lock{}, err
	}
	return Take(dir, program)
}

// Own refuses a folder that belongs to another user than the program runs as: what this one writes the other could not read, and the service would
// not start again. fault.Denied says whose it is.
func Own(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "look at the data folder")
	}
	uid, ok := ownerOf(info)
	if !ok || uid == os.Geteuid() {
		return nil
	}
	owner := strconv.Itoa(uid)
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	return fault.New(fault.Denied, "folder.owner", fmt.Sprintf(
		"データフォルダ %[1]s は利用者 %[2]s のものです。この操作は %[2]s として実行してください(例: sudo -u %[2]s)。"+
			" / the data folder %[1]s belongs to %[2]s: run this as %[2]s", dir, owner))
}
