// Package ask sends JSON to the centre over HTTPS and reads what it answers, as a controller and a desk do to enrol and to renew. It follows no redirect,
// uses no proxy from the environment, and bounds the time and the answer.
package ask

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

const (
	answerTime = 20 * time.Second
	maxAnswer  = 256 << 10
)

// Words are the caller's errors for what goes wrong.
type Words struct {
	Refused   func(status int, body []byte) error // the centre answered, and not with what was asked for
	Unreached func(err error) error               // it did not answer
}

// Client speaks by a TLS configuration.
func Client(config *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}, Timeout: answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Post sends in and reads the answer into out. Errors do not quote what was sent.
func Post(ctx context.Context, c *http.Client, to string, in, out any, w Words) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fault.New(fault.Internal, "", "ask the centre: not to be written")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(b))
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "ask the centre")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Language", "ja")
	res, err := c.Do(req)
	if err != nil {
		return w.Unreached(err)
	}
	defer res.Body.Close()
	b, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "read the centre's answer")
	case res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated:
		return w.Refused(res.StatusCode, b)
	}
	return fault.Wrap(fault.Invalid, json.Unmarshal(b, out), "read the centre's answer")
}

// KindOf a refusal is Unavailable where asking again may help, and Denied otherwise.
func KindOf(status int) fault.Kind {
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return fault.Unavailable
	}
	return fault.Denied
}

// URL checks that s is https://host[:port]; otherwise the error is Invalid with the code.
func URL(s, code string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, code, "the centre's URL is https://host[:port]")
	}
	return u, nil
}

// Roots reads the authorities in a PEM file; nil, which stands for the system's, where no file is named.
func Roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // no pool stands for the system's
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the console's authority")
	}
	list, err := pki.ParseCertificates(b)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the console's authority in "+file)
	}
	return pki.Pool(list...), nil
}
