package harness

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program is one of the product's programs as a process of its own, which can be killed as no part of a test's own process can.
type Program struct {
	t     testing.TB
	title string
	args  []string
	log   io.Writer

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
}

// built is where the programs are. They are built once a test run, without the race detector: what is killed is what runs at a
// customer's, at its speed.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kanmon-bin")
	if err != nil {
		return "", err
	}
	builtIn = dir
	cmd := exec.Command("go", "build", "-o", dir+"/", "kanmon/api/cmd/kanmon-api", "kanmon/controller/cmd/kanmon-controller") //nolint:gosec // a folder of our own making
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return dir, nil
})

// builtIn is the folder that built made; empty: none.
var builtIn string

// removeBuilt removes what built made, at the end of the test run.
func removeBuilt() {
	if builtIn != "" {
		_ = os.RemoveAll(builtIn) // a temporary folder
	}
}

// NewProgram is "kanmon-api" or "kanmon-controller" with its arguments. Start starts it; it is killed when the test ends.
func NewProgram(t testing.TB, name string, log io.Writer, args ...string) *Program {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatalf("build the programs: %v", err)
	}
	p := &Program{t: t, title: name, args: append([]string{filepath.Join(dir, name)}, args...), log: log}
	t.Cleanup(p.kill)
	return p
}

// Start starts it, also again.
func (p *Program) Start() {
	p.t.Helper()
	cmd := exec.Command(p.args[0], p.args[1:]...) //nolint:gosec,noctx // our own programs, ended by kill and stop
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.title, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is of no interest: who stops it knows
		close(ended)
	}()
	p.mu.Lock()
	p.cmd, p.ended = cmd, ended
	p.mu.Unlock()
}

// kill sends SIGKILL and waits for the end.
func (p *Program) kill() { p.t.Helper(); p.end(syscall.SIGKILL) }

// stop sends SIGTERM and waits for the end.
func (p *Program) stop(string) { p.t.Helper(); p.end(syscall.SIGTERM) }

func (p *Program) end(s syscall.Signal) {
	p.t.Helper()
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.cmd = nil
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(s) // it may have ended by itself
	select {
	case <-ended:
	case <-time.After(Patience):
		_ = cmd.Process.Kill()
		<-ended
		p.t.Errorf("%s did not end within %v", p.title, Patience)
	}
}

// Alive reports whether the process still runs.
func (p *Program) Alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}
