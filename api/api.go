// Package api is the centre: it keeps the registers and the ledger, takes in what the controllers report, sends
// them their policies, and answers people (console) and programs (REST).
//
// New makes the HTTP handler. Open and Server.Run make the whole centre of one machine from its Settings.
//
// Shutdown goes in this order, each step when the one before is done: HTTP (no new work from people), MQTT (what
// is committed may still be acknowledged; what is not comes again at the next start), the embedded broker or the files of another one,
// the renewal of certificates, the calendar, the last checkpoint, the file that says how far the centre has been, the database, the lock on the data folder.
package api

import (
	"log/slog"
	"net/http"

	"kanmon/api/rest/problem"
	"kanmon/internal/fault"
)

// Config is what the HTTP handler is made of.
type Config struct {
	REST    http.Handler // serves /api/
	Console http.Handler // serves everything else
	HTTPS   bool         // callers come by https
	Log     *slog.Logger
}

// New makes the handler of the centre. Around REST and console it puts, from the outside: one log record a
// request, an answer when a handler panics, security headers, and refusal of forged cross-origin requests.
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", noStore(cfg.REST))
	mux.Handle("/", cfg.Console)

	forged := http.NewCrossOriginProtection()
	forged.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, fault.New(fault.Denied, "auth.cross_origin", "cross-origin request"))
	}))
	return logged(cfg.Log, recovered(cfg.Log, headers(cfg.HTTPS, forged.Handler(mux))))
}

// headers sets what every answer carries. The content policy allows nothing; the console sets its own.
func headers(https bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// noStore keeps personal data out of caches.
func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
