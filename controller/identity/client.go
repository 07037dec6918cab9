package identity

import (
	"context"
	"net/http"
	"strings"
	"time"

	"kanmon/internal/ask"
	"kanmon/internal/pki"
)

// client speaks to the centre's REST interface.
type client struct {
	base  string
	http  *http.Client
	clock func() time.Time
}

// newClient trusts a server whose certificate leads to one of the pins, or to the authorities in a file, or without one to the
// system's.
func newClient(base string, pins []string, rootsFile string, clock func() time.Time) (*client, error) {
	u, err := ask.URL(base, codeURL)
	if err != nil {
		return nil, err
	}
	roots, err := ask.Roots(rootsFile)
	if err != nil {
		return nil, err
	}
	return &client{strings.TrimSuffix(base, "/"), ask.Client(pki.PinnedTLS(u.Hostname(), pins, roots, clock)), clock}, nil
}

const codeURL = "identity.url"

func (c *client) close() { c.http.CloseIdleConnections() }

func (c *client) post(ctx context.Context, path string, in, out any) error {
	return ask.Post(ctx, c.http, c.base+path, in, out, ask.Words{Refused: refused, Unreached: func(err error) error { return unreached(err, c.clock()) }})
}
