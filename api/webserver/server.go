// Package webserver serves the console and the interface for programs: the limits of HTTP, an orderly end, and the certificate, read again when its
// files change.
package webserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of the HTTP server. A stream that must live longer than writeTimeout moves its own deadline.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	// At shutdown requests have finishTime to end by themselves; then their contexts end, which is what streams
	// wait for; after CloseTime more their connections are cut.
	finishTime = 300 * time.Millisecond
	CloseTime  = 5 * time.Second
)

// Server is the HTTP server as a part.
type Server struct {
	listener net.Listener
	server   *http.Server
	cancel   context.CancelFunc // ends the contexts of all requests
}

// New serves on l; secure is nil for plain HTTP.
func New(ctx context.Context, l net.Listener, h http.Handler, secure *tls.Config, log *slog.Logger) *Server {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &Server{listener: l, cancel: cancel, server: &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, TLSConfig: secure,
		BaseContext: func(net.Listener) context.Context { return requests },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
}

// Run serves until ctx ends.
func (w *Server) Run(ctx context.Context) error {
	defer w.cancel()
	failed := make(chan error, 1)
	go func() { failed <- w.serve() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	err := w.stop(context.WithoutCancel(ctx))
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func (w *Server) serve() error {
	if w.server.TLSConfig == nil {
		return w.server.Serve(w.listener)
	}
	return w.server.ServeTLS(w.listener, "", "") // the certificate is in the configuration
}

func (w *Server) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CloseTime)
	defer cancel()
	streams := time.AfterFunc(finishTime, w.cancel)
	defer streams.Stop()
	err := w.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return w.server.Close()
	}
	return err
}
