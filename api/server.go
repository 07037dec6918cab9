package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"kanmon/api/brokerfiles"
	"kanmon/api/centre"
	seat "kanmon/api/desk"
	"kanmon/api/enrol"
	"kanmon/api/epoch"
	"kanmon/api/keyrecord"
	"kanmon/api/sitekey"
	"kanmon/api/webserver"
	"kanmon/internal/broker"
	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/desk"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/key"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/revocation"
	"kanmon/migrations"
)

// Server is the whole centre of one machine.
type Server struct {
	settings    Settings
	software    string
	log         *slog.Logger
	lock        folder.Lock
	keys        *sitekey.Keys
	db          *db.DB
	store       *store.Store
	accounts    *account.Register
	devices     *device.Register
	revocations *revocation.Register
	cards       *card.Register
	entries     *entrylog.Register
	pins        *pin.Register
	days        *calendar.Register
	epochs      *epoch.Keeper
	broker      *broker.Broker      // nil: another broker is used
	files       *brokerfiles.Writer // nil: its files are not kept here
	centre      *centre.Centre
	enrolment   *enrol.Service
	listener    net.Listener
	certificate *webserver.Certificate
	web         *webserver.Server
	desks       *desk.Register
	seats       *seat.Service
	deskPort    net.Listener // nil: no desks
	deskWeb     *webserver.Server
	routes      []string // every pattern served
	bootstrap   string   // file with the bootstrap token; empty: not needed
}

// origin names a site's ledger.
func origin(site string) string { return "kanmon/" + site }

// Open makes the centre ready: data folder (kept from any other kanmon-api until Close), keys, database and its schema, the centre's epoch,
// bootstrap token, and all listening sockets. After Open the caller calls Run, or Close.
func Open(ctx context.Context, settings Settings, software string, log *slog.Logger) (*Server, error) {
	s := &Server{settings: settings, software: software, log: log}
	for _, step := range []func(context.Context) error{
		s.openData, s.openKeys, s.openStore, s.openBootstrap, s.openBroker, s.openCentre, s.openDesks, s.openWeb,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close()) //nolint:contextcheck // what is open is closed even when ctx has ended
		}
	}
	return s, nil
}

func (s *Server) openData(context.Context) error {
	dir := s.settings.DataDir
	if err := openDataDir(dir); err != nil {
		return err
	}
	var err error
	s.lock, err = folder.Take(dir, program)
	return err
}

func (s *Server) openKeys(context.Context) error {
	var err error
	s.keys, err = sitekey.Open(s.settings.keyConfig())
	return err
}

func (s Settings) keyConfig() sitekey.Config {
	return sitekey.Config{
		Dir: filepath.Join(s.DataDir, keysFolder), SealingKey: s.SealingKeyFile, Site: s.Site, Origin: origin(s.Site), Hosts: s.hosts(),
	}
}

func (s *Server) openStore(ctx context.Context) error {
	var err error
	if s.db, s.store, err = openStore(ctx, s.settings, s.keys, s.log); err != nil {
		return err
	}
	s.devices = device.New(s.store)
	s.epochs = epoch.New(filepath.Join(s.settings.DataDir, epoch.File), s.store, s.devices, s.log)
	if _, err := s.epochs.Start(ctx); err != nil {
		return err
	}
	s.revocations = revocation.New(s.store, revocation.Config{Lease: s.settings.Lease.lease()})
	s.cards = card.New(s.store, s.revocations, s.keys.HashKey().Forms)
	s.pins = pin.New(s.store, pin.Config{HashKey: s.keys.HashKey(), Settings: s.settings.PIN})
	s.accounts = account.New(s.store, account.Config{Cost: s.settings.PasswordCost, Log: s.log, BootstrapUsed: s.dropBootstrap})
	s.entries = entrylog.New(s.store).Lasting(time.Duration(s.settings.PresenceHours) * time.Hour)
	if err := s.entries.Ready(ctx, s.log); err != nil {
		return err
	}
	if err := s.recordKeys(ctx); err != nil {
		return err
	}
	return s.writeAuthorities()
}

// openStore opens and migrates the database.
func openStore(ctx context.Context, settings Settings, keys *sitekey.Keys, log *slog.Logger) (*db.DB, *store.Store, error) {
	d, err := db.Open(ctx, settings.dbConfig(log))
	if err != nil {
		return nil, nil, err
	}
	schema := migrations.SQLite()
	if d.Dialect() == db.Postgres {
		schema = migrations.Postgres()
	}
	if err := d.Migrate(ctx, schema); err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	s, err := store.New(d, store.Config{
		Origin: origin(settings.Site), Signer: keys.Checkpoint(), Before: keys.CheckpointsBefore(), Log: log,
	})
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return d, s, nil
}

func (s *Server) recordKeys(ctx context.Context) error {
	return keyrecord.Record(ctx, key.New(s.store), s.keys, s.settings.TLS.Mode == tlsOwn)
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
		if b.FilesDir != "" {
			s.files = newBrokerFiles(s.settings, s.keys, s.devices, s.log)
		}
		return nil
	}
	own, err := s.keys.Centre()
	if err != nil {
		return err
	}
	public, ok := own.Leaf.PublicKey.(ed25519.PublicKey)
	if !ok {
		return fault.New(fault.Internal, "", "the centre's certificate is for another kind of key")
	}
	s.broker, err = broker.New(ctx, broker.Config{
		Listen: b.Listen, TLS: pki.BrokerTLS(s.keys.Server, s.keys.Trusted(), time.Now), Site: s.settings.Site, Log: s.log,
		Authenticate: identities(s.devices, public),
	})
	if err != nil {
		return fmt.Errorf("embedded broker on %s: %w", b.Listen, err)
	}
	return nil
}

