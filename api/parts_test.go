package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"kanmon/internal/broker"
	"kanmon/internal/fault"
)

// recorder notes the order in which parts stop.
type recorder struct {
	mu    sync.Mutex
	order []string
}

func (r *recorder) part(name string, run func(ctx context.Context) error) part {
	return part{name, func(ctx context.Context) error {
		err := run(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.order = append(r.order, name)
		return err
	}}
}

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestPartsStopOneAfterTheOther(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		second func(context.Context) error
		want   error
		order  []string
	}{
		"from outside":          {untilDone, nil, []string{"first", "second", "third"}},
		"because one failed":    {func(context.Context) error { return broken }, broken, []string{"second", "first", "third"}},
		"because one just ends": {func(context.Context) error { return nil }, nil, []string{"second", "first", "third"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var r recorder
				ended := make(chan error, 1)
				go func() {
					ended <- runOrdered(ctx, slog.New(slog.DiscardHandler),
						r.part("first", untilDone), r.part("second", c.second), r.part("third", untilDone))
				}()
				synctest.Wait()
				cancel()
				if err := <-ended; !errors.Is(err, c.want) {
					t.Errorf("got %v", err)
				}
				if !slices.Equal(r.order, c.order) {
					t.Errorf("stopped as %v, want %v", r.order, c.order)
				}
			})
		})
	}
}

func TestForgedRequestsOfOtherSitesAreRefused(t *testing.T) {
	reached := false
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })
	h := New(Config{REST: ok, Console: ok, HTTPS: true, Log: slog.New(slog.DiscardHandler)})
	for _, c := range []struct {
		header, value string
		served        bool
	}{
		{"Sec-Fetch-Site", "cross-site", false},
		{"Sec-Fetch-Site", "same-site", false},
		{"Origin", "https://evil.example", false},
		{"Origin", "null", false},
		{"Sec-Fetch-Site", "same-origin", true},
		{"Origin", "https://example.com", true},
		{"X-Nothing", "a program", true},
	} {
		for _, path := range []string{"/api/v1/session", "/login"} {
			reached = false
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com"+path, nil)
			r.Header.Set(c.header, c.value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if reached != c.served || (!c.served && w.Code != http.StatusForbidden) {
				t.Errorf("%s with %s %q: reached %v, %d", path, c.header, c.value, reached, w.Code)
			}
			if w.Header().Get("Strict-Transport-Security") == "" {
				t.Error("https without HSTS")
			}
		}
	}
}

func TestAPanicIsAnsweredAndTellsNothing(t *testing.T) {
	var log strings.Builder
	h := New(Config{
		REST:    http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret detail") }),
		Console: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/x?q=private", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "secret detail") || strings.Contains(log.String(), "q=private") {
		t.Errorf("log %s", log.String())
	}
}

type oneSecret struct{}

func (oneSecret) CheckSecret(_ context.Context, name, secret string) error {
	if name == "ctl-1" && secret == "right" {
		return nil
	}
	return fault.New(fault.Unauthenticated, "", "no")
}

// R103-1: only the centre and registered controllers are let to the broker, each under its own name.
func TestOnlyKnownNamesAreLetToTheBroker(t *testing.T) {
	check := identities(oneSecret{}, "own")
	for _, c := range []struct {
		id, user, password string
		want               broker.Identity
	}{
		{"centre", "centre", "own", broker.Identity{Name: "centre", Role: broker.Centre}},
		{"ctl-1", "ctl-1", "right", broker.Identity{Name: "ctl-1", Role: broker.Controller}},
		{"centre", "centre", "", broker.Identity{}},
		{"centre", "centre", "right", broker.Identity{}},
		{"centre", "ctl-1", "right", broker.Identity{}},
		{"ctl-1", "centre", "own", broker.Identity{}},
		{"ctl-1", "ctl-1", "own", broker.Identity{}},
		{"ctl-1", "ctl-1", "", broker.Identity{}},
		{"", "", "", broker.Identity{}},
	} {
		got, err := check(t.Context(), c.id, c.user, c.password)
		if got != c.want || (err == nil) != (c.want != broker.Identity{}) {
			t.Errorf("%q %q %q: %+v, %v", c.id, c.user, c.password, got, err)
		}
	}
}
