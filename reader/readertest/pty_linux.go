package readertest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
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
	const flags = os.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK
	master, err := os.OpenFile("/dev/ptmx", flags, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = master.Close()
		}
	}()
	var number int
	err = control(master, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unlock: %w", err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	slave, err := os.OpenFile(name, flags, 0)
	if err != nil {
		return nil, err
	}
	raw := unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B9600}
	raw.Cc[unix.VMIN] = 1
	if err := control(slave, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, &raw) }); err != nil {
		_ = slave.Close()
		return nil, fmt.Errorf("raw mode: %w", err)
	}
	return &PTY{Name: name, Master: master, slave: slave}, nil
}

// control goes through SyscallConn: Fd would switch the file to blocking and take its deadlines away.
func control(f *os.File, fn func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = fn(int(fd)) })
	return errors.Join(err, failed)
}
