package serialport

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// hold keeps a line for this Port: an advisory lock on the device node, by a descriptor of our own because
// tarm/serial does not show its. TIOCEXCL would not do: it does not bind root.
type hold struct{ file *os.File }

func lock(name string) (hold, error) {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return hold{}, err
	}
	h := hold{f}
	err = h.control(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if err == nil {
		return h, nil
	}
	h.release()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return hold{}, ErrInUse
	}
	return hold{}, fmt.Errorf("lock: %w", err)
}

// wake makes a writer that sleeps in the driver look at its queue again: stopping and starting the output
// does that, throwing the queue away alone does not.
func (h hold) wake() {
	_ = h.control(func(fd int) error {
		return errors.Join(unix.IoctlSetInt(fd, unix.TCXONC, unix.TCOOFF), unix.IoctlSetInt(fd, unix.TCXONC, unix.TCOON))
	})
}

func (h hold) release() {
	if h.file != nil {
		_ = h.file.Close() // closing the descriptor ends the lock
	}
}

// control uses the raw descriptor where it is safe; File.Fd would change the mode of the file.
func (h hold) control(fn func(fd int) error) error {
	if h.file == nil {
		return nil
	}
	raw, err := h.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = fn(int(fd)) })
	return errors.Join(err, failed)
}
