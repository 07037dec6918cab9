package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// Renewal begins RenewBefore the end of a certificate; tries are RetryMin apart at first, RetryMax at last.
const (
	RenewBefore = 60 * 24 * time.Hour
	RetryMin    = time.Minute
	RetryMax    = 6 * time.Hour
	look        = time.Hour // how often the calendar is looked at
)

// KeeperConfig of a Keeper. All fields but Clock are required.
type KeeperConfig struct {
	Dir      string
	Sealer   pki.Sealer
	Identity Identity
	Clock    func() time.Time // with its floor; nil: time.Now
	// Warn hears, once each, that a certificate has 30, 7 or 1 whole days left and was not renewed, and 0 when it is over.
	Warn func(daysLeft int)
	// Distrusted hears that an authority is trusted no more: a connection that it stands behind should end. May be nil.
	Distrusted func()
	// HashKey hears that the credential hash key has further layers, before the centre does.
	HashKey func(HashKey)
	Log     *slog.Logger
}

// Keeper holds a controller's certificate and renews it before it ends, and also after: the centre goes by the key. It asks which keys the
// centre has.
type Keeper struct {
	cfg  KeeperConfig
	wake chan struct{} // the centre may have other keys than are known
	turn sync.Mutex    // one at a time speaks to the centre, from the identity to the next one

	mu      sync.Mutex
	id      Identity
	unsaved bool // the certificate is not on disk; only with turn
	// challenge is the centre's last one; only with turn.
	challenge string
	warned    int // the lowest days left that were warned of
}

// NewKeeper starts with the identity on disk.
func NewKeeper(cfg KeeperConfig) *Keeper {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Keeper{cfg: cfg, id: cfg.Identity, warned: notWarned, wake: make(chan struct{}, 1)}
}

const notWarned = 1 << 20

// Identity is the present one.
func (k *Keeper) Identity() Identity {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.id
}

// Until is when the present certificate ends.
func (k *Keeper) Until() time.Time { return k.Identity().Certificate.NotAfter }

// TLS is for the MQTT client; each new connection shows the present certificate. Whom it trusts is as it stands now.
func (k *Keeper) TLS() *tls.Config {
	return pki.ClientTLS(k.Trust(), func() (*tls.Certificate, error) {
		id := k.Identity()
		return id.Key.TLS(id.Certificate), nil
	}, k.now)
}

// Trust is the authorities whose certificates a broker may have now.
func (k *Keeper) Trust() *x509.CertPool { return pki.Pool(k.Identity().Authorities...) }

// Run renews when it is time and asks for the centre's keys, until ctx ends, and returns nil then.
func (k *Keeper) Run(ctx context.Context) error {
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		k.listen(ctx)
	}()
	k.renewals(ctx)
	<-listening
	return nil
}

func (k *Keeper) renewals(ctx context.Context) {
	pause := time.Duration(0)
	for {
		wait := look
		if k.left() <= RenewBefore {
			err := k.Renew(ctx)
			if err == nil && k.left() <= RenewBefore {
				err = errSoonOver
			}
			pause = next(pause, err)
			wait = max(look, pause)
			if err != nil && ctx.Err() == nil {
				wait = pause/2 + rand.N(pause/2) //nolint:gosec // jitter needs no secrecy
				k.cfg.Log.WarnContext(ctx, "certificate not renewed", slog.Any("error", err), slog.Duration("left", k.left()), slog.Duration("retry_in", wait))
			}
		}
		k.warn(k.left())
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// errSoonOver: the authority itself ends soon, and every certificate with it.
var errSoonOver = errors.New("the new certificate ends soon too: the centre's authority is near its end")

// next is the pause before the next attempt, jitter aside.
func next(pause time.Duration, err error) time.Duration {
	if err == nil {
		return 0
	}
	return min(max(2*pause, RetryMin), RetryMax)
}

func (k *Keeper) left() time.Duration { return k.Until().Sub(k.now()) }

// now is the configured clock, but not before the certificate: its authority has said that this moment is past.
func (k *Keeper) now() time.Time {
	return pki.ClockFloor(k.Identity().Certificate.NotBefore, k.cfg.Clock)()
}

// warn says each step once, also when several were passed while the program was not running.
func (k *Keeper) warn(left time.Duration) {
	days := -1
	for _, d := range []int{30, 7, 1} {
		if left <= time.Duration(d)*24*time.Hour {
			days = d
		}
	}
	if left <= 0 {
		days = 0
	}
	k.mu.Lock()
	fresh := days >= 0 && days < k.warned
	if fresh {
		k.warned = days
	}
	k.mu.Unlock()
	if fresh {
		k.cfg.Warn(days)
	}
}

// renewed is the centre's answer. That it sends the authority along is for people who look: another one is taken only as it is announced.
type renewed struct {
	told
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
}

// Renew asks for a new certificate for the same key. The request is signed with the key, which is all the proof there is and
// all that is needed: a certificate is of no use without the key.
func (k *Keeper) Renew(ctx context.Context) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	return k.renew(ctx)
}

func (k *Keeper) renew(ctx context.Context) error {
	id := k.Identity()
	csr, err := pki.MakeCSR(id.Key, id.Controller)
	if err != nil {
		return err
	}
	c, err := k.client(id)
	if err != nil {
		return err
	}
	defer c.close()
	var a renewed
	if err := c.post(ctx, "/api/v1/enrol/renew", map[string][]byte{"csr": csr}, &a); err != nil {
		return err
	}
	if id, err = k.follow(ctx, id, a.told); err != nil {
		return err
	}
	if err := k.take(ctx, id); err != nil {
		return err
	}
	id, more := k.takeHashKey(ctx, id, a.told)
	if more {
		k.Look() // and so say that it has them
	}
	if id.Certificate, err = id.newer(a.Certificate, k.now()); err != nil {
		return err
	}
	k.mu.Lock()
	k.id, k.unsaved, k.warned = id, true, notWarned
	k.mu.Unlock()
	k.cfg.Log.InfoContext(ctx, "certificate renewed", slog.Time("until", id.Certificate.NotAfter))
	return k.write() // it is used all the same
}

// newer reads a certificate that is to take the place of the own one. It proves what that proves, and is not by an authority before that one's.
func (id Identity) newer(text string, now time.Time) (*x509.Certificate, error) {
	c, err := pki.ParseCertificate([]byte(text))
	if err != nil {
		return nil, err
	}
	if slices.Index(pins(id.Authorities), id.issuer()) > slices.Index(pins(id.Authorities), id.issuerOf(c)) {
		return nil, fault.New(fault.Denied, "identity.older", "the centre gave a certificate by an authority that was replaced")
	}
	return c, id.proves(c, now)
}

// write keeps a certificate that is not on disk yet.
func (k *Keeper) write() error {
	if !k.unsaved {
		return nil
	}
	err := save(k.cfg.Dir, k.Identity())
	k.unsaved = err != nil
	return err
}

// client is for the centre's REST interface.
func (k *Keeper) client(id Identity) (*client, error) {
	return newClient(id.URL, pins(id.Authorities), k.webCA(), k.now)
}

func (k *Keeper) webCA() string {
	file := filepath.Join(k.cfg.Dir, webCAFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return file
}
