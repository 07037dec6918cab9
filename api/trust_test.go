package api

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/key"
)

func shownAlways(c *tls.Certificate) func() (*tls.Certificate, error) {
	return func() (*tls.Certificate, error) { return c, nil }
}

// events are those in the log, without what was quarantined.
func (r *running) events() []entrylog.Entry {
	r.t.Helper()
	list, err := entrylog.New(r.store).List(r.t.Context(), store.System("test"), entrylog.Filter{Limit: 500})
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(e entrylog.Entry) bool { return e.Kind == entrylog.Quarantined })
}

// R47-1: an enrolled controller speaks to the centre over TLS with its own certificate, and every message of both is signed.
func TestAnEnrolledControllerSpeaksAndIsAcknowledged(t *testing.T) {
	r := start(t, t.TempDir())
	d := r.enter("ctl-1")
	d.connect(r.BrokerURL())
	if ack := d.send(1, 3); ack.Centre != 1 {
		t.Fatalf("%+v", ack)
	}
	if n := len(r.events()); n != 3 {
		t.Fatalf("%d events", n)
	}
	keys, err := key.New(r.store).List(t.Context(), store.System("test"))
	if err != nil {
		t.Fatal(err)
	}
	purposes := make([]string, len(keys))
	for i, k := range keys {
		purposes[i] = k.Purpose
	}
	if want := []string{"centre", "checkpoint", "command", "console", "credential-hash", "device-ca"}; !slices.Equal(purposes, want) {
		t.Errorf("register of keys %v", purposes)
	}
}

// R103-1: a controller that is thrown out loses its connection at once and does not come back; with a new token and a new key it does.
func TestARevokedControllerLosesItsConnectionAtOnce(t *testing.T) {
	r := start(t, t.TempDir())
	d := r.enter("ctl-1")
	d.connect(r.BrokerURL())
	d.send(1, 1)
	if err := r.devices.RevokeController(t.Context(), store.System("test"), "ctl-1", "盗難"); err != nil {
		t.Fatal(err)
	}
	if n := r.Server.broker.Stats().Clients; n > 2 { // the centre, and a connection at most that is refused again
		t.Errorf("%d clients", n)
	}
	if err := d.publish(wire.Events, d.events(2, 2)); err == nil && len(r.events()) > 1 {
		t.Error("a revoked controller is heard")
	}
	refused := r.Server.broker.Stats().Refused
	for deadline := time.Now().Add(10 * time.Second); r.Server.broker.Stats().Refused < refused+2; {
		if time.Now().After(deadline) {
			t.Fatal("it does not try again, or is not refused")
		}
		<-time.After(5 * time.Millisecond)
	}
	if d.link.Connected() {
		t.Error("a revoked controller is connected")
	}
	d.stop()
	again := r.enrol("ctl-1")
	again.connect(r.BrokerURL())
	if ack := again.send(1, 2); ack.UpTo != 2 {
		t.Errorf("%+v", ack)
	}
}

func TestACertificateOfAnotherAuthorityIsNoAdmission(t *testing.T) {
	r := start(t, t.TempDir())
	d := r.enter("ctl-1")
	other, err := pki.NewCA("demo", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := other.IssueDevice("ctl-1", d.key.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", r.BrokerAddr().String(), &tls.Config{
		RootCAs: r.keys.CA().Pool(), MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*d.key.TLS(cert)},
	})
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err = conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Fatal("the handshake was not refused")
		}
	}
}

