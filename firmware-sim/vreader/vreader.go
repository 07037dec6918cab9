// Package vreader is a pcscd of its own with virtual readers, apart from whatever runs on the machine: in a mount and a network namespace of its own, so
// that neither its socket nor the ports of its readers meet others. It needs root, and Debian's pcscd and vsmartcard-vpcd.
package vreader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// driver is where Debian puts vpcd's driver.
const driver = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"

// firstPort is that of the first slot; the slots of a driver have two ports in a row.
const firstPort = 35963

// Most is how many readers there can be: pcscd has 16 slots.
const Most = 16

// mostPath is the longest path of a Unix socket.
const mostPath = 107

// Env is the variable by which libpcsclite finds a daemon. A process reads it once.
const Env = "PCSCLITE_CSOCK_NAME"

// Missing says what keeps a daemon from being started here; nil when nothing does.
func Missing() error {
	var all []string
	if os.Geteuid() != 0 {
		all = append(all, "root")
	}
	if _, err := find(); err != nil {
		all = append(all, "pcscd")
	}
	if _, err := os.Stat(driver); err != nil {
		all = append(all, "vsmartcard-vpcd")
	}
	if all == nil {
		return nil
	}
	return fmt.Errorf("missing: %s", strings.Join(all, ", "))
}

func find() (string, error) {
	if p, err := exec.LookPath("pcscd"); err == nil {
		return p, nil
	}
	return exec.LookPath("/usr/sbin/pcscd")
}

// Daemon is a pcscd with readers.
type Daemon struct {
	dir     string
	readers int
	log     io.Writer
	cmd     *exec.Cmd
	ended   chan struct{}
}

// New prepares a daemon in a folder whose path is short enough for a Unix socket, with some virtual readers, 1 to Most.
func New(dir string, readers int, log io.Writer) (*Daemon, error) {
	if err := Missing(); err != nil {
		return nil, fmt.Errorf("no virtual PC/SC readers: %w", err)
	}
	if readers < 1 || readers > Most {
		return nil, fmt.Errorf("%d virtual readers", readers)
	}
	d := &Daemon{dir: dir, readers: readers, log: log}
	return d, d.configure()
}

// configure writes reader.conf with a section for two slots each. Each section has a copy of the driver: sections that share
// one overwrite each other's state.
func (d *Daemon) configure() error {
	for _, sub := range []string{"run", "conf"} {
		if err := os.MkdirAll(filepath.Join(d.dir, sub), 0o750); err != nil {
			return fmt.Errorf("virtual readers: %w", err)
		}
	}
	code, err := os.ReadFile(driver)
	if err != nil {
		return fmt.Errorf("virtual readers: %w", err)
	}
	var conf strings.Builder
	for n := 0; n < d.readers; n += 2 {
		lib := filepath.Join(d.dir, fmt.Sprintf("vpcd%d.so", n/2))
		if err := os.WriteFile(lib, code, 0o755); err != nil { //nolint:gosec // a library that pcscd loads
			return fmt.Errorf("virtual readers: %w", err)
		}
		fmt.Fprintf(&conf, "FRIENDLYNAME \"%s\"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\nCHANNELID 0x%X\n\n", family(n), firstPort+n, lib, firstPort+n)
	}
	return os.WriteFile(filepath.Join(d.dir, "conf", "readers"), []byte(conf.String()), 0o644) //nolint:gosec // no secret
}

func family(n int) string { return fmt.Sprintf("Virtual PCD %c", 'A'+n/2) }

// Reader is the name under which PC/SC shows the n-th reader, counted from 0.
func Reader(n int) string { return fmt.Sprintf("%s 00 %02d", family(n), n%2) }

// Address is where a card lies down on the n-th reader.
func Address(n int) string { return fmt.Sprintf("127.0.0.1:%d", firstPort+n) }

// Socket is the daemon's, for Env.
func (d *Daemon) Socket() string { return filepath.Join(d.dir, "run", "pcscd.comm") }

// Start starts the daemon and returns when it listens. It can be started again after Kill or Stop.
func (d *Daemon) Start(ctx context.Context) error {
	pcscd, err := find()
	if err != nil {
		return err
	}
	if n := len(d.Socket()); n > mostPath {
		return fmt.Errorf("the path of pcscd's socket has %d bytes, of which %d are possible", n, mostPath)
	}
	for _, stale := range []string{"pcscd.comm", "pcscd.pid"} {
		_ = os.Remove(filepath.Join(d.dir, "run", stale)) // of a daemon that was killed
	}
	script := `mkdir -p /run/pcscd && mount --bind "$1" /run/pcscd && exec "$2" -f -i -c "$3"`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", filepath.Join(d.dir, "run"), pcscd, filepath.Join(d.dir, "conf")) //nolint:gosec,noctx // our own words; ended by Stop
	cmd.Stdout, cmd.Stderr = d.log, d.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	ended, err := keep(cmd)
	if err != nil {
		return fmt.Errorf("start pcscd: %w", err)
	}
	d.cmd, d.ended = cmd, ended
	if err := d.up(ctx); err != nil {
		d.Kill()
		return err
	}
	return nil
}

// keep starts a child and waits for it. The kernel sends Pdeathsig when the thread that started the child ends, so that thread stays as long as the child.
func keep(cmd *exec.Cmd) (ended chan struct{}, err error) {
	ended = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // that it ended is all there is to know
		}
	}()
	return ended, <-started
}

// up waits for the socket, and makes the loopback of the daemon's namespace work.
func (d *Daemon) up(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(10 * time.Second); ; {
		if c, err := (&net.Dialer{}).DialContext(ctx, "unix", d.Socket()); err == nil {
			_ = c.Close() // that it is answered is enough
			return d.inside(loopbackUp)
		}
		select {
		case <-d.ended:
			return errors.New("pcscd ended at once")
		case <-deadline:
			return errors.New("pcscd does not listen")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Stop ends the daemon in order.
func (d *Daemon) Stop() { d.end(syscall.SIGTERM) }

// Kill ends it at once.
func (d *Daemon) Kill() { d.end(syscall.SIGKILL) }

// Freeze stops it from running, and Thaw lets it go on.
func (d *Daemon) Freeze() error { return d.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen daemon go on.
func (d *Daemon) Thaw() error { return d.cmd.Process.Signal(syscall.SIGCONT) }

func (d *Daemon) end(s syscall.Signal) {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(s) // it may have ended by itself
	select {
	case <-d.ended:
	case <-time.After(5 * time.Second):
		_ = d.cmd.Process.Kill() // it had its time
		<-d.ended
	}
	d.cmd = nil
}

// inside runs a function on a thread in the daemon's network namespace. The thread ends with it.
func (d *Daemon) inside(do func() error) error {
	result := make(chan error, 1)
	go func() { result <- enter(d.cmd.Process.Pid, do) }()
	return <-result
}

// DialContext connects from inside the daemon's network namespace: vcard.Hold takes the daemon as its dialer.
func (d *Daemon) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	if d.cmd == nil {
		return nil, errors.New("pcscd does not run")
	}
	err = d.inside(func() error {
		var dialing error
		c, dialing = (&net.Dialer{}).DialContext(ctx, network, address)
		return dialing
	})
	return c, err
}

// loopbackUp raises the interface "lo".
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer func() { _ = unix.Close(s) }()
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r)
}
