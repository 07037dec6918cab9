package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ClockFloor is a clock that is never before what is certainly past. A nil now is time.Now.
func ClockFloor(floor time.Time, now func() time.Time) func() time.Time {
	if now == nil {
		now = time.Now
	}
	return func() time.Time {
		if t := now(); t.After(floor) {
			return t
		}
		return floor
	}
}

// GetServer returns the certificate to show now; it may be replaced while connections stand.
type GetServer func() *tls.Certificate

// BrokerTLS is a broker's side: TLS 1.3, and a client certificate of one of the authorities. Sessions are not resumed, so
// that each connection shows its certificate.
func BrokerTLS(server GetServer, clients *x509.CertPool, clock func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, SessionTicketsDisabled: true, Time: clock,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return server(), nil },
	}
}

// ClientTLS is a controller's or the centre's side towards a broker. client is asked at each connection, so that a renewed
// certificate is used at the next one.
func ClientTLS(servers *x509.CertPool, client func() (*tls.Certificate, error), clock func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: servers, Time: clock,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return client() },
	}
}

// WebTLS is the console's side: TLS 1.2 or newer with the standard library's choice of ciphers.
func WebTLS(server GetServer, clock func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Time: clock, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return server(), nil },
	}
}

// TrustTLS is the side of a program that calls the console: roots (nil: the system's).
func TrustTLS(roots *x509.CertPool, clock func() time.Time) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Time: clock}
}

var errPin = errors.New("the server's certificate leads neither to the authority that the token names nor to one this machine trusts")

// PinnedTLS is for a first meeting: it accepts a server whose certificate, good for the host that was called, leads to a
// certificate with one of the pins that the server itself sends along, or to one of the roots (nil: the system's). host is the name or
// address that was called.
func PinnedTLS(host string, pins []string, roots *x509.CertPool, clock func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Time: clock, ServerName: host,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection below does all of it, with one more way to be trusted
		VerifyConnection: func(s tls.ConnectionState) error {
			return verifyPinned(s.PeerCertificates, host, pins, roots, clock())
		},
	}
}

// verifyPinned takes the host from the caller: a connection to an address carries no server name.
func verifyPinned(chain []*x509.Certificate, host string, pins []string, roots *x509.CertPool, now time.Time) error {
	if len(chain) == 0 || host == "" {
		return errPin
	}
	options := x509.VerifyOptions{DNSName: host, CurrentTime: now, Roots: roots, Intermediates: x509.NewCertPool()}
	pinned := x509.NewCertPool()
	found := false
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
		if slices.Contains(pins, Pin(c)) {
			pinned.AddCert(c)
			found = true
		}
	}
	leaf := chain[0]
	_, err := leaf.Verify(options)
	if err == nil || !found {
		if err != nil {
			err = fmt.Errorf("%w (%w)", errPin, err)
		}
		return err
	}
	options.Roots = pinned
	if _, err := leaf.Verify(options); err != nil {
		return fmt.Errorf("%w (%w)", errPin, err)
	}
	return nil
}