// R84-1: yesterday's copy of the database is put back. The centre notices, opens a new epoch that is on record in the ledger, takes the lost
// day's events again, and nothing it gave out before is given out twice.
func TestARestoredDatabaseOpensANewEpochAndTakesTheEventsAgain(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir)
	d := r.enter("ctl-1")
	d.connect(r.BrokerURL())
	d.send(1, 3)
	d.stop()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	copied := copyDatabase(t, dir)

	r = start(t, dir)
	d.connect(r.BrokerURL())
	if ack := d.send(4, 9); ack.Centre != 1 {
		t.Fatalf("%+v", ack)
	}
	d.stop()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	putBack(t, dir, copied)
	r = start(t, dir)
	d.connect(r.BrokerURL())
	if ack := d.sendUntil(7, 9, 3); ack.UpTo != 3 || ack.Centre != 2 { // from where it stopped: the centre has only 3
		t.Fatalf("%+v", ack)
	}
	if ack := d.send(4, 9); ack.Centre != 2 {
		t.Fatalf("%+v", ack)
	}
	if n := len(r.events()); n != 9 {
		t.Fatalf("%d events", n)
	}
	d.stop()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), settings(t, dir), slog.New(slog.DiscardHandler))
	if err != nil || !report.OK() {
		t.Fatalf("verify: %+v, %v", report, err)
	}
	again := start(t, dir) // and not another one at every start
	if got := epochOf(t, again); got != 2 {
		t.Errorf("epoch %d after the next start", got)
	}
}

