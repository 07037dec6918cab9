// Package brokerfiles keeps the configuration of a mosquitto that stands in place of the embedded broker in step with the registers: who
// may use which topics, whose certificates are worth nothing any more, and the broker's own certificate. mosquitto itself has to be told
// (docs/broker.md).
package brokerfiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"kanmon/internal/broker/mosquitto"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// Secrets of the site; *sitekey.Keys is one.
type Secrets interface {
	// TrustedPEM are the certificates of the authorities, CRLs a revocation list of each.
	TrustedPEM() []byte
	CRLs(list []pki.Revoked, number int64, now time.Time) ([]byte, error)
	// Issued is a server's certificate and key, PEM, kept under a name.
	Issued(name string, hosts []string) (chain, key []byte, err error)
}

// Config of a Writer. All fields but User are required.
type Config struct {
	Site    string
	Dir     string // absolute, as mosquitto finds it
	Listen  string // address:port
	Host    string // by which clients call the broker
	User    string // as mosquitto.Config
	Devices *device.Register
	Secrets Secrets
	Log     *slog.Logger
}

// Writer writes the files.
type Writer struct {
	cfg   Config
	nudge chan struct{}
	last  []device.VoidCertificate // in the revocation list on disk
	crl   []byte
}

// New prepares a writer.
func New(cfg Config) *Writer { return &Writer{cfg: cfg, nudge: make(chan struct{}, 1)} }

// Changed has Run write soon: somebody was enrolled or revoked. It never waits.
func (w *Writer) Changed() {
	select {
	case w.nudge <- struct{}{}:
	default:
	}
}

// Times of Run.
const (
	every = 24 * time.Hour // certificates end
	again = 10 * time.Second
)

// Run writes at the start, after every change, and once a day, until ctx ends; then it returns nil. What fails is logged and tried again.
func (w *Writer) Run(ctx context.Context) error {
	for {
		pause := every
		changed, err := w.Write(ctx, time.Now())
		switch {
		case err != nil && ctx.Err() == nil:
			w.cfg.Log.ErrorContext(ctx, "the other broker's files are not written", slog.String("folder", w.cfg.Dir), slog.Any("error", err))
			pause = again
		case changed:
			w.cfg.Log.WarnContext(ctx, "the other broker's files have changed: mosquitto has to be told", slog.String("folder", w.cfg.Dir))
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-w.nudge:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Write writes what is not as it should be, and reports whether anything was not.
func (w *Writer) Write(ctx context.Context, now time.Time) (changed bool, err error) {
	if err := os.MkdirAll(w.cfg.Dir, 0o750); err != nil {
		return false, fault.Wrap(fault.Unavailable, err, "make the folder of the other broker's files")
	}
	chain, key, err := w.cfg.Secrets.Issued("mosquitto", []string{w.cfg.Host})
	if err != nil {
		return false, err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{{mosquitto.CAFile, w.cfg.Secrets.TrustedPEM()}, {mosquitto.KeyFile, key}, {mosquitto.CertificateFile, chain}} {
		fresh, err := replace(filepath.Join(w.cfg.Dir, f.name), f.content)
		if err != nil {
			return changed, fmt.Errorf("write the other broker's %s: %w", f.name, err)
		}
		changed = changed || fresh
	}
	names, err := w.enrolled(ctx)
	if err != nil {
		return changed, err
	}
	crl, err := w.list(ctx, now)
	if err != nil {
		return changed, err
	}
	fresh, err := mosquitto.Write(w.cfg.Dir, mosquitto.Config{
		Site: w.cfg.Site, Dir: w.cfg.Dir, Listen: w.cfg.Listen, User: w.cfg.User, Controllers: names,
	}, crl)
	return changed || fresh, err
}

func (w *Writer) enrolled(ctx context.Context) ([]string, error) {
	list, err := w.cfg.Devices.Controllers(ctx, store.System("broker files"))
	var names []string
	for _, c := range list {
		if c.State == device.Enrolled {
			names = append(names, c.Name)
		}
	}
	return names, err
}

// list is the revocation list. It is signed anew only when somebody is new on it, or after a start: a signature is never the same twice.
func (w *Writer) list(ctx context.Context, now time.Time) ([]byte, error) {
	void, err := w.cfg.Devices.VoidCertificates(ctx, now)
	if err != nil {
		return nil, err
	}
	if w.crl != nil && same(void, w.last) {
		return w.crl, nil
	}
	revoked := make([]pki.Revoked, len(void))
	for i, v := range void {
		revoked[i] = pki.Revoked{Serial: v.Serial, At: v.Since}
	}
	crl, err := w.cfg.Secrets.CRLs(revoked, now.Unix(), now)
	if err != nil {
		return nil, err
	}
	w.last, w.crl = void, crl
	return crl, nil
}

func same(a, b []device.VoidCertificate) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Serial != b[i].Serial {
			return false
		}
	}
	return true
}

// replace writes a file that mosquitto's group may read, as a whole or not at all, if it is not that already.
func replace(path string, content []byte) (changed bool, err error) {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return false, nil
	}
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640) //nolint:gosec // mosquitto runs as another user of the same group, and needs its key
	if err != nil {
		return false, err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(next, path)
	}
	return err == nil, err
}
