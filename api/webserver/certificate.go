package webserver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// Certificate is what the console shows: the authority's own, or the operator's files, read again when they change.
type Certificate struct {
	own       pki.GetServer // nil: none of its own
	cert, key string
	seen      [2]time.Time // modification times of the files in use; only Watch touches it after the start
	loaded    atomic.Pointer[tls.Certificate]
}

// Off is a console without TLS, behind something that has it.
func Off() *Certificate { return &Certificate{} }

// Own is the certificate that the site's authority makes.
func Own(own pki.GetServer) *Certificate { return &Certificate{own: own} }

// Files is the operator's certificate and key; they must be there and fit.
func Files(cert, key string) (*Certificate, error) {
	w := &Certificate{cert: cert, key: key}
	_, err := w.Reload()
	return w, err
}

// Config is nil for a console without TLS.
func (w *Certificate) Config() *tls.Config {
	switch {
	case w.cert != "":
		return pki.WebTLS(w.loaded.Load, time.Now)
	case w.own != nil:
		return pki.WebTLS(w.own, time.Now)
	default:
		return nil
	}
}

// Reload reads the files if they have changed.
func (w *Certificate) Reload() (changed bool, err error) {
	var at [2]time.Time
	for i, file := range []string{w.cert, w.key} {
		info, err := os.Stat(file)
		if err != nil {
			return false, fault.Wrap(fault.Invalid, err, "look at the console's certificate")
		}
		at[i] = info.ModTime()
	}
	if at == w.seen {
		return false, nil
	}
	chain, err := os.ReadFile(w.cert)
	if err != nil {
		return false, fault.Wrap(fault.Invalid, err, "read the console's certificate")
	}
	key, err := os.ReadFile(w.key)
	if err != nil {
		return false, fault.Wrap(fault.Invalid, err, "read the console's key")
	}
	pair, err := pki.ParsePair(chain, key)
	if err != nil {
		return false, fault.Wrap(fault.Invalid, err, w.cert+" and "+w.key)
	}
	w.seen = at
	w.loaded.Store(pair)
	return true, nil
}

const lookAtFiles = time.Minute

// Watch looks at the files until ctx ends. Files that cannot be read leave the certificate as it was.
func (w *Certificate) Watch(ctx context.Context, log *slog.Logger) {
	if w.cert == "" {
		return
	}
	tick := time.NewTicker(lookAtFiles)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := w.Reload()
		switch {
		case err != nil:
			log.ErrorContext(ctx, "the console's certificate is not replaced", slog.Any("error", err))
		case changed:
			log.InfoContext(ctx, "the console's certificate was replaced", slog.Time("until", w.loaded.Load().Leaf.NotAfter))
		}
	}
}
