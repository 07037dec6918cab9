package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Client speaks to the centre's REST interface, as any other system would.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient speaks to the centre at base, such as "http://127.0.0.1:8480".
func NewClient(base string) *Client {
	return &Client{base: base, http: &http.Client{Timeout: 10 * time.Second}}
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
