package config

import (
	"fmt"
	"net"
	"strings"

	"kanmon/internal/fault"
)

// Terminal is one biometric terminal that speaks over the network (package terminal, docs/terminals.md): it posts to a port of this controller (Listen), or
// publishes to a broker of the terminals' own network (Broker).
type Terminal struct {
	Name       string `json:"name"`             // unique among all devices; the name doors are given at the centre
	SecretFile string `json:"secret_file"`      // 64 hex digits, which the terminal has too; for its owner only
	Listen     string `json:"listen,omitempty"` // host:port, one a terminal
	Broker     string `json:"broker,omitempty"` // tls://host:port
	Topic      string `json:"topic,omitempty"`  // at the broker, without wildcards
	// CertFile and KeyFile are what this controller shows: to the terminal, or to the broker, by the name in the certificate. CAFile is whom it trusts as
	// the broker. All are PEM, of an authority of the terminals' network; they are read at the start, those of a listener at every connection.
	CertFile string `json:"cert_file"`
	KeyFile  string `json:"key_file"`
	CAFile   string `json:"ca_file,omitempty"`
	// HeartbeatS is after how many seconds of silence the terminal is down, 10–86400; 0: it may be silent.
	HeartbeatS int `json:"heartbeat_s,omitempty"`
}

func (t *Terminal) paths() []*string {
	return []*string{&t.SecretFile, &t.CertFile, &t.KeyFile, &t.CAFile}
}

// check reports what makes no sense of one terminal.
func (t Terminal) check() error {
	bad := func(field, why string) error {
		return fault.BadField(field, "config.terminal", fmt.Sprintf("terminal %s: %s", t.Name, why))
	}
	switch {
	case t.SecretFile == "" || t.CertFile == "" || t.KeyFile == "":
		return bad("secret_file", "secret_file, cert_file and key_file are needed")
	case (t.Listen == "") == (t.Broker == ""):
		return bad("listen", "listen or broker, and not both")
	case t.Broker != "" && !strings.HasPrefix(t.Broker, "tls://"):
		return bad("broker", "broker is tls://host:port")
	case (t.Broker != "") != (t.Topic != "") || (t.Broker != "") != (t.CAFile != "") || strings.ContainsAny(t.Topic, "+#"):
		return bad("topic", "with a broker, and only then, a topic without wildcards and a ca_file")
	case t.HeartbeatS != 0 && (t.HeartbeatS < 10 || t.HeartbeatS > 86400):
		return bad("heartbeat_s", "heartbeat_s is 10 to 86400, or 0")
	}
	if _, _, err := net.SplitHostPort(t.Listen); t.Listen != "" && err != nil {
		return bad("listen", "listen is host:port")
	}
	return nil
}

func (p plan) addTerminal(t Terminal) error {
	if err := t.check(); err != nil {
		return err
	}
	if t.Listen == "" {
		return nil
	}
	return p.claim("port " + t.Listen)
}
