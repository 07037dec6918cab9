package identity_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/controller/identity"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

const day = 24 * time.Hour

// diary notes what a keeper warns of, and when, in days before the certificate's end.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(until time.Time, days int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%d at %.0f", days, time.Until(until).Hours()/24))
}

func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// C-32, R47-1
func TestThroughHalfAYearWithoutTheCentreTheKeeperWarnsThriceThenSaysItIsOverAndRenewsWhenTheCentreReturns(t *testing.T) {
	c := startCentre(t) // outside the bubble: its connections live in real time
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c.enter(ctx, t)
		r, id := enrolled(t, c)
		asked := len(c.asked())
		c.set(http.StatusServiceUnavailable, nil)
		d := &diary{}
		k := identity.NewKeeper(identity.KeeperConfig{
			Dir: r.Dir, Identity: id, Warn: func(days int) { d.note(id.Certificate.NotAfter, days) }, Log: slog.New(slog.DiscardHandler),
		})
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()

		wait(119 * day)
		if n := len(c.asked()) - asked; n != 0 || len(d.all()) != 0 {
			t.Errorf("61 days before the end: asked %d times, %v", n, d.all())
		}
		wait(62 * day)
		if want := []string{"30 at 30", "7 at 7", "1 at 1", "0 at -0"}; !slices.Equal(d.all(), want) {
			t.Errorf("warned %v, want %v", d.all(), want)
		}
		// from 1 minute the pauses double to 6 hours, each shortened by up to a half
		if n := len(c.asked()) - asked; n < 60*4 || n > 60*8+20 {
			t.Errorf("asked %d times in 60 days", n)
		}
		c.set(0, nil)
		wait(6 * time.Hour)
		if left := time.Until(k.Until()); left < 179*day {
			t.Errorf("the centre is back, and the certificate has %v left", left)
		}
		c.set(http.StatusServiceUnavailable, nil)
		wait(181 * day)
		if n := len(d.all()); n != 8 {
			t.Errorf("without the centre once more: warned %v", d.all())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func wait(d time.Duration) {
	time.Sleep(d) // in a bubble
	synctest.Wait()
}

func TestARenewalComesSixtyDaysBeforeTheEndAndIsSilent(t *testing.T) {
	c := startCentre(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c.enter(ctx, t)
		r, id := enrolled(t, c)
		k := identity.NewKeeper(identity.KeeperConfig{
			Dir: r.Dir, Identity: id, Warn: func(days int) { t.Errorf("warned of %d days", days) }, Log: slog.New(slog.DiscardHandler),
		})
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		wait(120*day - 2*time.Hour)
		if !k.Until().Equal(id.Certificate.NotAfter) {
			t.Error("renewed too early")
		}
		wait(4 * time.Hour)
		if k.Until().Equal(id.Certificate.NotAfter) {
			t.Error("not renewed")
		}
		wait(250 * day) // the server's own certificate lasts 397 days
		if n := len(c.asked()); n != 1+3 {
			t.Errorf("%d certificates in 370 days", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAnAuthorityNearItsEndIsNotAskedEveryHour(t *testing.T) {
	c := startCentre(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c.enter(ctx, t)
		c.found(t, time.Now().Add(-(20*365-100)*day), time.Now()) // its certificates end in 100 days
		r, id := enrolled(t, c)
		var log bytes.Buffer
		k := keeper(r, id, &log)
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		wait(70 * day)
		if n := len(c.asked()); n < 30*4 || n > 30*8+20 {
			t.Errorf("%d certificates in 70 days", n)
		}
		cancel()
		if err := <-done; err != nil || !strings.Contains(log.String(), "authority is near its end") {
			t.Errorf("%v, %s", err, log.String())
		}
	})
}

func TestANewCommandKeyIsTakenOnTheWordOfAKnownOneOnly(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	old, next := c.command, pki.NewSigningKey()
	keys := []ed25519.PublicKey{next.Public()}
	var log bytes.Buffer
	k := keeper(r, id, &log)
	for _, step := range []struct {
		name      string
		announced []pki.Announcement
		want      pki.SigningKey
		loud      bool
	}{
		{"without a word", nil, old, true},
		{"by itself", []pki.Announcement{pki.Announce("demo", keys, next)}, old, true},
		{"for another site", []pki.Announcement{pki.Announce("other", keys, old)}, old, true},
		{"by the known key", []pki.Announcement{pki.Announce("demo", keys, old)}, next, false},
	} {
		log.Reset()
		c.set(0, func(a map[string]any) { a["command_keys"], a["announced"] = [][]byte{next.Public()}, step.announced })
		if err := k.Renew(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		loaded, err := identity.Load(r.Dir, r.Sealer)
		if err != nil || len(loaded.CommandKeys) != 1 || !loaded.CommandKeys[0].Equal(step.want.Public()) {
			t.Errorf("%s: %v", step.name, err)
		}
		if _, ok := k.CommandKey(step.want.KeyID()); !ok {
			t.Errorf("%s: the key in force is not found", step.name)
		}
		if loud := strings.Contains(log.String(), "level=ERROR"); loud != step.loud {
			t.Errorf("%s: %s", step.name, log.String())
		}
	}
	if _, ok := k.CommandKey(old.KeyID()); ok {
		t.Error("the key that was dropped is still believed")
	}
}

func keeper(r identity.Request, id identity.Identity, log *bytes.Buffer) *identity.Keeper {
	return identity.NewKeeper(identity.KeeperConfig{
		Dir: r.Dir, Sealer: r.Sealer, Identity: id, Warn: func(int) {}, HashKey: func(identity.HashKey) {}, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
}

func TestARenewalThatDoesNotHoldLeavesTheOldCertificate(t *testing.T) {
	c, other := startCentre(t), startCentre(t)
	r, id := enrolled(t, c)
	k := keeper(r, id, new(bytes.Buffer))
	for name, spoil := range map[string]func(map[string]any){
		"another key": func(a map[string]any) {
			a["certificate"] = c.certify(mustCSR(t, pki.NewSigningKey(), "ctl-1"))["certificate"]
		},
		"another name":      func(a map[string]any) { a["certificate"] = c.certify(mustCSR(t, id.Key, "ctl-2"))["certificate"] },
		"another authority": func(a map[string]any) { a["certificate"] = other.certify(mustCSR(t, id.Key, "ctl-1"))["certificate"] },
		"two at once":       func(a map[string]any) { a["certificate"] = a["certificate"].(string) + string(c.ca.PEM()) },
		"none":              func(a map[string]any) { a["certificate"] = "" },
		"no command key":    func(a map[string]any) { a["command_keys"] = nil },
	} {
		c.set(0, spoil)
		if err := k.Renew(t.Context()); err == nil {
			t.Errorf("%s was taken", name)
		}
		if loaded, err := identity.Load(r.Dir, r.Sealer); err != nil || !loaded.Certificate.Equal(id.Certificate) || !k.Identity().Certificate.Equal(id.Certificate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARevokedControllerIsToldSoAndGoesOnTrying(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	c.set(http.StatusForbidden, nil)
	if err := keeper(r, id, new(bytes.Buffer)).Renew(t.Context()); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "登録用トークン") {
		t.Errorf("%v", err)
	}
}

func TestARenewedCertificateIsUsedAlsoWhenTheDiskIsFull(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	k := keeper(r, id, new(bytes.Buffer))
	broken := filepath.Join(r.Dir, "certificate.pem")
	if err := errors.Join(os.Remove(broken), os.Mkdir(broken, 0o700)); err != nil { // a file cannot be renamed over a folder
		t.Fatal(err)
	}
	if err := k.Renew(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
	if k.Identity().Certificate.Equal(id.Certificate) {
		t.Error("the new certificate was thrown away")
	}
}

func TestAMachineThatStartsIn1970RenewsByItsOwnCertificatesBeginning(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	k := identity.NewKeeper(identity.KeeperConfig{
		Dir: r.Dir, Identity: id, Clock: func() time.Time { return time.Unix(12, 0) }, Warn: func(int) {}, Log: slog.New(slog.DiscardHandler),
	})
	if err := k.Renew(t.Context()); err != nil {
		t.Error(err)
	}
	if now := k.TLS().Time(); now.Before(id.Certificate.NotBefore) {
		t.Errorf("towards the broker it is %v", now)
	}
}

func TestWhoEnrollsIn1970IsToldToSetTheClock(t *testing.T) {
	c := startCentre(t)
	r := request(t, c)
	r.Clock = func() time.Time { return time.Unix(12, 0) }
	_, err := identity.Enroll(t.Context(), r)
	if fault.CodeOf(err) != "identity.clock" || !strings.Contains(err.Error(), "1970-01-01") {
		t.Errorf("%v", err)
	}
	if len(c.asked()) > 0 {
		t.Error("the token was shown")
	}
}

// The console may stand behind a certificate of another authority, given as a file, also for renewals.
func TestAConsoleOfAnotherAuthorityIsReachedByItsFile(t *testing.T) {
	c, web := startCentre(t), startCentre(t)
	r := request(t, c)
	root := web.pair.Certificate[1]
	web.ca, web.token, web.command = c.ca, c.token, c.command // web answers as c does, under a server certificate of its own
	web.pair.Certificate = web.pair.Certificate[:1]
	r.URL = web.URL
	if _, err := identity.Enroll(t.Context(), r); err == nil {
		t.Fatal("believed without the file")
	}
	r.CAFile = filepath.Join(t.TempDir(), "web-ca.pem")
	ca, err := x509.ParseCertificate(root)
	if err == nil {
		err = os.WriteFile(r.CAFile, pki.EncodeCertificate(ca), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Enroll(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(r.CAFile); err != nil {
		t.Fatal(err)
	}
	if err := keeper(r, id, new(bytes.Buffer)).Renew(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheHashKeyIsPrintedByNothing(t *testing.T) {
	_, id := enrolled(t, startCentre(t))
	var out strings.Builder
	for _, v := range []any{id, &id, id.HashKey, struct{ id identity.Identity }{id}, struct{ k identity.HashKey }{id.HashKey}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	for _, form := range []string{"kkkk", "6b6b6b", "107 107 107", "a2tra2"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the hash key was printed: %s", form)
		}
	}
}
