package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"kanmon/api/rest/limit"
	"kanmon/api/watch"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/pin"
)

// Settings is the configuration file of kanmon-api: one JSON object; unknown fields are refused. A field left
// out has the value given here.
type Settings struct {
	// Site names the site in MQTT topics, in certificates and in the ledger: lower case letters, digits, hyphens. Default "demo".
	Site string `json:"site"`
	// DataDir is the folder for the database, the keys and the bootstrap token. It is made, for its owner only.
	// Required.
	DataDir string `json:"data_dir"`
	// SealingKeyFile holds the key under which all others are sealed: 64 hex digits, for its owner only. It is made when there is none. A
	// systemd credential "kanmon-sealing-key" goes before it. Default: "sealing-key" in DataDir.
	SealingKeyFile string `json:"sealing_key_file"`
	// ConsoleListen is host:port of the console and the REST interface. Default "127.0.0.1:8480".
	ConsoleListen string `json:"console_listen"`
	// PublicURL is how browsers and controllers reach the console, such as "https://kanmon.example.jp:8480". Default: the
	// listening address.
	PublicURL string `json:"public_url"`
	// TrustedProxies are addresses ("127.0.0.1") and networks ("10.1.0.0/16") of proxies before the console. Only from them X-Forwarded-For
	// is read: the rightmost address in it that is no such proxy is the caller's, for limits and logs. Default: none.
	TrustedProxies []string `json:"trusted_proxies"`
	// TLS is how the console speaks HTTPS.
	TLS TLSSettings `json:"tls"`
	// Broker is the MQTT broker.
	Broker BrokerSettings `json:"broker"`
	// Desks is where PCs of the staff with a card reader reach the centre.
	Desks DeskSettings `json:"desks"`
	// Database is where the registers and the ledger are.
	Database DatabaseSettings `json:"database"`
	// Lease is how long doors decide without the centre's word.
	Lease LeaseSettings `json:"lease"`
	// PresenceHours is how long an entry to an area whose exits are not measured means inside: 1 to 168; 0 stands for the default, 14.
	PresenceHours int `json:"presence_hours"`
	// Alarms is when somebody is told of what.
	Alarms watch.Settings `json:"alarms"`
	// PIN is how old and how long PINs are.
	PIN pin.Settings `json:"pin"`
	// PasswordCost is the work of one password hash; zero: account.DefaultCost. A file cannot set it: under the race detector the real cost takes most of
	// a test's time.
	PasswordCost account.Cost `json:"-"`
}

// TLSSettings says with which certificate the console is served.
type TLSSettings struct {
	// Mode is "own" (default: a certificate of the site's own authority, whose certificate is ca.pem in DataDir), "files" (CertFile and
	// KeyFile), or "off": plain HTTP on this machine alone, behind a proxy that ends TLS; PublicURL is then https.
	Mode string `json:"mode"`
	// CertFile is a certificate chain and KeyFile its key, both PEM. They are read again when they change.
	CertFile string `json:"cert_file"`
	KeyFile  string `json:"key_file"`
	// Hosts are more names and addresses by which console or broker are called. Those in PublicURL, ConsoleListen and Broker are known,
	// and so is localhost.
	Hosts []string `json:"hosts"`
}

// BrokerSettings is either the embedded broker (Listen) or another one (URL). Both speak TLS with certificates of the site's authority.
type BrokerSettings struct {
	// Listen is host:port of the embedded broker. Default "127.0.0.1:18830".
	Listen string `json:"listen"`
	// PublicURL is how controllers reach the embedded broker, tls://host:port. Default: the host of the console's PublicURL, or of
	// Listen, and the port of Listen.
	PublicURL string `json:"public_url"`
	// URL of another broker, tls://host:port. With it nothing is embedded.
	URL string `json:"url"`
	// FilesDir is a folder in which the centre keeps the configuration of that other broker, a mosquitto: absolute, as mosquitto finds
	// it. Empty: the operator does it, with "kanmon-api broker-files" or otherwise.
	FilesDir string `json:"files_dir"`
	// FilesListen is address:port for mosquitto's listener. Default: all addresses, the port of URL.
	FilesListen string `json:"files_listen"`
	// FilesUser is who mosquitto becomes when root starts it. Default: mosquitto's own, "mosquitto".
	FilesUser string `json:"files_user"`
}

// DatabaseSettings says which database.
type DatabaseSettings struct {
	// Driver is "sqlite" (default; kanmon.db in DataDir) or "postgres".
	Driver string `json:"driver"`
	// DSN of PostgreSQL. A password does better in PGPASSFILE.
	DSN string `json:"dsn"`
}

// LeaseSettings are hours, 1 to 720; 0 stands for the default: 72 for staff, 12 for the others.
type LeaseSettings struct {
	StaffHours      int `json:"staff_hours"`
	ContractorHours int `json:"contractor_hours"`
	VisitorHours    int `json:"visitor_hours"`
}

// lease is what goes into policies.
func (l LeaseSettings) lease() access.Lease {
	return access.Lease{Staff: 3600 * int64(l.StaffHours), Contractor: 3600 * int64(l.ContractorHours), Visitor: 3600 * int64(l.VisitorHours)}
}

// Embedded reports whether the centre runs its own broker.
func (b BrokerSettings) Embedded() bool { return b.URL == "" }

// maxSettings bounds a configuration file.
const maxSettings = 1 << 20

