package brokerfiles_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/api/brokerfiles"
	"kanmon/api/sitekey"
	"kanmon/internal/db/dbtest"
	"kanmon/lifecycle/lifecycletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) (*lifecycletest.City, *brokerfiles.Writer, *sitekey.Keys, string) {
	t.Helper()
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	dir := t.TempDir()
	keys, err := sitekey.Open(sitekey.Config{
		Dir: filepath.Join(dir, "keys"), SealingKey: filepath.Join(dir, "sealing-key"), Site: "demo", Origin: "kanmon/demo", Hosts: []string{"localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "mosquitto")
	return city, brokerfiles.New(brokerfiles.Config{
		Site: "demo", Dir: folder, Listen: "127.0.0.1:8883", Host: "broker.example.jp", Devices: city.Device, Secrets: keys, Log: slog.New(slog.DiscardHandler),
	}), keys, folder
}

func write(t *testing.T, w *brokerfiles.Writer, now time.Time) bool {
	t.Helper()
	changed, err := w.Write(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// R103-1: who was thrown out stands on the revocation list of a broker of another make, and nowhere else.
func TestTheRevocationListHasWhoWasThrownOut(t *testing.T) {
	city, w, keys, folder := open(t)
	if !write(t, w, city.Clock.Now()) || write(t, w, city.Clock.Now().Add(time.Hour)) {
		t.Fatal("not written once, or written again for no reason")
	}
	if err := city.Device.RevokeController(t.Context(), lifecycletest.Manager, "ctl-2", "盗難"); err != nil {
		t.Fatal(err)
	}
	if !write(t, w, city.Clock.Now()) || write(t, w, city.Clock.Now()) {
		t.Fatal("a revoked controller does not change the files once")
	}
	text, err := os.ReadFile(filepath.Join(folder, "crl.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil || list.CheckSignatureFrom(keys.CA().Certificate()) != nil || len(list.RevokedCertificateEntries) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if list.NextUpdate.Before(time.Now().AddDate(15, 0, 0)) {
		t.Errorf("the list ends %v, and then nobody is admitted", list.NextUpdate)
	}
	info, err := os.Stat(filepath.Join(folder, "server.key"))
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("server.key: %v, %v", info, err)
	}
}

func TestRunWritesAtTheStartAndAtEveryChange(t *testing.T) {
	city, w, _, folder := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	until := func(what string, size func(int64) bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; {
			info, err := os.Stat(filepath.Join(folder, "acl"))
			if err == nil && size(info.Size()) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v, %v", what, info, err)
			}
			<-time.After(time.Millisecond)
		}
	}
	var both int64
	until("at the start", func(n int64) bool { both = n; return n > 0 })
	if err := city.Device.RevokeController(t.Context(), lifecycletest.Manager, "ctl-2", "盗難"); err != nil {
		t.Fatal(err)
	}
	w.Changed()
	w.Changed()
	until("one less", func(n int64) bool { return n < both })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
