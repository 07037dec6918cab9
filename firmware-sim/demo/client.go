package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Client speaks to the centre's REST interface, as any other system would.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient speaks to the centre at base, such as "https://127.0.0.1:8480", and believes nobody but the authorities in roots.
func NewClient(base string, roots *x509.CertPool) *Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, ForceAttemptHTTP2: true}
	return &Client{base: base, http: &http.Client{Timeout: 20 * time.Second, Transport: transport}}
}

// Close ends the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get opens an address of the centre as this client would; the caller closes the body.
func (c *Client) Get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request %s: %w", path, err)
	}
	c.Authorize(req)
	lasting := &http.Client{Transport: c.http.Transport} // a stream has no end
	return lasting.Do(req)
}

// Enter logs in as the administrator of the demo city in a folder, whose centre runs at base.
func Enter(ctx context.Context, dir, base string) (*Client, error) {
	city := City{Files: Files{dir}}
	if err := readJSON(city.Files.logins(), &city.Users); err != nil {
		return nil, err
	}
	c, err := city.client(base)
	if err != nil {
		return nil, err
	}
	return c, c.Login(ctx, city.Users[0].Name, city.Users[0].Password)
}

// Client speaks to the city's centre, whose authority it reads from the centre's folder.
func (c *City) Client() (*Client, error) { return c.client(c.URL()) }

func (c *City) client(base string) (*Client, error) {
	text, err := os.ReadFile(c.Files.CA())
	if err != nil {
		return nil, fmt.Errorf("read the centre's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the centre's authority: no certificate in %s", c.Files.CA())
	}
	return NewClient(base, roots), nil
}

// awaitCentre returns when the centre answers.
func (c *Client) awaitCentre(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := c.Call(ctx, http.MethodGet, "healthz", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the centre does not answer: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *Client) post(ctx context.Context, path string, body, out any) error {
	return c.Call(ctx, http.MethodPost, path, body, out)
}

// Call sends body (nil: none) as JSON and decodes the answer into out (nil: dropped). An answer of 400 or more is an
// error with the problem document in its text.
func (c *Client) Call(ctx context.Context, method, path string, body, out any) error {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode %s: %w", path, err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1/"+path, in)
	if err != nil {
		return fmt.Errorf("make request %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	c.Authorize(req)
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, strings.TrimSpace(string(text)))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", path, err)
	}
	return nil
}

// Authorize puts the session's token into a request.
func (c *Client) Authorize(r *http.Request) {
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
}

// Login opens a session; later calls carry its token.
func (c *Client) Login(ctx context.Context, name, password string) error {
	var out struct {
		Token string `json:"token"`
	}
	if err := c.post(ctx, "session", map[string]string{"login": name, "password": password}, &out); err != nil {
		return err
	}
	c.token = out.Token
	return nil
}
