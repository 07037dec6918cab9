package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/reader"
)

// Limits of the listener. The controller has doors to open: whoever can reach the port must not be able to take its sockets or its time.
const (
	maxConnections = 8
	readTime       = 5 * time.Second
	idleTime       = time.Minute
	answerTime     = 2 * time.Second // for the decision
	stopTime       = 3 * time.Second
)

// Signature is the header in which a POST carries its signature.
const Signature = "Kanmon-Signature"

// HTTPS is a listener to which one terminal posts its messages, at any path. The answer to a verdict is {"answer":"granted"}, "denied", "wait", "pin" or
// "trouble", or "none" when nothing was decided within two seconds. It implements Road.
type HTTPS struct {
	Listen      string        // host:port
	Certificate pki.GetServer // asked at every handshake
	Clock       func() time.Time
	Log         *slog.Logger
}

// Run listens until ctx ends.
func (h HTTPS) Run(ctx context.Context, take Take) error {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", h.Listen)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "listen for a terminal")
	}
	return h.serve(ctx, l, take)
}

func (h HTTPS) serve(ctx context.Context, l net.Listener, take Take) error {
	s := &http.Server{
		Handler: handler(take), TLSConfig: pki.WebTLS(h.Certificate, h.Clock), ReadHeaderTimeout: readTime, ReadTimeout: readTime,
		WriteTimeout: readTime + answerTime, IdleTimeout: idleTime, MaxHeaderBytes: MaxMessage, ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		if s.Shutdown(late) != nil {
			_ = s.Close() // what is left is cut off
		}
	})()
	err := s.ServeTLS(netutil.LimitListener(l, maxConnections), "", "")
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return fault.Wrap(fault.Unavailable, err, "serve a terminal")
}

func handler(take Take) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			answer(w, http.StatusMethodNotAllowed, "", "terminal.method")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxMessage))
		if err != nil {
			answer(w, http.StatusRequestEntityTooLarge, "", "terminal.message")
			return
		}
		shown, err := take(body, r.Header.Get(Signature))
		if err != nil {
			answer(w, status(err), "", fault.CodeOf(err))
			return
		}
		answer(w, http.StatusOK, await(r.Context(), shown), "")
	})
}

func status(err error) int {
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Denied:
		return http.StatusForbidden
	case fault.Conflict:
		return http.StatusConflict
	default:
		return http.StatusBadRequest
	}
}

// await waits for the decision. A terminal that only said that it is alive is not kept.
func await(ctx context.Context, shown <-chan reader.Feedback) string {
	if shown == nil {
		return ""
	}
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case f := <-shown:
		return words[f]
	case <-late.C:
	case <-ctx.Done():
	}
	return "none"
}

var words = map[reader.Feedback]string{
	reader.ShowGranted: "granted", reader.ShowDenied: "denied", reader.ShowTrouble: "trouble", reader.ShowEnterPIN: "pin", reader.ShowWait: "wait",
}

func answer(w http.ResponseWriter, status int, answer, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // the terminal may be gone
		Answer string `json:"answer,omitempty"`
		Code   string `json:"code,omitempty"`
	}{answer, code})
}
