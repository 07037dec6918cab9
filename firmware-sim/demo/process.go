package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// restartAfter is how long a program that ended by itself stays down, so that one can watch the others go on.
const restartAfter = 5 * time.Second

// stopWithin is how long a program may take to end after SIGTERM before it is killed.
const stopWithin = 10 * time.Second

// program is one child process that is started again when it ends by itself.
type program struct {
	title string // in Japanese, for the person at the terminal
	path  string
	args  []string
	env   []string // nil: this program's
	log   io.Writer
	say   func(format string, args ...any)
}

// run keeps the program running until ctx ends, then stops it and waits for it. up is called once, after the
// first start.
func (p program) run(ctx context.Context, up func()) error {
	// The kernel sends Pdeathsig when the thread that started the child ends, so this thread must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for first := true; ; first = false {
		c, err := p.start()
		if err != nil {
			return err
		}
		if first {
			up()
		} else {
			p.say("%sを再起動しました(プロセス番号 %d)。", p.title, c.cmd.Process.Pid)
		}
		select {
		case <-ctx.Done():
			return c.stop(p.path)
		case <-c.ended:
			p.say("%sが止まりました(%v)。%d 秒後に再起動します。", p.title, exitText(c.err), int(restartAfter.Seconds()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(restartAfter):
		}
	}
}

// child is one running process. err is how it ended, once ended is closed.
type child struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error
}

func (p program) start() (*child, error) {
	// No CommandContext: stopping is ours, with SIGTERM first.
	cmd := exec.Command(p.path, p.args...) //nolint:gosec,noctx // our own programs, stopped in order by stop
	cmd.Stdout, cmd.Stderr, cmd.Env = p.log, p.log, p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.path, err)
	}
	c := &child{cmd: cmd, ended: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

func (c *child) stop(name string) error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	select {
	case <-c.ended:
		return nil
	case <-time.After(stopWithin):
		_ = c.cmd.Process.Kill() // it had its time
		<-c.ended
		return fmt.Errorf("%s did not end within %v and was killed", name, stopWithin)
	}
}

func exitText(err error) string {
	if err == nil {
		return "終了"
	}
	return err.Error()
}
