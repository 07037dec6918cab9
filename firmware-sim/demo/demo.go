package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/folder"
)

// Options of a demo.
type Options struct {
	Bin     string // folder of the programs
	Data    string // folder of everything the demo keeps
	Console string // listen address of the console
	Broker  string // listen address of the broker
}

type demo struct {
	*City
	bin string
	dir string // as the person at the terminal wrote it
	mu  sync.Mutex
	out io.Writer
}

// Run runs the demo until ctx ends. The first run fills the centre; later ones keep what is there.
func Run(ctx context.Context, o Options, out io.Writer) error {
	dir, err := filepath.Abs(o.Data)
	if err != nil {
		return fmt.Errorf("demo folder: %w", err)
	}
	filled, err := exists(Files{dir}.ready())
	if err != nil {
		return err
	}
	d := &demo{bin: o.Bin, dir: o.Data, out: out}
	if filled {
		if d.City, err = Open(dir, o.Console, o.Broker); err == nil {
			err = d.knowsPCSC()
		}
	} else {
		if d.City, err = anew(dir, o); err == nil {
			err = d.withPCSC()
		}
	}
	if err != nil {
		return err
	}
	return d.level(ctx, d.programs(), 0, func(n int) error { return d.reached(ctx, n, filled) })
}

// anew throws away what an interrupted first run left, and makes a city.
func anew(dir string, o Options) (*City, error) {
	f := Files{dir}
	for _, dir := range []string{f.centreDir(), f.controllerDir(), f.simDir()} {
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("clear demo folder: %w", err)
		}
	}
	return Make(dir, o.Console, o.Broker)
}

func (d *demo) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, format+"\n", args...)
}

// programs in the order in which they start. They end in the opposite order: the controller first, so that its
// last events still reach the centre.
func (d *demo) programs() []program {
	p := func(title, name string, args ...string) program {
		return program{
			title: title, path: filepath.Join(d.bin, name), args: args, say: d.say,
			log: &logFile{path: d.Files.Log(name)},
		}
	}
	controller := p("制御装置", "kanmon-controller", "-config", d.Files.ControllerConfig())
	controller.env = d.pcscEnv()
	return []program{
		p("中央", "kanmon-api", "serve", "-config", d.Files.CentreConfig()),
		p("模擬扉", "kanmon-sim", "line", "-config", d.Files.SimConfig()),
		controller,
	}
}

// level starts the n-th program and, once it is up and reached(n) is done, the ones inside it. When ctx ends, or
// a start fails, the innermost ends first.
func (d *demo) level(ctx context.Context, rest []program, n int, reached func(int) error) error {
	if n == len(rest) {
		<-ctx.Done()
		return nil
	}
	outer, stop := context.WithCancel(context.WithoutCancel(ctx)) // ends after everything inside it
	defer stop()
	var g errgroup.Group
	up := make(chan struct{})
	failed := make(chan struct{})
	g.Go(func() error {
		defer close(failed)
		return rest[n].run(outer, func() { close(up) })
	})
	select {
	case <-up:
	case <-failed:
		return g.Wait()
	}
	err := reached(n)
	if err == nil {
		err = d.level(ctx, rest, n+1, reached)
	}
	stop()
	if ended := g.Wait(); err == nil {
		err = ended
	}
	return err
}

// reached does what is to be done once the n-th program runs.
func (d *demo) reached(ctx context.Context, n int, filled bool) error {
	switch n {
	case 0:
		return d.centreUp(ctx, filled)
	case 1:
		return await(ctx, d.Files.Socket(), "the simulated line did not come up")
	default:
		d.banner()
		return nil
	}
}

func (d *demo) centreUp(ctx context.Context, filled bool) error {
	if err := d.awaitCentre(ctx); err != nil {
		return fmt.Errorf("%w (log: %s)", err, d.Files.Log("kanmon-api"))
	}
	if !filled {
		if err := d.Fill(ctx); err != nil {
			return err
		}
	}
	if err := d.enrol(ctx); err != nil {
		return err
	}
	return folder.Write(d.Files.ready(), []byte("ok\n"))
}

// awaitCentre returns when the centre has made its authority and answers.
func (d *demo) awaitCentre(ctx context.Context) error {
	if err := await(ctx, d.Files.CA(), "the centre made no authority"); err != nil {
		return err
	}
	c, err := d.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	return c.awaitCentre(ctx)
}

// enrol gives the controller its key and certificate as a technician would: a token from the console, one command on the
// controller. What is enrolled already stays as it is.
func (d *demo) enrol(ctx context.Context) error {
	if there, err := exists(d.Files.identity()); there || err != nil {
		return err
	}
	token, err := d.Token(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "kanmon-controller"), //nolint:gosec // our own program
		"enroll", "-config", d.Files.ControllerConfig(), "-url", d.URL(), "-token", token)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("enrol the controller: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// await returns when a file is there; problem is what is wrong when it never is.
func await(ctx context.Context, path, problem string) error {
	for range 200 {
		if ok, err := exists(path); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s: no %s", problem, path)
}

// logFile appends to a file, opened at the first write.
type logFile struct {
	path string
	mu   sync.Mutex
	file *os.File
}

// Write appends b.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return 0, fmt.Errorf("open log: %w", err)
		}
		l.file = f
	}
	return l.file.Write(b)
}