func newBrokerFiles(s Settings, keys *sitekey.Keys, devices *device.Register, log *slog.Logger) *brokerfiles.Writer {
	u, _ := url.Parse(s.Broker.URL) // checked with the settings
	return brokerfiles.New(brokerfiles.Config{
		Site: s.Site, Dir: s.Broker.FilesDir, Listen: s.Broker.FilesListen, Host: u.Hostname(), User: s.Broker.FilesUser,
		Devices: devices, Secrets: keys, Log: log,
	})
}

// centreQueue is how many messages may wait for the centre's lanes: hundreds of controllers confirm one revocation in one moment.
const centreQueue = 8192

// sealedBy are the command keys whose seals bring a lost revocation back. A retired one does not: it may have been retired because it was stolen.
func (s *Server) sealedBy() wire.Keys {
	believed, _ := s.keys.Believed()
	return wire.ManyKeys(believed...)
}

func (s *Server) openCentre(context.Context) error {
	link, err := mqtt.New(mqtt.Config{
		URL: s.linkURL(), ClientID: wire.Centre, TLS: pki.ClientTLS(s.keys.Trusted(), s.keys.Centre, time.Now),
		QueueSize: centreQueue, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.centre, err = centre.New(centre.Config{
		Site: s.settings.Site, Store: s.store, Alarms: s.alarms(), Devices: s.devices, Cards: s.cards, Revocations: s.revocations, Epochs: s.epochs,
		Signer: s.keys.Command(), Known: s.sealedBy(), Lease: s.settings.Lease.lease(), Forms: s.keys.HashKey().Forms, Link: link, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.devices.OnRevoked(s.throwOut)
	s.enrolment = enrol.New(enrol.Config{
		Site: s.settings.Site, Devices: s.devices, Secrets: s.keys, BrokerURL: s.BrokerURL, Changed: s.admissionChanged, Log: s.log,
	})
	return nil
}

func (s *Server) alarms() *alarm.Register { return alarm.New(s.store, s.settings.Alarms.Limits()) }

// linkURL is how the centre itself reaches the broker.
func (s *Server) linkURL() string {
	if s.broker == nil {
		return s.settings.Broker.URL
	}
	host, port, err := net.SplitHostPort(s.broker.Addr().String())
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "tls://" + net.JoinHostPort(host, port)
}

// throwOut ends what a controller has at the broker whose key is worth nothing any more.
func (s *Server) throwOut(controller string) {
	there := false
	if s.broker != nil {
		there = s.broker.Disconnect(controller)
	}
	s.centre.Forget(controller)
	s.admissionChanged()
	s.log.Warn("controller thrown out", slog.String("controller", controller), slog.Bool("was_connected", there))
}

// admissionChanged is told when somebody else may come to the broker, or may not any more.
func (s *Server) admissionChanged() {
	if s.files != nil {
		s.files.Changed()
	}
}

// URL is how the console is reached.
func (s *Server) URL() string { return s.settings.consoleURL(s.listener.Addr()) }

// AuthorityFile is the certificate (PEM) to import by who calls the console; empty when it shows another's, or none.
func (s *Server) AuthorityFile() string {
	if s.settings.TLS.Mode != tlsOwn {
		return ""
	}
	return filepath.Join(s.settings.DataDir, authorityFile)
}

// BrokerURL is how controllers reach the broker.
func (s *Server) BrokerURL() string { return s.settings.brokerURL(s.BrokerAddr()) }

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
	parts := []part{{"http", s.web.Run}, {"mqtt", s.centre.Run}}
	if s.deskPort != nil {
		parts = append([]part{{"desks", s.deskWeb.Run}}, parts...)
	}
	if s.broker != nil {
		parts = append(parts, part{"broker", s.broker.Run})
	}
	if s.files != nil {
		parts = append(parts, part{"broker files", s.files.Run})
	}
	parts = append(parts, part{"certificates", s.certificates},
		part{"calendar", (&calendar.Keeper{Register: s.days, Log: s.log}).Run},
		part{"pins", func(ctx context.Context) error { return s.pins.Run(ctx, s.log) }}, part{"checkpoint", (&store.Checkpointer{Store: s.store}).Run}, part{"centre state", s.epochs.Run})
	err := runOrdered(ctx, s.log, parts...)
	s.broker, s.listener, s.deskPort = nil, nil, nil // closed by their parts
	return errors.Join(err, s.Close())               //nolint:contextcheck // ctx has ended
}

// certificates keeps those in use from ending.
func (s *Server) certificates(ctx context.Context) error {
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.certificate.Watch(ctx, s.log)
	}()
	err := s.keys.Run(ctx, s.log, func(ctx context.Context) {
		if err := s.recordKeys(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "renewed certificates not recorded", slog.Any("error", err))
		}
	})
	<-watched
	return err
}

// Close releases what Open took. After Run it does nothing more.
func (s *Server) Close() error {
	var errs []error
	if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.deskPort != nil {
		errs = append(errs, s.deskPort.Close())
	}
	if s.broker != nil {
		stopped, stop := context.WithCancel(context.Background())
		stop()
		errs = append(errs, s.broker.Run(stopped)) // closes the socket
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	errs = append(errs, s.lock.Release()) // last: the next one may start now
	s.listener, s.deskPort, s.broker, s.db = nil, nil, nil, nil
	return errors.Join(errs...)
}
