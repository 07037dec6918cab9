package readers_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/controller/config"
	"kanmon/controller/core"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/terminal"
)

const terminalSecret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// terminalFiles lays out what a configuration names.
func terminalFiles(t *testing.T, authority *brokertest.Authority) config.Terminal {
	t.Helper()
	dir, server := t.TempDir(), authority.Server()
	chain, key, err := pki.EncodePair(&server)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return config.Terminal{
		Name: "BIO-1", Listen: brokertest.FreeAddress(t), SecretFile: write("secret", []byte(terminalSecret)), CertFile: write("cert", chain), KeyFile: write("key", key),
	}
}

// R44-1: from the terminal's POST to the core's input; from here on there is only the hash of whom it named, and the answer goes back.
func TestATerminalsVerdictReachesTheCoreAsAHash(t *testing.T) {
	s, in := set(t)
	authority := brokertest.NewAuthority(t)
	cfg := terminalFiles(t, authority)
	if err := s.AddTerminals([]config.Terminal{cfg}, time.Now); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })

	secret, err := terminal.ParseSecret(terminalSecret)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(terminal.Message{ID: "m-1", At: time.Now(), Verdict: terminal.Accepted, Subject: "E-1001"})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for range time.Tick(time.Millisecond) { // until the verdict waits for its answer
			if ctx.Err() != nil || s.Show(ctx, "BIO-1", reader.ShowWait) != nil {
				return
			}
		}
	}()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS13}}
	t.Cleanup(transport.CloseIdleConnections)
	client, answer := http.Client{Transport: transport}, ""
	brokertest.Until(t, "the terminal is answered", func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+cfg.Listen, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(terminal.Signature, secret.Sign(body))
		res, err := client.Do(req)
		if err != nil {
			return false // it does not listen yet
		}
		defer res.Body.Close()
		b := new(bytes.Buffer)
		_, _ = b.ReadFrom(res.Body)
		answer = b.String()
		return true
	})
	if !strings.Contains(answer, `"wait"`) {
		t.Errorf("answered %s", answer)
	}
	c, err := credential.FromVerdict("E-1001")
	if err != nil {
		t.Fatal(err)
	}
	want, found := c.At("ctl-1/BIO-1").Forms(key(t))[0], false
	for _, i := range in.take() {
		if p, ok := i.(core.Presented); ok && p.Reader == "BIO-1" && p.Key == want && p.Shape == c.Shape() {
			found = true
		}
	}
	if !found {
		t.Error("the verdict did not reach the core")
	}
}

func TestATerminalWhoseSecretOthersMayReadIsNotTaken(t *testing.T) {
	for name, spoil := range map[string]func(config.Terminal) error{
		"secret for others": func(c config.Terminal) error { return os.Chmod(c.SecretFile, 0o644) },
		"key for others":    func(c config.Terminal) error { return os.Chmod(c.KeyFile, 0o640) },
		"no secret":         func(c config.Terminal) error { return os.Remove(c.SecretFile) },
		"a secret of zeros": func(c config.Terminal) error {
			return os.WriteFile(c.SecretFile, []byte(strings.Repeat("00", 32)), 0o600)
		},
		"another's certificate": func(c config.Terminal) error { return os.WriteFile(c.CertFile, []byte("none"), 0o600) },
	} {
		s, _ := set(t)
		cfg := terminalFiles(t, brokertest.NewAuthority(t))
		if err := spoil(cfg); err != nil {
			t.Fatal(err)
		}
		if err := s.AddTerminals([]config.Terminal{cfg}, time.Now); fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.NotFound || s.Has("BIO-1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoTwoTerminalsShareASecretOrANameAtABroker(t *testing.T) {
	authority := brokertest.NewAuthority(t)
	at := func(name, broker, fill string) config.Terminal {
		c := terminalFiles(t, authority)
		c.Name = name
		if broker != "" {
			c.Listen, c.Broker, c.Topic, c.CAFile = "", broker, "bio/"+name, c.CertFile
		}
		if fill != "" {
			if err := os.WriteFile(c.SecretFile, []byte("01"+strings.Repeat(fill, 31)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	const one, other = "tls://192.0.2.1:8883", "tls://192.0.2.2:8883"
	for name, c := range map[string]struct {
		all  []config.Terminal
		code string
	}{
		"one secret, two ports":             {[]config.Terminal{at("A", "", ""), at("B", "", "")}, "terminal.secret"},
		"one secret, a port and a broker":   {[]config.Terminal{at("A", "", ""), at("B", one, "")}, "terminal.secret"},
		"one certificate at one broker":     {[]config.Terminal{at("A", one, ""), at("B", one, "02")}, "terminal.client"},
		"one certificate at two brokers":    {[]config.Terminal{at("A", one, ""), at("B", other, "02")}, ""},
		"one certificate, a port, a broker": {[]config.Terminal{at("A", "", ""), at("B", one, "02")}, ""},
	} {
		s, _ := set(t)
		if err := s.AddTerminals(c.all, time.Now); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