func epochOf(t *testing.T, r *running) uint64 {
	t.Helper()
	var epoch uint64
	err := r.store.Read(t.Context(), func(q store.Queryer) error {
		var err error
		epoch, err = device.Epoch(t.Context(), q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// copyDatabase copies the database of a centre that is not running.
func copyDatabase(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func putBack(t *testing.T, dir, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"-wal", "-shm"} {
		_ = os.Remove(filepath.Join(dir, databaseFile+rest))
	}
	if err := os.WriteFile(filepath.Join(dir, databaseFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// R84-1: database and file were put back together, which the centre cannot see. The controllers can: one that has a policy never given out
// makes the centre open a new epoch.
func TestAControllerThatKnowsMoreThanTheCentreMakesItOpenANewEpoch(t *testing.T) {
	r := start(t, t.TempDir())
	d := r.enter("ctl-1")
	d.connect(r.BrokerURL())
	status, err := wire.Seal(d.at(wire.Status), wire.ControllerStatus{
		V: wire.V, Type: wire.Status, Online: true, Start: 1, N: 1, Policy: &access.Version{Epoch: 1, N: 900}, PolicyHash: strings.Repeat("ab", 32),
	}, d.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.publish(wire.Status, status); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); epochOf(t, r) != 2; {
		if time.Now().After(deadline) {
			t.Fatalf("epoch %d", epochOf(t, r))
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestAnOperatorOpensAnEpochWhileTheCentreIsStopped(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	r := start(t, dir)
	if _, err := NewEpoch(t.Context(), settings(t, dir), "控えから戻した", log); err == nil {
		t.Error("an epoch under a running centre")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewEpoch(t.Context(), settings(t, dir), "", log); err == nil {
		t.Error("an epoch without a reason")
	}
	if epoch, err := NewEpoch(t.Context(), settings(t, dir), "控えから戻した", log); err != nil || epoch != 2 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	if got := epochOf(t, start(t, dir)); got != 2 {
		t.Errorf("epoch %d", got)
	}
}

// The console can have the operator's own certificate, which is read again when it is replaced.
func TestTheConsoleShowsTheOperatorsOwnCertificate(t *testing.T) {
	dir := t.TempDir()
	other, err := pki.NewCA("elsewhere", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write := func(at time.Time) {
		t.Helper()
		pair, err := other.IssueServer([]string{"127.0.0.1"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		chain, secret, err := pki.EncodePair(pair)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"cert.pem": chain, "key.pem": secret} {
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(time.Unix(1_800_000_000, 0))
	s := settings(t, filepath.Join(dir, "data"))
	s.TLS = TLSSettings{Mode: tlsFiles, CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	r := startWith(t, s)
	if r.AuthorityFile() != "" {
		t.Error("an authority of its own to trust")
	}
	r.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: other.Pool(), MinVersion: tls.VersionTLS12}}}
	serial := func() string {
		t.Helper()
		r.client.CloseIdleConnections()
		res, _ := r.call("", "GET", "/api/v1/healthz", "")
		return pki.Serial(res.TLS.PeerCertificates[0])
	}
	first := serial()
	write(time.Unix(1_800_000_060, 0))
	if changed, err := r.certificate.Reload(); err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if serial() == first {
		t.Error("the replaced certificate is still shown")
	}
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.certificate.Reload(); err == nil {
		t.Error("half a certificate is taken")
	}
	if second := serial(); second == first {
		t.Error("the certificate is lost")
	}
}

// Behind a proxy that ends TLS the console speaks plain HTTP on this machine alone, and its cookies and headers are those of https.
func TestBehindAProxyTheConsoleSpeaksHTTP(t *testing.T) {
	s := settings(t, t.TempDir())
	s.TLS.Mode, s.PublicURL = tlsOff, "https://kanmon.example.jp"
	r := startWith(t, s)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.listener.Addr().String()+"/api/v1/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK || res.Header.Get("Strict-Transport-Security") == "" || r.URL() != "https://kanmon.example.jp" {
		t.Errorf("%d, %v, %s", res.StatusCode, res.Header, r.URL())
	}
}

// Centre, mosquitto with the files the centre writes, and a controller that enrolled: they understand each other, and a revoked one is
// worth nothing after the reload.
func TestTheCentreAndItsDoorsMeetAtMosquitto(t *testing.T) {
	dir := t.TempDir()
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	address := brokertest.FreeAddress(t)
	s := settings(t, filepath.Join(dir, "data"))
	s.Broker = BrokerSettings{URL: "tls://" + address, FilesDir: filepath.Join(dir, "mosquitto"), FilesListen: address, FilesUser: who.Username}
	if _, err := BrokerFiles(t.Context(), s, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	mosquitto := brokertest.Launch(t, filepath.Join(s.Broker.FilesDir, "mosquitto.conf"), address)
	r := startWith(t, s)
	d := r.enter("ctl-1")
	acl := filepath.Join(s.Broker.FilesDir, "acl")
	until(t, "the file names the new controller", func() bool {
		b, err := os.ReadFile(acl)
		return err == nil && strings.Contains(string(b), "user ctl-1\n")
	})
	mosquitto.Reload()
	d.connect(r.BrokerURL())
	d.send(1, 3)
	if err := r.devices.RevokeController(t.Context(), store.System("test"), "ctl-1", "盗難"); err != nil {
		t.Fatal(err)
	}
	until(t, "the file has lost the controller", func() bool {
		b, err := os.ReadFile(acl)
		return err == nil && !strings.Contains(string(b), "user ctl-1\n")
	})
	mosquitto.Reload()
	_ = d.publish(wire.Events, d.events(4, 4)) // mosquitto says yes and drops it; the centre would not believe it either
	mosquitto.Stop()
	mosquitto.Start()
	until(t, "the revoked controller is refused", func() bool { return strings.Contains(mosquitto.Log(), "revoked") || !d.link.Connected() })
	if n := len(r.events()); n != 3 {
		t.Errorf("%d events", n)
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// A broker of another make gets its files from the centre, and they follow who is enrolled.
func TestTheFilesOfAnotherBrokerFollowTheRegister(t *testing.T) {
	dir := t.TempDir()
	s := settings(t, dir)
	s.Broker = BrokerSettings{URL: "tls://127.0.0.1:1", FilesDir: filepath.Join(dir, "mosquitto"), FilesListen: "127.0.0.1:1"}
	log := slog.New(slog.DiscardHandler)
	if changed, err := BrokerFiles(t.Context(), s, log); err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	acl := func() string {
		b, err := os.ReadFile(filepath.Join(dir, "mosquitto", "acl"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	r := startWith(t, s)
	r.enter("ctl-1")
	until(t, "enrolled", func() bool { return strings.Contains(acl(), "user ctl-1\n") })
	if err := r.devices.RevokeController(context.Background(), store.System("test"), "ctl-1", "盗難"); err != nil {
		t.Fatal(err)
	}
	until(t, "revoked", func() bool { return !strings.Contains(acl(), "user ctl-1\n") })
}
