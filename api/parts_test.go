package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
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
	"kanmon/lifecycle/lifecycletest"
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

type oneKey struct{ public ed25519.PublicKey }

func (k oneKey) Peer(_ context.Context, name string, public ed25519.PublicKey) error {
	if name == "ctl-1" && k.public.Equal(public) {
		return nil
	}
	return fault.New(fault.Denied, "device.other_key", "no")
}

// R47-1, R103-1: only the centre and enrolled controllers are let to the broker, each under its own name with its own key.
func TestOnlyKnownKeysAreLetToTheBroker(t *testing.T) {
	public := func(name string) ed25519.PublicKey { return lifecycletest.DeviceSigner(name).Public() }
	check := identities(oneKey{public("ctl-1")}, public("centre"))
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id   string
		key  any
		want broker.Identity
	}{
		{"centre", public("centre"), broker.Identity{Name: "centre", Role: broker.Centre}},
		{"ctl-1", public("ctl-1"), broker.Identity{Name: "ctl-1", Role: broker.Controller}},
		{"centre", public("ctl-1"), broker.Identity{}},
		{"ctl-1", public("centre"), broker.Identity{}},
		{"ctl-1", public("ctl-2"), broker.Identity{}},
		{"ctl-2", public("ctl-1"), broker.Identity{}},
		{"all", public("ctl-1"), broker.Identity{}},
		{"ctl-1", ecdsaKey.Public(), broker.Identity{}},
		{"centre", ecdsaKey.Public(), broker.Identity{}},
		{"ctl-1", nil, broker.Identity{}},
	} {
		got, err := check(t.Context(), broker.Peer{ClientID: c.id, Certificate: &x509.Certificate{PublicKey: c.key}})
		if got != c.want || (err == nil) != (c.want != broker.Identity{}) {
			t.Errorf("%q with %T: %+v, %v", c.id, c.key, got, err)
		}
	}
}
