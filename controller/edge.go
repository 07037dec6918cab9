package controller

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kanmon/controller/clock"
	"kanmon/controller/config"
	"kanmon/controller/core"
	"kanmon/controller/devicekey"
	"kanmon/controller/identity"
	"kanmon/controller/journal"
	"kanmon/controller/keypad"
	"kanmon/controller/readers"
	"kanmon/controller/uplink"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/kernelclock"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
	"kanmon/reader/credential"
	"kanmon/reader/osdp/bus"
	"kanmon/reader/serialport"
)

// Config is the configuration file.
type Config = config.Config

// Broker is the part of it that names the broker.
type Broker = config.Broker

// LoadConfig reads, completes and checks a configuration file.
func LoadConfig(path string) (Config, error) { return config.Load(path) }

// Edge is a whole controller: lines, doors, journal, identity and the way to the centre.
type Edge struct {
	cfg        Config
	log        *slog.Logger
	now        func() core.Moment
	kernel     func() (set bool, err error) // of the machine's clock
	identity   *identity.Keeper
	key        atomic.Pointer[credential.HashKey]
	buses      []*bus.Bus
	field      field
	readers    *readers.Set // that are not on an OSDP line
	keys       *devicekey.Store
	held       devicekey.All // what the lines were made with
	proven     chan string   // devices that hold their new key; there is room for all
	padsTurn   sync.Mutex
	pads       *keypad.Pads
	journal    *journal.Journal
	client     *mqtt.Client
	uplink     *uplink.Uplink // made when the journal is open, before the controller runs
	controller *Controller
}

// NewEdge puts a controller together and reads its identity and its keys. It opens and changes nothing yet, so an error is always one of
// configuration; fault.NotFound says that the controller is not enrolled.
func NewEdge(cfg Config, log *slog.Logger) (*Edge, error) {
	e := &Edge{cfg: cfg, log: log, now: Clocks(), kernel: kernelclock.Set, pads: keypad.New()}
	id, sealer, err := loadIdentity(cfg)
	if err != nil {
		return nil, err
	}
	e.keys, e.proven = keyStore(cfg, sealer, log), make(chan string, len(keyed(cfg)))
	if e.held, err = e.keys.Peek(keyed(cfg)); err != nil {
		return nil, err
	}
	if err := e.hashUnder(id.HashKey); err != nil {
		return nil, err
	}
	if e.journal, err = journal.New(journal.Config{Dir: cfg.DataDir, Controller: cfg.Controller, Floor: buildTime(), Log: log}); err != nil {
		return nil, err
	}
	e.identity = identity.NewKeeper(identity.KeeperConfig{
		Dir: cfg.IdentityDir(), Sealer: sealer, Identity: id, Clock: e.certificateClock, Warn: e.certificateEnds,
		Distrusted: e.distrusted, HashKey: e.rehash, Log: log,
	})
	if e.client, err = e.newClient(cmp.Or(cfg.Broker.URL, id.BrokerURL)); err != nil {
		return nil, err
	}
	if e.field, err = e.newField(); err != nil {
		return nil, err
	}
	e.readers = readers.New(readers.Config{Controller: cfg.Controller, Post: e.post, Key: func() credential.HashKey { return *e.key.Load() }, Log: log})
	if err := e.readers.AddTerminals(cfg.Terminals, e.certificateClock); err != nil {
		return nil, err
	}
	if err := e.readers.AddSerial(cfg.SerialReaders); err != nil {
		return nil, err
	}
	if err := e.readers.AddPCSC(cfg.PCSCReaders); err != nil {
		return nil, err
	}
	wiring := cfg.Wiring(cmp.Or(cfg.Software, softwareVersion()))
	strikes := e.field.connect(cfg, &wiring)
	e.controller = New(Parts{
		Wiring: wiring, Journal: e.journal, Panel: panel{e.readers, e.field.lines}, Strikes: strikes, Log: log, Now: e.now,
		Receipt: func(r wire.RevokedReceipt) { e.uplink.Receipt(r) }, Answer: func(a wire.CommandAnswer) { e.uplink.Answer(a) },
	})
	return e, e.addLines(e.field.lines)
}

// program is what the lock on the data folder is for.
const program = "kanmon-controller"

// hashUnder has the next card hashed under a key.
func (e *Edge) hashUnder(k identity.HashKey) error {
	key, err := credential.NewHashKeys(k.Layers())
	if err == nil {
		e.key.Store(&key)
	}
	return err
}

