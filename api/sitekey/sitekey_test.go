package sitekey_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/api/keyrecord"
	"kanmon/api/sitekey"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
	"kanmon/lifecycle/lifecycletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "kanmon/demo"

func config(dir string, clock func() time.Time) sitekey.Config {
	return sitekey.Config{
		Dir: filepath.Join(dir, "keys"), SealingKey: filepath.Join(dir, "sealing-key"), Site: "demo", Origin: origin,
		Hosts: []string{"localhost", "127.0.0.1", "kanmon.example.jp"}, Clock: clock,
	}
}

func open(t *testing.T, cfg sitekey.Config) *sitekey.Keys {
	t.Helper()
	k, err := sitekey.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// R47-1: the keys are made once, kept sealed, and are the same after every start.
func TestKeysAreMadeOnceAndRestSealed(t *testing.T) {
	dir := t.TempDir()
	first := open(t, config(dir, nil))
	again := open(t, config(dir, nil))
	if !bytes.Equal(first.CA().Certificate().Raw, again.CA().Certificate().Raw) || first.Command().KeyID() != again.Command().KeyID() ||
		first.Checkpoint().Verifier().Key() != again.Checkpoint().Verifier().Key() ||
		!bytes.Equal(first.Server().Leaf.Raw, again.Server().Leaf.Raw) {
		t.Error("other keys after a start")
	}
	box := pki.NewBoxKey()
	for _, k := range []*sitekey.Keys{first, again} {
		sealed, err := k.SealHashKey("ctl-1", box.Public())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := box.Open(pki.HashKeyInfo("demo", "ctl-2"), sealed); err == nil {
			t.Error("opens under another controller's name")
		}
		if b, err := box.Open(pki.HashKeyInfo("demo", "ctl-1"), sealed); err != nil || len(b) != 32 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	files, err := os.ReadDir(filepath.Join(dir, "keys"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, "keys", f.Name()))
		if err != nil || bytes.Contains(b, []byte("PRIVATE")) || bytes.Contains(b, []byte(first.Checkpoint().Secret()[:20])) || !strings.HasSuffix(f.Name(), ".sealed") {
			t.Errorf("%s lies in the clear (%v)", f.Name(), err)
		}
	}
	for _, text := range []string{fmt.Sprint(first), fmt.Sprintf("%v %+v %#v", first, first, first)} {
		if strings.Contains(text, "PRIVATE") || len(text) > 200 {
			t.Errorf("printed %s", text)
		}
	}
}

func TestWhatAnEarlierVersionKeptInTheClearIsTakenOverAndRemoved(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir, nil)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	old, err := ledger.NewSigner(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	hash := bytes.Repeat([]byte{0xA5}, 32)
	for name, text := range map[string]string{"ledger-signing-key": old.Secret(), "credential-hash-key": hex.EncodeToString(hash) + "\n"} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k := open(t, cfg)
	if k.Checkpoint().Verifier().Key() != old.Verifier().Key() {
		t.Error("another checkpoint key")
	}
	box := pki.NewBoxKey()
	sealed, err := k.SealHashKey("ctl-1", box.Public())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := box.Open(pki.HashKeyInfo("demo", "ctl-1"), sealed); err != nil || !bytes.Equal(b, hash) {
		t.Errorf("another credential hash key (%v)", err)
	}
	for _, name := range []string{"ledger-signing-key", "credential-hash-key"} {
		if _, err := os.Stat(filepath.Join(cfg.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if s, before, err := sitekey.Checkpoint(cfg); err != nil || len(before) != 0 || s.Verifier().Key() != old.Verifier().Key() {
		t.Errorf("read alone: %v", err)
	}
}

func TestKeysOfAnotherSiteAndAnotherSealingKeyAreRefused(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := sitekey.Checkpoint(config(dir, nil)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("nothing there: %v", err)
	}
	open(t, config(dir, nil))
	other := config(dir, nil)
	other.Site = "elsewhere"
	if _, err := sitekey.Open(other); err == nil {
		t.Error("the authority of another site is taken")
	}
	other = config(dir, nil)
	other.Origin = "kanmon/elsewhere"
	if _, err := sitekey.Open(other); fault.CodeOf(err) != "ledger.bad_origin" {
		t.Errorf("the checkpoint key of another site: %v", err)
	}
	other = config(dir, nil)
	other.SealingKey = filepath.Join(dir, "another")
	if _, err := sitekey.Open(other); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a lost sealing key: %v", err)
	}
	if _, err := os.Stat(other.SealingKey); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one was made that opens nothing: %v", err)
	}
	if _, err := pki.OpenSealer(other.SealingKey, true); err != nil {
		t.Fatal(err)
	}
	if _, err := sitekey.Open(other); fault.CodeOf(err) != "pki.sealed" {
		t.Errorf("another sealing key: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, "sealing-key"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := sitekey.Open(config(dir, nil)); err == nil {
		t.Error("a sealing key that others may read is taken")
	}
}

// Who imports ca.pem believes the console; the centre's client certificate says "centre" and is no server's.
func TestTheAuthoritysCertificatesServeTheirPurpose(t *testing.T) {
	k := open(t, config(t.TempDir(), nil))
	for _, host := range []string{"localhost", "127.0.0.1", "kanmon.example.jp"} {
		_, err := k.Server().Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: k.CA().Pool()})
		if err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	c, err := k.Centre()
	if err != nil || c.Leaf.Subject.CommonName != "centre" {
		t.Fatalf("%v, %v", c.Leaf.Subject, err)
	}
	if _, err := c.Leaf.Verify(x509.VerifyOptions{Roots: k.CA().Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err == nil {
		t.Error("the centre's client certificate is a server's too")
	}
	chain, secret, err := k.Issued("mosquitto", []string{"broker.example.jp"})
	if err != nil {
		t.Fatal(err)
	}
	if pair, err := pki.ParsePair(chain, secret); err != nil || pair.Leaf.VerifyHostname("broker.example.jp") != nil {
		t.Errorf("the other broker's certificate: %v", err)
	}
	if again, _, err := k.Issued("mosquitto", []string{"broker.example.jp"}); err != nil || !bytes.Equal(again, chain) {
		t.Errorf("made anew for no reason (%v)", err)
	}
	if again, _, err := k.Issued("mosquitto", []string{"other.example.jp"}); err != nil || bytes.Equal(again, chain) {
		t.Errorf("not made anew for another host (%v)", err)
	}
}

func TestCertificatesAreRenewedBeforeTheyEnd(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := open(t, config(dir, time.Now))
		first, server := k.CA().Certificate(), k.Server().Leaf
		told := make(chan struct{}, 64)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- k.Run(ctx, slog.New(slog.DiscardHandler), func(context.Context) { told <- struct{}{} })
		}()
		for range 900 { // days
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			centre, err := k.Centre()
			if err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]*x509.Certificate{"centre": centre.Leaf, "server": k.Server().Leaf} {
				if left := time.Until(c.NotAfter); left < 59*24*time.Hour {
					t.Fatalf("%s has %v left", name, left)
				}
			}
		}
		if len(told) < 5 || bytes.Equal(server.Raw, k.Server().Leaf.Raw) || !bytes.Equal(first.Raw, k.CA().Certificate().Raw) {
			t.Errorf("told %d times", len(told))
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// R47-1: which key serves since when is in the register; a start that finds its keys adds nothing.
func TestTheRegisterSaysWhichKeysServe(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	register := key.New(city.Store)
	dir := t.TempDir()
	for range 2 {
		if err := keyrecord.Record(t.Context(), register, open(t, config(dir, nil)), true); err != nil {
			t.Fatal(err)
		}
	}
	list, err := register.List(t.Context(), lifecycletest.Manager)
	if err != nil || len(list) != 6 {
		t.Fatalf("%+v, %v", list, err)
	}
	k := open(t, config(dir, nil))
	for _, one := range list {
		if one.Version != 1 || one.State != key.Active || one.Fingerprint == "" {
			t.Errorf("%+v", one)
		}
		if one.Purpose == key.Command && (one.KeyID != k.Command().KeyID() || one.Fingerprint != pki.Fingerprint(k.Command().Public())) {
			t.Errorf("command key %+v", one)
		}
	}
}
