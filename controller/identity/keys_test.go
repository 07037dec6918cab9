package identity_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/controller/identity"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// R47-1: a command key that a known one announces is believed, kept over a restart, and the centre is told so at once.
func TestAnAnnouncedCommandKeyIsBelievedAndConfirmed(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	k, next := keeper(r, id, new(bytes.Buffer)), pki.NewSigningKey()
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.announce(next)
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	old, pin := c.command.KeyID(), "; "+c.ca.Pin()
	if want := []string{old + pin, old + pin, old + " " + next.KeyID() + pin}; !slices.Equal(c.told(), want) {
		t.Errorf("told %q, want %q", c.told(), want)
	}
	loaded, err := identity.Load(r.Dir, r.Sealer)
	if err != nil || len(loaded.CommandKeys) != 2 || !loaded.CommandKeys[1].Equal(next.Public()) {
		t.Fatalf("after a restart: %d keys, %v", len(loaded.CommandKeys), err)
	}
	for _, key := range []pki.SigningKey{c.command, next} {
		if _, ok := k.CommandKey(key.KeyID()); !ok {
			t.Errorf("%s is not believed", key.KeyID())
		}
	}
}

func TestACommandKeyThatNobodyKnownAnnouncesIsNotBelieved(t *testing.T) {
	c, thief := startCentre(t), pki.NewSigningKey()
	r, id := enrolled(t, c)
	both := []ed25519.PublicKey{c.command.Public(), thief.Public()}
	for name, words := range map[string]any{
		"without a word": []pki.Announcement{},
		"by itself":      []pki.Announcement{pki.Announce("demo", both, thief)},
		"without a list": nil,
	} {
		var log bytes.Buffer
		k := keeper(r, id, &log)
		c.set(0, func(a map[string]any) { a["command_keys"], a["announced"] = [][]byte{both[0], both[1]}, words })
		if err := k.Ask(t.Context()); err != nil || !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("%s: %v, %s", name, err, log.String())
		}
		if _, ok := k.CommandKey(thief.KeyID()); ok {
			t.Errorf("%s: believed", name)
		}
	}
	c.set(0, func(a map[string]any) { a["command_keys"] = [][]byte{} })
	if err := keeper(r, id, new(bytes.Buffer)).Ask(t.Context()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no keys at all: %v", err)
	}
}

// A present key is not dropped on the word of HTTPS alone: what it signed lies on disk and must still be read.
func TestAKnownCommandKeyIsNotDroppedWithoutAWord(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	k, next := keeper(r, id, new(bytes.Buffer)), pki.NewSigningKey()
	c.announce(next)
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.set(0, func(a map[string]any) {
		a["command_keys"], a["announced"] = [][]byte{next.Public()}, []pki.Announcement{}
	})
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := k.CommandKey(c.command.KeyID()); !ok {
		t.Error("dropped")
	}
	farewell := pki.Announce("demo", []ed25519.PublicKey{next.Public()}, c.command)
	c.set(0, func(a map[string]any) {
		a["command_keys"], a["announced"] = [][]byte{next.Public()}, []pki.Announcement{farewell}
	})
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := k.CommandKey(c.command.KeyID()); ok {
		t.Error("the retired key is still believed")
	}
}

func TestTheCentreIsAskedAtTheStartEverySixHoursAfterAnUnknownKeyAndAfterANewConnection(t *testing.T) {
	c := startCentre(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c.enter(ctx, t)
		r, id := enrolled(t, c)
		k := identity.NewKeeper(identity.KeeperConfig{Dir: r.Dir, Identity: id, Warn: func(int) {}, Log: slog.New(slog.DiscardHandler)})
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		asked := func(name string, want int) {
			t.Helper()
			synctest.Wait()
			if n := len(c.told()); n != want {
				t.Errorf("%s: asked %d times, want %d", name, n, want)
			}
		}
		wait(time.Second)
		asked("at the start", 1)
		wait(identity.KeysEvery + identity.KeysSoon)
		asked("after six hours", 2)
		for range 1000 { // a broker that makes noise
			k.CommandKey("0000000000000000")
		}
		wait(2 * time.Second)
		asked("within the pause", 2)
		wait(identity.KeysPause + identity.KeysSoon)
		asked("after the pause", 3)
		wait(identity.KeysPause)
		k.Look()
		wait(identity.KeysSoon)
		asked("after a new connection", 4)
		c.set(http.StatusServiceUnavailable, nil)
		wait(2 * identity.KeysEvery)
		c.set(0, nil)
		next := pki.NewSigningKey()
		c.announce(next)
		k.CommandKey(next.KeyID())
		wait(identity.KeysPause + identity.KeysSoon)
		if _, ok := k.CommandKey(next.KeyID()); !ok {
			t.Error("a new key that signs is not known a minute later")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