func (e *Edge) rehash(k identity.HashKey) {
	if err := e.hashUnder(k); err != nil {
		e.log.Error("cards are hashed under the credential hash key of before", "error", err)
	}
}

// brokerRetry is the longest pause between two tries to reach the broker: a centre that is back should hear from its
// doors within seconds, and a town has few enough controllers not to crowd it.
const brokerRetry = 5 * time.Second

func (e *Edge) newClient(brokerURL string) (*mqtt.Client, error) {
	will, err := uplink.Will(e.cfg.Site, e.cfg.Controller)
	if err != nil {
		return nil, err
	}
	client, err := mqtt.New(mqtt.Config{
		URL: brokerURL, ClientID: e.cfg.Controller, TLS: e.identity.TLS(), Trust: e.identity.Trust, Will: &will, Log: e.log, RetryMax: brokerRetry,
	})
	if err == nil {
		client.OnConnect(e.identity.Look) // the centre may be back with other keys
	}
	return client, err
}

func (e *Edge) addLines(field lines) error {
	for _, l := range e.cfg.Lines {
		b, err := e.newBus(l)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "line "+l.Port)
		}
		e.buses = append(e.buses, b)
		for _, d := range l.Devices {
			field[d.Name] = b
		}
	}
	return nil
}

func (e *Edge) newBus(l config.Line) (*bus.Bus, error) {
	port := serialport.Config{Name: l.Port, Baud: cmp.Or(l.Baud, 9600)}
	if err := port.Validate(); err != nil {
		return nil, err
	}
	cfg := bus.Config{
		Open: func(ctx context.Context) (bus.Port, error) { return serialport.Await(ctx, port, e.log) },
		Baud: port.Baud, PollGap: time.Duration(l.PollGapMS) * time.Millisecond,
		Rand: rand.Reader, Log: e.log.With("port", l.Port), Emit: e.emit,
	}
	for _, d := range l.Devices {
		if d.Address < 0 || d.Address > 126 {
			return nil, fault.BadField("address", "config.address", fmt.Sprintf("device %s: address %d", d.Name, d.Address))
		}
		cfg.Devices = append(cfg.Devices, bus.Device{Name: d.Name, Address: byte(d.Address), Key: e.held[d.Name].Present, Pending: e.held[d.Name].Pending})
	}
	return bus.New(cfg)
}

// emit runs on a line's goroutine and never waits.
func (e *Edge) emit(ev bus.Event) {
	if p, ok := ev.(bus.KeyProven); ok {
		e.proven <- p.Device
		return
	}
	if in, ok := translate(ev, *e.key.Load()); ok {
		e.post(in)
	}
	if card, ok := ev.(bus.Card); ok {
		e.padsTurn.Lock()
		e.pads.Drop(readerName(card.Device, card.Card.Reader)) // what was typed before it is somebody else's
		e.padsTurn.Unlock()
	}
	if keys, ok := ev.(bus.Keys); ok {
		e.keysPressed(keys)
	}
}

// keysPressed puts keys together. What was entered goes on as keyed hashes only.
func (e *Edge) keysPressed(keys bus.Keys) {
	name := readerName(keys.Device, keys.Keys.Reader)
	e.padsTurn.Lock()
	entered := e.pads.Press(name, keys.Keys.Reveal(), e.now().Mono)
	e.padsTurn.Unlock()
	for _, code := range entered {
		e.post(core.Typed{Reader: name, Code: code.Under(*e.key.Load())})
	}
}

// Controller is the part that decides.
func (e *Edge) Controller() *Controller { return e.controller }

// Run works until ctx ends. The order of stopping is: the controller finishes the decision in hand and its
// strikes; the lines fall silent, and strikes go to rest by their own timers; the uplink stops, a policy in hand
// stored first; the MQTT client says "offline" and disconnects; the certificate is no longer renewed; the journal writes what is queued and closes.
func (e *Edge) Run(ctx context.Context) error {
	if err := os.MkdirAll(e.cfg.DataDir, 0o700); err != nil {
		// Not the end: without a disk people still get out, and the journal tries again.
		e.log.ErrorContext(ctx, "data folder cannot be made", "error", err)
	}
	lock, err := folder.Take(e.cfg.DataDir, program)
	if fault.KindOf(err) == fault.Conflict {
		return err
	}
	if err != nil {
		e.log.ErrorContext(ctx, "data folder cannot be locked", "error", err)
	}
	defer func() { _ = lock.Release() }() // nothing was written
	if err := e.adoptKeys(); err != nil {
		return err
	}
	return nest(ctx, part{"journal", e.journal.Run}, part{"doors", e.runOnJournal})
}

