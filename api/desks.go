package api

import (
	"context"
	"net"
	"net/url"
	"time"

	seat "kanmon/api/desk"
	"kanmon/api/rest"
	"kanmon/api/webserver"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/desk"
)

// DeskSettings says where desks, PCs of the staff with a card reader, reach the centre. They and nobody else are let in there, by their certificates, so
// that no proxy that ends TLS may stand before it.
type DeskSettings struct {
	// Listen is host:port. Default: none, and no desks.
	Listen string `json:"listen"`
	// PublicURL is how desks reach it, https://host:port. Default: the host of the console's PublicURL, or of Listen, and the port of Listen.
	PublicURL string `json:"public_url"`
}

func (d DeskSettings) check() error {
	u, err := url.Parse(d.PublicURL)
	if d.PublicURL != "" && (d.Listen == "" || err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "") {
		return wrong("desks.public_url", "must be https://host:port, and belongs to listen")
	}
	return nil
}

// deskURL is how desks reach the port that listens at an address.
func (s Settings) deskURL(at net.Addr) string {
	if s.Desks.PublicURL != "" {
		return s.Desks.PublicURL
	}
	host := ""
	if u, err := url.Parse(s.PublicURL); err == nil && !loopback(s.Desks.Listen) {
		host = u.Hostname()
	}
	return "https://" + reachable(at, host)
}

// DeskURL is how desks reach the centre; empty when it has no port for them.
func (s *Server) DeskURL() string {
	if s.deskPort == nil {
		return ""
	}
	return s.settings.deskURL(s.deskPort.Addr())
}

func (s *Server) openDesks(ctx context.Context) error {
	s.desks = desk.New(s.store, s.alarms())
	s.seats = seat.New(seat.Config{
		Site: s.settings.Site, Desks: s.desks, Secrets: s.keys, HashKey: s.keys.HashKey(), URL: s.DeskURL, Log: s.log,
	})
	if s.settings.Desks.Listen == "" {
		return nil
	}
	var listening net.ListenConfig
	var err error
	if s.deskPort, err = listening.Listen(ctx, "tcp", s.settings.Desks.Listen); err != nil {
		return fault.Wrap(fault.Unavailable, err, "open the port for desks")
	}
	s.deskWeb = webserver.New(ctx, s.deskPort, s.seats.Handler(), pki.BrokerTLS(s.keys.Server, s.keys.Trusted(), time.Now), s.log)
	return nil
}

// restDesks is the service of desks in REST's words.
type restDesks struct{ *seat.Service }

// Enrol is seat.Service.Enrol.
func (d restDesks) Enrol(ctx context.Context, name, token string, csr []byte) (rest.EnrolledDesk, error) {
	got, err := d.Service.Enrol(ctx, name, token, csr)
	return rest.EnrolledDesk(got), err
}
