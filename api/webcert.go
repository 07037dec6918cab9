package api

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

// webCertificate is what the console shows: the authority's own, or the operator's files, read again when they change.
type webCertificate struct {
	mode      string
	own       pki.GetServer
	cert, key string
	seen      [2]time.Time // modification times of the files in use; only watch touches it after the start
	loaded    atomic.Pointer[tls.Certificate]
}

func newWebCertificate(s TLSSettings, own pki.GetServer) (*webCertificate, error) {
	w := &webCertificate{mode: s.Mode, own: own, cert: s.CertFile, key: s.KeyFile}
	if s.Mode != tlsFiles {
		return w, nil
	}
	_, err := w.reload()
	return w, err
}

// config is nil for a console without TLS.
func (w *webCertificate) config() *tls.Config {
	switch w.mode {
	case tlsOff:
		return nil
	case tlsFiles:
		return pki.WebTLS(w.loaded.Load, time.Now)
	default:
		return pki.WebTLS(w.own, time.Now)
	}
}

// reload reads the files if they have changed.
func (w *webCertificate) reload() (changed bool, err error) {
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

// watch looks at the files until ctx ends. Files that cannot be read leave the certificate as it was.
func (w *webCertificate) watch(ctx context.Context, log *slog.Logger) {
	if w.mode != tlsFiles {
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
		changed, err := w.reload()
		switch {
		case err != nil:
			log.ErrorContext(ctx, "the console's certificate is not replaced", slog.Any("error", err))
		case changed:
			log.InfoContext(ctx, "the console's certificate was replaced", slog.Time("until", w.loaded.Load().Leaf.NotAfter))
		}
	}
}
