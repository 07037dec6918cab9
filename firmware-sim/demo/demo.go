package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options of a demo.
type Options struct {
	Bin     string // folder of the programs
	Data    string // folder of everything the demo keeps
	Console string // listen address of the console
	Broker  string // listen address of the broker
}

type demo struct {
	Options
	files   layout
	console string
	broker  string
	mu      sync.Mutex // of out
	out     io.Writer
}

// bootstrap, hashKey and socket are where the programs put things.
func (l layout) bootstrap() string { return filepath.Join(l.centreDir(), "bootstrap-token") }
func (l layout) hashKey() string   { return filepath.Join(l.centreDir(), "keys", "credential-hash-key") }
func (l layout) socket() string    { return filepath.Join(l.simDir(), "control.sock") }
func (l layout) ready() string     { return filepath.Join(l.dir, "ready") }

// Run runs the demo until ctx ends. The first run fills the centre; later ones keep what is there.
func Run(ctx context.Context, o Options, out io.Writer) error {
	dir, err := filepath.Abs(o.Data)
	if err != nil {
		return fmt.Errorf("demo folder: %w", err)
	}
	d := &demo{Options: o, files: layout{dir}, console: o.Console, broker: o.Broker, out: out}
	return d.run(ctx)
}

func (d *demo) consoleURL() string { return "http://" + d.console }

func (d *demo) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, format+"\n", args...)
}

// run starts the centre, fills it if it is new, then starts the line and the controller. They end in the
// opposite order: the controller first, so that its last events still reach the centre.
func (d *demo) run(ctx context.Context) error {
	filled, err := exists(d.files.ready())
	if err != nil {
		return err
	}
	var users []login
	var cards map[string]string
	if filled {
		err = readJSON(d.files.logins(), &users)
	} else {
		users, cards, err = d.startAnew()
	}
	if err != nil {
		return err
	}
	return d.nest(ctx, d.programs(), func(level int) error { return d.reached(ctx, level, filled, users, cards) })
}

// startAnew throws away what an interrupted first run left.
func (d *demo) startAnew() ([]login, map[string]string, error) {
	for _, dir := range []string{d.files.centreDir(), d.files.controllerDir(), d.files.simDir()} {
		if err := os.RemoveAll(dir); err != nil {
			return nil, nil, fmt.Errorf("clear demo folder: %w", err)
		}
	}
	return d.prepare()
}

func (d *demo) programs() []program {
	p := func(title, name string, args ...string) program {
		return program{
			title: title, path: filepath.Join(d.Bin, name), args: args, say: d.say,
			log: &logFile{path: filepath.Join(d.files.logDir(), name+".log")},
		}
	}
	return []program{
		p("中央", "kanmon-api", "serve", "-config", d.files.centreConfig()),
		p("模擬扉", "kanmon-sim", "line", "-config", d.files.simConfig()),
		p("制御装置", "kanmon-controller", "-config", d.files.controllerConfig()),
	}
}

// nest starts the programs one inside the other and calls reached after each. When ctx ends, or a start fails,
// the innermost ends first.
func (d *demo) nest(ctx context.Context, rest []program, reached func(level int) error) error {
	return d.level(ctx, rest, 0, reached)
}

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
func (d *demo) reached(ctx context.Context, n int, filled bool, users []login, cards map[string]string) error {
	switch n {
	case 0:
		return d.centreUp(ctx, filled, users, cards)
	case 1:
		return await(ctx, d.files.socket())
	default:
		d.banner(users)
		return nil
	}
}

func (d *demo) centreUp(ctx context.Context, filled bool, users []login, cards map[string]string) error {
	if err := newClient(d.consoleURL()).awaitCentre(ctx); err != nil {
		return fmt.Errorf("%w (log: %s)", err, filepath.Join(d.files.logDir(), "kanmon-api.log"))
	}
	if filled {
		return nil
	}
	if err := d.seed(ctx, users, cards); err != nil {
		return err
	}
	return writeSecret(d.files.ready(), []byte("ok\n"))
}

func await(ctx context.Context, path string) error {
	for range 100 {
		if ok, err := exists(path); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the simulated line did not come up: no %s", path)
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
