package brokertest

import (
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"kanmon/internal/broker/mosquitto"
)

// Process is a mosquitto of its own, on this machine, with files that are there.
type Process struct {
	tb      testing.TB
	conf    string
	address string
	lines   lines
	cmd     *exec.Cmd
	ended   chan struct{}
}

// Launch starts mosquitto with a configuration file and waits until it listens on address. It is stopped when the test ends.
func Launch(tb testing.TB, conf, address string) *Process {
	tb.Helper()
	p := &Process{tb: tb, conf: conf, address: address}
	p.Start()
	tb.Cleanup(p.Stop)
	return p
}

// Start runs it, again when it was stopped or killed.
func (p *Process) Start() {
	p.tb.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // not on everybody's PATH
	}
	p.cmd = exec.Command(program, "-c", p.conf) //nolint:gosec,noctx // the name is fixed; it lives until Stop
	p.cmd.Stdout, p.cmd.Stderr = &p.lines, &p.lines
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.tb.Fatalf("mosquitto does not start; .ci/setup test installs it: %v", err)
	}
	ended := make(chan struct{})
	p.ended = ended
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(ended)
	}(p.cmd)
	Until(p.tb, "mosquitto listens", func() bool {
		select {
		case <-ended:
			p.tb.Fatalf("mosquitto ended:\n%s", p.Log())
		default:
		}
		return hangsUp(p.address)
	})
}

// hangsUp says that somebody listens and puts an end to nonsense. mosquitto listens before it is ready for signals, and would
// die of an early SIGHUP; once it reads it is ready.
func hangsUp(address string) bool {
	conn, err := dial(address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(Patience))
	if _, err := conn.Write([]byte("neither TLS nor MQTT\n")); err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, conn)
	var timeout net.Error
	return err == nil || !asTimeout(err, &timeout)
}

// Reload sends SIGHUP.
func (p *Process) Reload() { p.signal(syscall.SIGHUP) }

// Pause holds the whole process, and Continue lets it go on: a broker that hangs.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Continue is described at Pause.
func (p *Process) Continue() { p.signal(syscall.SIGCONT) }

// Stop ends it in good order, Kill with SIGKILL.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill is described at Stop.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

func (p *Process) signal(s syscall.Signal) {
	p.tb.Helper()
	if p.cmd == nil {
		p.tb.Fatal("mosquitto does not run")
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Errorf("signal mosquitto: %v", err)
	}
}

func (p *Process) end(s syscall.Signal) {
	p.tb.Helper()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(s)
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	p.cmd = nil
	select {
	case <-p.ended:
	case <-time.After(Patience):
		p.tb.Error("mosquitto did not end")
	}
}

// Log is what it has printed since Launch.
func (p *Process) Log() string { return p.lines.String() }

// FreeAddress is an address of this machine on which nothing listens.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	l := listen(tb)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// external is mosquitto as the documented files make it.
type external struct {
	*Process
	of     *Broker
	config mosquitto.Config
}

func newExternal(tb testing.TB, of *Broker) *external {
	tb.Helper()
	e := &external{of: of, config: mosquitto.Config{Site: Site, Dir: tb.TempDir(), Listen: FreeAddress(tb), Listeners: []string{Screen}, User: whoami(tb)}}
	certificate, key := pemOf(tb, of.Authority.Server())
	for name, content := range map[string][]byte{mosquitto.CAFile: of.Authority.PEM(), mosquitto.CertificateFile: certificate, mosquitto.KeyFile: key} {
		if err := os.WriteFile(filepath.Join(e.config.Dir, name), content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	e.Process = &Process{tb: tb, conf: filepath.Join(e.config.Dir, mosquitto.ConfFile), address: e.config.Listen}
	return e
}

func whoami(tb testing.TB) string {
	tb.Helper()
	u, err := user.Current()
	if err != nil {
		tb.Fatal(err)
	}
	return u.Username
}

func (e *external) address() string { return e.config.Listen }
func (e *external) log() string     { return e.Log() }
func (e *external) stop()           { e.Stop() }
func (e *external) kill()           { e.Kill() }

func (e *external) start() {
	e.tb.Helper()
	e.write()
	e.Start()
}

func (e *external) write() {
	e.tb.Helper()
	e.config.Controllers = e.of.registered()
	if _, err := mosquitto.Write(e.config.Dir, e.config, e.of.Authority.RevocationList()); err != nil {
		e.tb.Fatal(err)
	}
	if e.of.change != nil {
		e.of.change(e.config.Dir)
	}
}

// apply follows docs/broker.md: reload for a new client, restart for one revoked.
func (e *external) apply(gone string) {
	e.tb.Helper()
	e.write()
	if gone == "" {
		e.Reload()
		return
	}
	e.Stop()
	e.Start()
}
