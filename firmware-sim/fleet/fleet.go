// Package fleet runs many controllers in one process, for figures. Each is a whole controller.Edge with its own folder, key,
// certificate, journal, core, MQTT connection and uplink; only the serial line is missing, so what happens at its one door is told
// to it. Nothing of the controller is written a second time here.
package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"kanmon/controller"
	"kanmon/controller/core"
	"kanmon/internal/access"
	"kanmon/internal/wire"
)

// Config of a fleet.
type Config struct {
	Dir       string // of everything the fleet keeps: one folder a controller
	Site      string
	N         int    // how many
	CentreURL string // of the console, https://host:port
	BrokerURL string // tls://host:port; empty: as the centre says
	Log       *slog.Logger
}

// Most is how many controllers a fleet may have: their names have three digits.
const Most = 999

// Fleet of controllers.
type Fleet struct {
	cfg     Config
	members []*Member
}

// Member is one controller of a fleet, with a reader and a door that are in the registers and nowhere else.
type Member struct {
	Name, Reader, Door string
	Config             controller.Config

	mu   sync.Mutex
	edge *controller.Edge
}

// New makes a fleet; Enrol makes its controllers known to the centre, Run runs them.
func New(cfg Config) (*Fleet, error) {
	if cfg.N < 1 || cfg.N > Most {
		return nil, fmt.Errorf("fleet of %d controllers: 1 to %d", cfg.N, Most)
	}
	f := &Fleet{cfg: cfg}
	for i := range cfg.N {
		name := fmt.Sprintf("fleet-%03d", i+1)
		dir := filepath.Join(cfg.Dir, name)
		f.members = append(f.members, &Member{
			Name: name, Reader: fmt.Sprintf("FR-%03d", i+1), Door: fmt.Sprintf("FD-%03d", i+1),
			Config: controller.Config{
				Site: cfg.Site, Controller: name, DataDir: dir, SealingKeyFile: filepath.Join(dir, "sealing-key"),
				Software: "fleet", CentreURL: cfg.CentreURL, Broker: controller.Broker{URL: cfg.BrokerURL},
			},
		})
	}
	return f, nil
}

// Members of the fleet, in the order of their names.
func (f *Fleet) Members() []*Member { return f.members }

// Run runs all controllers until ctx ends or one fails.
func (f *Fleet) Run(ctx context.Context) error {
	for _, m := range f.members {
		if err := m.prepare(f.cfg.Log.With("controller", m.Name)); err != nil {
			return fmt.Errorf("controller %s: %w", m.Name, err)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range f.members {
		g.Go(func() error { return m.current().Run(ctx) })
	}
	return g.Wait()
}

func (m *Member) prepare(log *slog.Logger) error {
	edge, err := controller.NewEdge(m.Config, log)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.edge = edge
	return nil
}

func (m *Member) current() *controller.Edge {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.edge
}

// Status of the controller; the zero status while it does not run.
func (m *Member) Status() wire.ControllerStatus {
	if e := m.current(); e != nil {
		return e.Status()
	}
	return wire.ControllerStatus{}
}

// Present holds a card with this key to the controller's reader. Its real core decides and its real journal records; without a
// strike on the line nothing opens. False: thousands of cards wait.
func (m *Member) Present(key access.Key) bool {
	e := m.current()
	return e != nil && e.Controller().Post(core.Presented{Reader: m.Reader, Key: key})
}
