package terminal

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/reader"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// heard writes down what a terminal tells the controller.
type heard struct {
	mu   sync.Mutex
	all  []string
	more chan struct{}
}

func newHeard() *heard { return &heard{more: make(chan struct{}, 100)} }

func (h *heard) say(format string, args ...any) {
	h.mu.Lock()
	h.all = append(h.all, fmt.Sprintf(format, args...))
	h.mu.Unlock()
	h.more <- struct{}{}
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = nil
	return all
}

func (h *heard) Present(p reader.Presentation) {
	h.say("present %s %s %s", p.Reader, p.Credential.Written(), p.Trust)
}
func (h *heard) Fail(name string, err error)       { h.say("fail %s %s", name, fault.CodeOf(err)) }
func (h *heard) Removed(name string)               { h.say("removed %s", name) }
func (h *heard) Left(name string, _ time.Duration) { h.say("left %s", name) }
func (h *heard) Up(name string)                    { h.say("up %s", name) }
func (h *heard) Down(name, detail string)          { h.say("down %s: %s", name, detail) }

// post is one terminal with a secret.
type post struct {
	t      *testing.T
	client *http.Client
	url    string
	secret Secret
}

func (p post) send(body, signature string) (status int, answer map[string]string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set(Signature, signature)
	res, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, answer
}

func (p post) say(id string, at time.Time, v Verdict, subject string) (int, map[string]string) {
	p.t.Helper()
	body := message(p.t, id, at, v, subject)
	return p.send(string(body), p.secret.Sign(body))
}

func message(t *testing.T, id string, at time.Time, v Verdict, subject string) []byte {
	t.Helper()
	body, err := json.Marshal(Message{ID: id, At: at, Verdict: v, Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// listening is a terminal that is heard over real HTTPS.
func listening(t *testing.T) (post, *Terminal, *heard) {
	t.Helper()
	authority, h := brokertest.NewAuthority(t), newHeard()
	server := authority.Server()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	road := HTTPS{Certificate: func() *tls.Certificate { return &server }, Clock: time.Now, Log: slog.New(slog.DiscardHandler)}
	term := New(Config{
		Name: "BIO-1", Secret: secret(t), Sink: h, Now: time.Now, Log: slog.New(slog.DiscardHandler), Road: opened{road, l},
		Attacked: func(detail string) { h.say("attacked: %s", detail) },
	})
	run(t, term)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS13}}
	t.Cleanup(transport.CloseIdleConnections)
	return post{t, &http.Client{Transport: transport}, "https://" + l.Addr().String() + "/", secret(t)}, term, h
}

type opened struct {
	HTTPS
	l net.Listener
}

func (o opened) Run(ctx context.Context, take Take) error { return o.serve(ctx, o.l, take) }

// run runs a terminal for the time of the test.
func run(t *testing.T, term *Terminal) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- term.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the terminal ended with %v", err)
		}
	})
}

// R44-1: a terminal's word is a credential of a person, and the person sees what became of it.
func TestAVerdictOverHTTPSIsACredentialAndIsAnswered(t *testing.T) {
	p, term, h := listening(t)
	go func() {
		<-h.more // the verdict
		_ = term.Show(context.Background(), reader.ShowGranted)
	}()
	status, answer := p.say("m-1", time.Now(), Accepted, "E-1001")
	if status != http.StatusOK || answer["answer"] != "granted" {
		t.Errorf("%d %v", status, answer)
	}
	if got := strings.Join(h.take(), "; "); !strings.Contains(got, "present BIO-1 verdict:48:452d31303031 mutual") {
		t.Error(got)
	}
}

// R44-1, case 32: what is wrong is refused, recorded, and opens nothing.
func TestWhatATerminalMayNotSayIsRefused(t *testing.T) {
	p, _, h := listening(t)
	now := time.Now()
	for _, tt := range []struct {
		name   string
		send   func() (int, map[string]string)
		status int
		code   string
		heard  string
	}{
		{"alive", func() (int, map[string]string) { return p.say("h-1", now, Alive, "") }, 200, "", "up BIO-1"},
		{"the same again", func() (int, map[string]string) { return p.say("h-1", now, Alive, "") }, 409, "terminal.repeated", ""},
		{"too old", func() (int, map[string]string) { return p.say("m-2", now.Add(-time.Minute), Accepted, "E-1") }, 403, "terminal.stale", "fail BIO-1 terminal.stale"},
		{"a template", func() (int, map[string]string) {
			body := `{"id":"m-3","at":"` + now.Format(time.RFC3339) + `","verdict":"accepted","subject":"E-1","template":"AAEC"}`
			return p.send(body, p.secret.Sign([]byte(body)))
		}, 400, "terminal.message", "fail BIO-1 terminal.message"},
		{"forged", func() (int, map[string]string) { return p.send(verdict, "sha256=00") }, 401, "terminal.signature", "attacked: messages that the terminal's secret did not sign ×1"},
		{"forged again", func() (int, map[string]string) { return p.send(verdict, "sha256=01") }, 401, "terminal.signature", ""},
		{"too long", func() (int, map[string]string) { return p.send(strings.Repeat("x", MaxMessage+1), "sha256=00") }, 413, "terminal.message", ""},
		{"a subject that is no name", func() (int, map[string]string) { return p.say("m-4", now, Accepted, "E 1'; --") }, 200, "", "fail BIO-1 credential.character"},
	} {
		status, answer := tt.send()
		got := strings.Join(h.take(), "; ")
		if status != tt.status || answer["code"] != tt.code || !strings.HasPrefix(got, tt.heard) || tt.heard == "" && got != "" {
			t.Errorf("%s: %d %v, heard %q", tt.name, status, answer, got)
		}
	}
	res, err := p.client.Get(p.url)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	if res.Body.Close(); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", res.StatusCode)
	}
}

