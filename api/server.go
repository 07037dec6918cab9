package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kanmon/api/auth"
	"kanmon/api/console"
	"kanmon/api/rest"
	"kanmon/internal/broker"
	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/staff"
	"kanmon/migrations"
)

// Server is the whole centre of one machine.
type Server struct {
	settings  Settings
	software  string
	log       *slog.Logger
	lock      folderLock
	keys      keys
	db        *db.DB
	store     *store.Store
	accounts  *account.Register
	devices   *device.Register
	broker    *broker.Broker // nil: another broker is used
	centre    *Centre
	listener  net.Listener
	web       *web
	routes    []string // every pattern served
	bootstrap string   // file with the bootstrap token; empty: not needed
}

// origin names a site's ledger.
func origin(site string) string { return "kanmon/" + site }

// Open makes the centre ready: data folder (kept from any other kanmon-api until Close), keys, database and its schema, bootstrap token, and both listening
// sockets. After Open the caller calls Run, or Close.
func Open(ctx context.Context, settings Settings, software string, log *slog.Logger) (*Server, error) {
	s := &Server{settings: settings, software: software, log: log}
	for _, step := range []func(context.Context) error{
		s.openData, s.openBootstrap, s.openBroker, s.openCentre, s.openWeb,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close()) //nolint:contextcheck // what is open is closed even when ctx has ended
		}
	}
	return s, nil
}

func (s *Server) openData(ctx context.Context) error {
	dir := s.settings.DataDir
	if err := openDataDir(dir); err != nil {
		return err
	}
	var err error
	if s.lock, err = lockDataDir(dir); err != nil {
		return err
	}
	if s.keys, err = openKeys(dir, origin(s.settings.Site)); err != nil {
		return err
	}
	if s.db, err = db.Open(ctx, s.settings.dbConfig(s.log)); err != nil {
		return err
	}
	schema := migrations.SQLite()
	if s.db.Dialect() == db.Postgres {
		schema = migrations.Postgres()
	}
	if err := s.db.Migrate(ctx, schema); err != nil {
		return err
	}
	s.store, err = store.New(s.db, store.Config{Origin: origin(s.settings.Site), Signer: s.keys.ledger, Log: s.log})
	if err != nil {
		return err
	}
	s.devices = device.New(s.store)
	s.accounts = account.New(s.store, account.Config{Log: s.log, BootstrapUsed: s.dropBootstrap})
	return nil
}

func (s Settings) dbConfig(log *slog.Logger) db.Config {
	if s.Database.Driver == "postgres" {
		return db.Config{Driver: db.Postgres, DSN: s.Database.DSN, Log: log}
	}
	return db.Config{Driver: db.SQLite, Path: filepath.Join(s.DataDir, databaseFile), Log: log}
}

// openBootstrap puts a fresh token into its file as long as there is no account.
func (s *Server) openBootstrap(ctx context.Context) error {
	file := filepath.Join(s.settings.DataDir, bootstrapFile)
	token, needed, err := s.accounts.Bootstrap(ctx)
	if err != nil {
		return err
	}
	if !needed {
		s.dropBootstrap() // left over from a stop between the commit and the removal
		return nil
	}
	s.bootstrap = file
	return writeSecret(file, token.Reveal())
}

func (s *Server) dropBootstrap() {
	err := os.Remove(filepath.Join(s.settings.DataDir, bootstrapFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("bootstrap token file not removed", slog.Any("error", err)) // the token itself is dead
	}
}

// BootstrapFile is the file with the bootstrap token, or empty when there is an account.
func (s *Server) BootstrapFile() string { return s.bootstrap }

func (s *Server) openBroker(ctx context.Context) error {
	b := s.settings.Broker
	if !b.Embedded() {
		return nil
	}
	own := rand.Text() // the centre's password at its own broker, new at every start
	var err error
	s.broker, err = broker.New(ctx, broker.Config{
		Listen: b.Listen, Site: s.settings.Site, Log: s.log, Authenticate: identities(s.devices, own),
	})
	if err != nil {
		return fmt.Errorf("embedded broker on %s: %w", b.Listen, err)
	}
	return s.linkCentre(mqtt.Config{
		URL: "tcp://" + s.broker.Addr().String(), ClientID: centreName, Username: centreName,
		Password: mqtt.NewSecret(own), Log: s.log,
	})
}

func (s *Server) openCentre(context.Context) error {
	b := s.settings.Broker
	if b.Embedded() {
		return nil
	}
	password, err := readPassword(b.PasswordFile)
	if err != nil {
		return err
	}
	return s.linkCentre(mqtt.Config{
		URL: b.URL, ClientID: b.Username, Username: b.Username, Password: mqtt.NewSecret(password), Log: s.log,
	})
}

func (s *Server) linkCentre(cfg mqtt.Config) error {
	link, err := mqtt.New(cfg)
	if err != nil {
		return err
	}
	s.centre, err = NewCentre(CentreConfig{Site: s.settings.Site, Store: s.store, Link: link, Log: s.log})
	return err
}

func readPassword(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file) // the operator names the file
	return strings.TrimSpace(string(b)), fault.Wrap(fault.Invalid, err, "read the broker password")
}