// Status is the controller's status with what the journal and the identity add. The uplink numbers it.
func (e *Edge) Status() wire.ControllerStatus {
	s := e.controller.Status()
	j := e.journal.State()
	s.Start, s.Epoch, s.LastSeq, s.Acked, s.Kept, s.FillPerMil = j.Start, j.Epoch, j.Seq, j.Acked, j.Kept(), j.FillPerMil()
	s.LeaseAge = int64(e.controller.LeaseAge() / time.Second)
	until := e.identity.Until().UTC()
	s.CertUntil = &until
	s.Trouble = slices.Clone(s.Trouble)
	if s.FillPerMil >= fillWarning {
		s.Trouble = append(s.Trouble, "journal_filling")
	}
	if until.Sub(e.certificateClock()) <= certificateWarning {
		s.Trouble = append(s.Trouble, "certificate")
	}
	return s
}

// fillWarning is how full, of 1000, the journal is said to be filling; certificateWarning how near the end of the certificate is
// trouble.
const (
	fillWarning        = 800
	certificateWarning = 30 * 24 * time.Hour
)

// Clock is the machine's clock, never before the program was built: a new machine may still stand in 1970 when it is enrolled.
func Clock() time.Time { return pki.ClockFloor(buildTime(), nil)() }

// certificateClock has a floor, so that a machine that starts in 1970 still believes the centre's certificate, and its own; and a floor
// that was ever too high does not shut it out with a certificate that is still good.
func (e *Edge) certificateClock() time.Time {
	floor := clock.Later(buildTime(), e.journal.State().Floor)
	if last := e.identity.Until().Add(-certificateRest); floor.After(last) {
		floor = last
	}
	return pki.ClockFloor(floor, nil)()
}

// certificateRest is how much of the own certificate is always left to a floor.
const certificateRest = time.Hour

// distrusted ends a connection to a broker that an authority stands behind which is trusted no more.
func (e *Edge) distrusted() { e.client.Reconnect() }

func (e *Edge) certificateEnds(daysLeft int) {
	e.controller.Post(core.Noted{Event: event.Event{
		Kind: event.CertificateWarning, Detail: fmt.Sprintf("%d days left, until %s", daysLeft, e.identity.Until().UTC().Format(time.RFC3339)),
	}})
}

// loadIdentity also gives the sealer under which it was kept.
func loadIdentity(cfg Config) (identity.Identity, pki.Sealer, error) {
	sealer, err := pki.OpenSealer(cfg.SealingKeyFile, false)
	if fault.KindOf(err) == fault.NotFound {
		if _, missing := identity.Load(cfg.IdentityDir(), unsealed()); fault.KindOf(missing) == fault.NotFound {
			return identity.Identity{}, sealer, missing // not enrolled: that is the better word
		}
	}
	if err != nil {
		return identity.Identity{}, sealer, err
	}
	id, err := identity.Load(cfg.IdentityDir(), sealer)
	if err != nil {
		return identity.Identity{}, sealer, err
	}
	if id.Site != cfg.Site || id.Controller != cfg.Controller {
		return identity.Identity{}, sealer, fault.New(fault.Invalid, "edge.identity",
			fmt.Sprintf("enrolled as %s of site %s, configured as %s of site %s", id.Controller, id.Site, cfg.Controller, cfg.Site))
	}
	return id, sealer, nil
}

// unsealed is a sealer that opens nothing.
func unsealed() pki.Sealer {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	s, _ := pki.NewSealer(key[:])
	return s
}

// oldest is certainly past for every program built from this text.
var oldest = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// buildTime is a moment before which this program cannot run: the commit it was built from, where known.
func buildTime() time.Time {
	info, _ := debug.ReadBuildInfo()
	if t, err := time.Parse(time.RFC3339, setting(info, "vcs.time")); err == nil {
		return clock.Later(oldest, t)
	}
	return oldest
}

// softwareVersion is the commit this program was built from, or "dev".
func softwareVersion() string {
	info, _ := debug.ReadBuildInfo()
	revision := setting(info, "vcs.revision")
	return cmp.Or(revision[:min(len(revision), 12)], "dev")
}

func setting(info *debug.BuildInfo, key string) string {
	if info == nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
