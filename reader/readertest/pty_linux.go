package readertest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// PTY is a pseudo terminal in raw mode. The program under test opens Name; the test reads and writes Master,
// which knows deadlines.
type PTY struct {
	Name   string
	Master *os.File

	slave *os.File // held open, so that the master sees no end of file between two openings
	once  sync.Once
}

// OpenPTY makes a pseudo terminal that lives until the test ends or HangUp.
func OpenPTY(tb testing.TB) *PTY {
	tb.Helper()
	p, err := openPTY()
	if err != nil {
		tb.Fatalf("open a pseudo terminal: %v", err)
	}
	tb.Cleanup(p.HangUp)
	return p
}

// HangUp closes the test's end, which the other end sees as a pulled cable.
func (p *PTY) HangUp() {
	p.once.Do(func() {
		_ = p.slave.Close()
		_ = p.Master.Close()
	})
}

func openPTY() (_ *PTY, err error) {
	const flags = os.O_RDWR | syscall.O_NOCTTY | syscall.O_NONBLOCK
	master, err := os.OpenFile("/dev/ptmx", flags, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = master.Close()
		}
	}()
	var locked, number int32
	termios := syscall.Termios{Cflag: syscall.CS8 | syscall.CREAD | syscall.CLOCAL | syscall.B9600}
	termios.Cc[syscall.VMIN] = 1
	err = errors.Join(
		ioctl(master, syscall.TIOCSPTLCK, unsafe.Pointer(&locked)),
		ioctl(master, syscall.TIOCGPTN, unsafe.Pointer(&number)),
	)
	if err != nil {
		return nil, fmt.Errorf("unlock: %w", err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	slave, err := os.OpenFile(name, flags, 0) //nolint:gosec // the kernel made the name
	if err != nil {
		return nil, err
	}
	if err := ioctl(slave, syscall.TCSETS, unsafe.Pointer(&termios)); err != nil {
		_ = slave.Close()
		return nil, fmt.Errorf("raw mode: %w", err)
	}
	return &PTY{Name: name, Master: master, slave: slave}, nil
}

// ioctl goes through SyscallConn: Fd would switch the file to blocking and take its deadlines away.
func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)); e != 0 {
			failed = e
		}
	})
	return errors.Join(err, failed)
}