func (s *Server) openWeb(ctx context.Context) error {
	gate := auth.New(auth.Config{Accounts: s.accounts, HTTPS: s.settings.https()})
	people, areas, cards, entries := staff.New(s.store), area.New(s.store), card.New(s.store), entrylog.New(s.store)
	programs, err := rest.New(rest.Config{
		Site: s.settings.Site, Software: s.software, Gate: gate, Store: s.store, Accounts: s.accounts, Staff: people,
		Areas: areas, Devices: s.devices, Cards: cards, Entries: entries, HashKey: s.keys.hash, Log: s.log,
	})
	if err != nil {
		return err
	}
	pages, err := console.New(console.Config{
		Site: s.settings.Site, Software: s.software, Gate: gate, Accounts: s.accounts, Staff: people, Areas: areas,
		Devices: s.devices, Cards: cards, Entries: entries, HashKey: s.keys.hash, Subscribe: s.subscribe, Log: s.log,
		LedgerSize: func(context.Context) (int64, error) { return s.store.Signed(), nil },
	})
	if err != nil {
		return err
	}
	s.routes = slices.Concat(programs.Patterns(), pages.Patterns())
	var listening net.ListenConfig
	if s.listener, err = listening.Listen(ctx, "tcp", s.settings.ConsoleListen); err != nil {
		return fault.Wrap(fault.Unavailable, err, "open the console's port")
	}
	s.web = newWeb(ctx, s.listener, New(Config{REST: programs, Console: pages, HTTPS: s.settings.https(), Log: s.log}), s.log)
	return nil
}

// subscribe lets a page listen for new entries.
func (s *Server) subscribe() (wake <-chan struct{}, cancel func()) {
	l := s.centre.Entries().Subscribe()
	return l.Wake(), l.Close
}

// URL is how the console is reached.
func (s *Server) URL() string {
	if s.settings.PublicURL != "" {
		return strings.TrimSuffix(s.settings.PublicURL, "/")
	}
	return "http://" + s.listener.Addr().String()
}

// BrokerAddr is where the embedded broker listens; nil when another one is used.
func (s *Server) BrokerAddr() net.Addr {
	if s.broker == nil {
		return nil
	}
	return s.broker.Addr()
}

// Run works until ctx ends or a part fails, then stops in the order of the package comment and closes
// everything.
func (s *Server) Run(ctx context.Context) error {
	parts := []part{{"http", s.web.run}, {"mqtt", s.centre.Run}}
	if s.broker != nil {
		parts = append(parts, part{"broker", s.broker.Run})
	}
	parts = append(parts, part{"checkpoint", (&store.Checkpointer{Store: s.store}).Run})
	err := runOrdered(ctx, s.log, parts...)
	s.broker, s.listener = nil, nil    // closed by their parts
	return errors.Join(err, s.Close()) //nolint:contextcheck // ctx has ended
}

// Close releases what Open took. After Run it does nothing more.
func (s *Server) Close() error {
	var errs []error
	if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.broker != nil {
		stopped, stop := context.WithCancel(context.Background())
		stop()
		errs = append(errs, s.broker.Run(stopped)) // closes the socket
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	errs = append(errs, s.lock.release()) // last: the next one may start now
	s.listener, s.broker, s.db = nil, nil, nil
	return errors.Join(errs...)
}
