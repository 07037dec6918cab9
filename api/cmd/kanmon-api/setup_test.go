package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var address = regexp.MustCompile(`console  (https://\S+)`)

// setUp runs the centre once more and makes the first account through its REST interface.
func setUp(t *testing.T, file, data string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{word: "console ", seen: make(chan struct{})}
	code := make(chan int, 1)
	var problems watched
	go func() { code <- run(ctx, []string{"serve", "-config", file}, out, &problems) }()
	<-out.seen
	token, err := os.ReadFile(filepath.Join(data, "bootstrap-token"))
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"token":%q,"login":"yamada","password":"corect horse battery"}`, strings.TrimSpace(string(token)))
	url := address.FindStringSubmatch(out.String())[1] + "/api/v1/setup"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := trusting(t, data).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("set-up: %s", res.Status)
	}
	cancel()
	if c := <-code; c != exitOK {
		t.Fatalf("exit code %d: %s", c, problems.String())
	}
}

// trusting is a client that believes the authority whose certificate the centre leaves in its data folder.
func trusting(t *testing.T, data string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("ca.pem holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