// silent is a road on which nothing comes but what the test says.
type silent struct{ take chan Take }

func (s silent) Run(ctx context.Context, take Take) error {
	s.take <- take
	<-ctx.Done()
	return nil
}

func TestATerminalThatFallsSilentIsDownUntilItSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, road := newHeard(), silent{make(chan Take, 1)}
		term := New(Config{Name: "BIO-1", Secret: secret(t), Sink: h, Now: time.Now, Log: slog.New(slog.DiscardHandler), Road: road, Heartbeat: 30 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = term.Run(ctx) }()
		take := <-road.take
		alive := func(id string) {
			body := message(t, id, time.Now(), Alive, "")
			if _, err := take(body, secret(t).Sign(body)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		alive("1")
		time.Sleep(29 * time.Second)
		alive("2")
		if got := h.take(); len(got) != 1 || got[0] != "up BIO-1" {
			t.Errorf("while it speaks: %v", got)
		}
		time.Sleep(31 * time.Second)
		if got := h.take(); len(got) != 1 || got[0] != "down BIO-1: nothing was heard for 30s" {
			t.Errorf("after a silence: %v", got)
		}
		alive("3")
		if got := h.take(); len(got) != 1 || got[0] != "up BIO-1" {
			t.Errorf("when it is back: %v", got)
		}
	})
}

// R44-1: the same word over a real broker of the terminals' network; what the broker kept from before is not taken.
func TestAVerdictOverAnMQTTBrokerIsACredential(t *testing.T) {
	address, authority := ownBroker(t)
	connect := func(name string) (*mqtt.Client, mqtt.Config) {
		pair := authority.Device(name)
		cfg := mqtt.Config{
			URL: "tls://" + address, ClientID: name, Log: slog.New(slog.DiscardHandler),
			TLS: &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13},
		}
		c, err := mqtt.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c, cfg
	}
	device, _ := connect("bio-1")
	_, own := connect("ctl-1")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = device.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	brokertest.Until(t, "the terminal is connected", device.Connected)

	publish := func(id, subject string, retained bool) {
		body := message(t, id, time.Now(), Accepted, subject)
		payload, _ := json.Marshal(Envelope{Message: string(body), Signature: secret(t).Sign(body)})
		if err := device.Publish(ctx, mqtt.Message{Topic: "bio/1/verdict", Payload: payload, Retained: retained}); err != nil {
			t.Fatal(err)
		}
	}
	publish("kept", "OLD", true)
	h := newHeard()
	run(t, New(Config{
		Name: "BIO-1", Secret: secret(t), Sink: h, Now: time.Now, Log: slog.New(slog.DiscardHandler), Road: MQTT{Client: own, Topic: "bio/1/verdict"},
		Attacked: func(detail string) { h.say("attacked: %s", detail) },
	}))
	n := 0
	brokertest.Until(t, "a verdict comes through", func() bool {
		n++
		publish(fmt.Sprint("m-", n), "E-1001", false) // the controller subscribes when it will
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.all) > 0
	})
	var got string
	brokertest.Until(t, "the verdict is a credential", func() bool {
		got += strings.Join(h.take(), "; ")
		return strings.Contains(got, "present BIO-1 verdict:48:452d31303031 mutual")
	})
	if strings.Contains(got, "4f4c44") { // OLD
		t.Errorf("what the broker had kept was taken: %s", got)
	}
	if err := device.Publish(ctx, mqtt.Message{Topic: "bio/1/verdict", Payload: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	brokertest.Until(t, "nonsense is reported", func() bool { return strings.Contains(strings.Join(h.take(), "; "), "attacked") })
}

// ownBroker is a mosquitto as a maker of terminals would set one up: certificates both ways, and nothing of this product.
func ownBroker(t *testing.T) (string, *brokertest.Authority) {
	t.Helper()
	dir, address, authority := t.TempDir(), brokertest.FreeAddress(t), brokertest.NewAuthority(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server := authority.Server()
	write := func(name string, blocks ...*pem.Block) string {
		var b bytes.Buffer
		for _, block := range blocks {
			if err := pem.Encode(&b, block); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("listener %s 127.0.0.1\nuser %s\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\nuse_identity_as_username true\n",
		port, me.Username, write("ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate.Raw}),
		write("cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate[0]}), write("key.pem", keyBlock(t, server)))
	file := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	brokertest.Launch(t, file, address)
	return address, authority
}

func keyBlock(t *testing.T, pair tls.Certificate) *pem.Block {
	t.Helper()
	_, key, err := pki.EncodePair(&pair)
	if err != nil {
		t.Fatal(errors.New("the server's key"))
	}
	block, _ := pem.Decode(key)
	return block
}
