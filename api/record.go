package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"kanmon/api/rest/problem"
	"kanmon/internal/fault"
)

// answer is a ResponseWriter that knows what was answered. ResponseController finds the one below by Unwrap.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Flush sends what was written; event streams need it.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// logged writes one record a request. Neither query nor body nor header goes into it.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, began, id := r.Context(), time.Now(), rand.Text()[:12]
		w.Header().Set("X-Request-Id", id) // pages and problem reports name it, the log finds it
		a := &answer{ResponseWriter: w}
		defer func() {
			log.LogAttrs(ctx, slog.LevelInfo, "http request",
				slog.String("request_id", id), slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("route", r.Pattern),
				slog.Int("status", a.status), slog.Int64("bytes", a.bytes), slog.String("remote", host(r.RemoteAddr)),
				slog.Duration("took", time.Since(began)))
		}()
		next.ServeHTTP(a, r)
	})
}

func host(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return h
}

// recovered answers for a handler that panicked. A panic after the first byte ends the connection, so that
// nobody takes half an answer for a whole one.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			log.LogAttrs(ctx, slog.LevelError, "handler panicked",
				slog.String("path", r.URL.Path), slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			if a, ok := w.(*answer); ok && a.status != 0 {
				panic(http.ErrAbortHandler)
			}
			problem.Write(w, r, fault.New(fault.Internal, "", "handler panicked"))
		}()
		next.ServeHTTP(w, r)
	})
}