// ReadSettings reads a configuration file.
func ReadSettings(file string) (Settings, error) {
	f, err := os.Open(file) // the operator names the file
	if err != nil {
		return Settings{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSettings))
	if err != nil {
		return Settings{}, fmt.Errorf("read configuration: %w", err)
	}
	s, err := ParseSettings(b)
	if err != nil {
		return Settings{}, fmt.Errorf("configuration %s: %w", file, err)
	}
	return s, nil
}

// ParseSettings reads one, fills in the defaults and checks it.
func ParseSettings(b []byte) (Settings, error) {
	var s Settings
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, fault.Wrap(fault.Invalid, err, "not a configuration")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Settings{}, fault.New(fault.Invalid, "", "bytes behind the configuration")
	}
	s.fill()
	return s, s.check()
}

func (s *Settings) fill() {
	for field, value := range map[*string]string{
		&s.Site: "demo", &s.ConsoleListen: "127.0.0.1:8480", &s.Database.Driver: "sqlite", &s.TLS.Mode: tlsOwn,
	} {
		if *field == "" {
			*field = value
		}
	}
	if s.SealingKeyFile == "" && s.DataDir != "" {
		s.SealingKeyFile = filepath.Join(s.DataDir, sealingKeyFile)
	}
	if s.Broker.URL == "" && s.Broker.Listen == "" {
		s.Broker.Listen = "127.0.0.1:18830"
	}
	if u, err := url.Parse(s.Broker.URL); err == nil && s.Broker.FilesDir != "" && s.Broker.FilesListen == "" {
		s.Broker.FilesListen = net.JoinHostPort("0.0.0.0", u.Port())
	}
}

// Modes of TLSSettings.
const (
	tlsOwn   = "own"
	tlsFiles = "files"
	tlsOff   = "off"
)

func wrong(field, text string) error { return fault.BadField(field, "", field+": "+text) }

func (s Settings) check() error {
	switch {
	case !wire.ValidName(s.Site):
		return wrong("site", "lower case letters, digits and hyphens, at most 32")
	case s.DataDir == "":
		return wrong("data_dir", "must be given")
	case s.Database.Driver != "sqlite" && s.Database.Driver != "postgres":
		return wrong("database.driver", `"sqlite" or "postgres"`)
	case (s.Database.Driver == "postgres") != (s.Database.DSN != ""):
		return wrong("database.dsn", "belongs to driver postgres, and must be given there")
	case s.PresenceHours < 0 || s.PresenceHours > 168:
		return wrong("presence_hours", "1 to 168")
	}
	for _, check := range []func() error{s.checkTLS, s.checkProxies, s.Broker.check, s.Desks.check, s.Lease.check, s.Alarms.Check, s.PIN.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s Settings) checkTLS() error {
	public, err := url.Parse(s.PublicURL)
	off := s.TLS.Mode == tlsOff
	switch {
	case err != nil || (s.PublicURL != "" && (public.Host == "" || (public.Scheme != "http" && public.Scheme != "https"))):
		return wrong("public_url", "must be http://host or https://host")
	case s.TLS.Mode != tlsOwn && s.TLS.Mode != tlsFiles && !off:
		return wrong("tls.mode", `"own", "files" or "off"`)
	case (s.TLS.Mode == tlsFiles) != (s.TLS.CertFile != "" && s.TLS.KeyFile != "") || (s.TLS.CertFile == "") != (s.TLS.KeyFile == ""):
		return wrong("tls.cert_file", "it and key_file belong to mode files, and must be given there")
	case !off && public.Scheme == "http":
		return wrong("public_url", "the console speaks https")
	case off && !loopback(s.ConsoleListen):
		return wrong("tls.mode", "off is for this machine alone: listen on 127.0.0.1 and have a proxy end TLS")
	}
	return nil
}

func (s Settings) checkProxies() error {
	if _, err := limit.ParseProxies(s.TrustedProxies); err != nil {
		return wrong("trusted_proxies", err.Error())
	}
	return nil
}

// proxies are the trusted ones; they have been checked.
func (s Settings) proxies() limit.Proxies {
	p, _ := limit.ParseProxies(s.TrustedProxies)
	return p
}

func (b BrokerSettings) check() error {
	other, err := url.Parse(b.URL)
	public, perr := url.Parse(b.PublicURL)
	tlsURL := func(u *url.URL) bool {
		return u.Scheme == "tls" && u.Hostname() != "" && u.Port() != "" && u.User == nil && u.Path == "" && u.RawQuery == ""
	}
	switch {
	case b.URL != "" && b.Listen != "":
		return wrong("broker", "either listen (embedded) or url (another broker), not both")
	case b.URL != "" && (err != nil || !tlsURL(other)):
		return wrong("broker.url", "must be tls://host:port")
	case b.PublicURL != "" && (b.URL != "" || perr != nil || !tlsURL(public)):
		return wrong("broker.public_url", "must be tls://host:port, and belongs to the embedded broker")
	case b.FilesDir != "" && (b.Embedded() || !filepath.IsAbs(b.FilesDir)):
		return wrong("broker.files_dir", "must be absolute, and belongs to url")
	case (b.FilesListen != "" || b.FilesUser != "") && b.FilesDir == "":
		return wrong("broker.files_listen", "it and files_user belong to files_dir")
	}
	return nil
}

func (l LeaseSettings) check() error {
	if err := l.lease().Validate(); err != nil {
		return wrong("lease", err.Error())
	}
	return nil
}

// loopback reports whether an address to listen on is of this machine alone.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// https reports whether browsers reach the console by https.
func (s Settings) https() bool {
	u, err := url.Parse(s.PublicURL)
	return s.TLS.Mode != tlsOff || (err == nil && u.Scheme == "https")
}
