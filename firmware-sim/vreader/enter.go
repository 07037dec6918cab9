package vreader

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// enter runs do on this goroutine's thread inside the network namespace of a process. The thread is never used again: the goroutine has to end
// after it.
func enter(pid int, do func() error) error {
	runtime.LockOSThread()
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	return do()
}
