// Package pty makes the serial line the simulator speaks on: a pseudo-terminal whose slave the controller
// opens like any tty. It is the only importer of creack/pty and x/term.
package pty

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Line is a pseudo-terminal. Read and Write are the simulator's end.
type Line struct {
	*os.File          // the master
	slave    *os.File // kept open: the line must survive a controller that comes and goes
	link     string
}

// Open makes a line in raw mode and, when link is not empty, a symbolic link to the slave's path.
func Open(link string) (*Line, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open pseudo-terminal: %w", err)
	}
	if master, err = polled(master); err != nil {
		_ = slave.Close() // the first error is the one to report
		return nil, err
	}
	l := &Line{File: master, slave: slave}
	if _, err := term.MakeRaw(int(slave.Fd())); err != nil {
		_ = l.Close() // the first error is the one to report
		return nil, fmt.Errorf("set line to raw: %w", err)
	}
	if link != "" {
		if err := l.linkTo(link); err != nil {
			_ = l.Close() // the first error is the one to report
			return nil, err
		}
	}
	return l, nil
}

// polled is the same master as a file whose Close ends a Read that waits. The library hands out one that blocks in the kernel.
func polled(master *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err = errors.Join(err, master.Close()); err != nil {
		return nil, fmt.Errorf("open pseudo-terminal: %w", err)
	}
	return os.NewFile(uintptr(fd), master.Name()), nil
}

func (l *Line) linkTo(link string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o750); err != nil {
		return fmt.Errorf("make folder of line link: %w", err)
	}
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove old line link: %w", err)
	}
	if err := os.Symlink(l.slave.Name(), link); err != nil {
		return fmt.Errorf("link line: %w", err)
	}
	l.link = link
	return nil
}

// Path is the tty a controller opens.
func (l *Line) Path() string { return l.slave.Name() }

// Close hangs the line up and removes the link.
func (l *Line) Close() error {
	if l.link != "" {
		_ = os.Remove(l.link) // best effort: the target is gone with the process
	}
	_ = l.slave.Close() // the master's Close decides
	if err := l.File.Close(); err != nil {
		return fmt.Errorf("close line: %w", err)
	}
	return nil
}
