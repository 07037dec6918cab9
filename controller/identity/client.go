package identity

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

const (
	answerTime = 20 * time.Second
	maxAnswer  = 64 << 10
)

// client speaks to the centre's REST interface.
type client struct {
	base  string
	http  *http.Client
	clock func() time.Time
}

// newClient trusts a server whose certificate leads to one of the pins, or to the authorities in a file, or without one to the
// system's. No proxy from the environment is used.
func newClient(base string, pins []string, rootsFile string, clock func() time.Time) (*client, error) {
	u, err := checkURL(base)
	if err != nil {
		return nil, err
	}
	roots, err := readRoots(rootsFile)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: pki.PinnedTLS(u.Hostname(), pins, roots, clock), ForceAttemptHTTP2: true}
	return &client{strings.TrimSuffix(base, "/"), &http.Client{Transport: transport, Timeout: answerTime, CheckRedirect: noRedirect}, clock}, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // no pool stands for the system's
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the console's authority")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fault.New(fault.Invalid, "identity.ca_file", file+" holds no certificate")
	}
	return pool, nil
}

func (c *client) close() { c.http.CloseIdleConnections() }

func (c *client) post(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "ask the centre")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(b))
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "ask the centre")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Language", "ja")
	res, err := c.http.Do(req)
	if err != nil {
		return unreached(err, c.clock())
	}
	defer res.Body.Close()
	b, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "read the centre's answer")
	case res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated:
		return refused(res.StatusCode, b)
	}
	return fault.Wrap(fault.Invalid, json.Unmarshal(b, out), "read the centre's answer")
}
