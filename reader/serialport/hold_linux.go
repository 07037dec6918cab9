package serialport

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

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

// checkParity has the driver drop characters whose parity is wrong (INPCK; the library sets IGNPAR).
func (h hold) checkParity() error {
	return h.control(func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		t.Iflag |= unix.INPCK
		return unix.IoctlSetTermios(fd, unix.TCSETS, t)
	})
}

// serialRS485 is struct serial_rs485 of linux/serial.h.
type serialRS485 struct {
	flags, delayBefore, delayAfter uint32 // delays in milliseconds
	_                              [5]uint32
}

const (
	rs485Enabled      = 1 << 0 // SER_RS485_ENABLED
	rs485RTSOnSend    = 1 << 1 // SER_RS485_RTS_ON_SEND
	rs485RTSAfterSend = 1 << 2 // SER_RS485_RTS_AFTER_SEND
)

// words is the configuration as the kernel takes it: RTS high while sending and low otherwise, or the other way round.
func (r RS485) words() serialRS485 {
	flags := uint32(rs485Enabled | rs485RTSOnSend)
	if r.RTSLowOnSend {
		flags = rs485Enabled | rs485RTSAfterSend
	}
	return serialRS485{flags: flags, delayBefore: uint32(r.DelayBefore.Milliseconds()), delayAfter: uint32(r.DelayAfter.Milliseconds())}
}

// direct has the kernel switch the direction. A driver that cannot says ENOTTY: then the line does not open.
func (h hold) direct(r RS485) error {
	words := r.words()
	return h.control(func(fd int) error {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSRS485, uintptr(unsafe.Pointer(&words))) //nolint:gosec // the kernel reads the struct during the call
		if errno != 0 {
			return errno
		}
		return nil
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
