package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// Settings is the configuration file of kanmon-api: one JSON object; unknown fields are refused. A field left
// out has the value given here.
type Settings struct {
	// Site names the site in MQTT topics and in the ledger: lower case letters, digits, hyphens. Default "demo".
	Site string `json:"site"`
	// DataDir is the folder for the database, the keys and the bootstrap token. It is made, for its owner only.
	// Required.
	DataDir string `json:"data_dir"`
	// ConsoleListen is host:port of the console and the REST interface. Default "127.0.0.1:8480".
	ConsoleListen string `json:"console_listen"`
	// PublicURL is how browsers reach the console, "https://kanmon.example.jp" behind a proxy that ends TLS. With
	// https cookies are Secure. Default: http:// and the listening address.
	PublicURL string `json:"public_url"`
	// Broker is the MQTT broker.
	Broker BrokerSettings `json:"broker"`
	// Database is where the registers and the ledger are.
	Database DatabaseSettings `json:"database"`
}

// BrokerSettings is either the embedded broker (Listen) or another one (URL).
type BrokerSettings struct {
	// Listen is host:port of the embedded broker, of this machine itself as long as there is no TLS. Default
	// "127.0.0.1:18830".
	Listen string `json:"listen"`
	// URL of another broker, tcp://host:port or tls://host:port. With it nothing is embedded.
	URL string `json:"url"`
	// Username and PasswordFile are the centre's identity at the other broker. Default of Username: "centre".
	Username     string `json:"username"`
	PasswordFile string `json:"password_file"`
}

// DatabaseSettings says which database.
type DatabaseSettings struct {
	// Driver is "sqlite" (default; kanmon.db in DataDir) or "postgres".
	Driver string `json:"driver"`
	// DSN of PostgreSQL. A password does better in PGPASSFILE.
	DSN string `json:"dsn"`
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
		&s.Site: "demo", &s.ConsoleListen: "127.0.0.1:8480", &s.Database.Driver: "sqlite",
	} {
		if *field == "" {
			*field = value
		}
	}
	if s.Broker.URL == "" && s.Broker.Listen == "" {
		s.Broker.Listen = "127.0.0.1:18830"
	}
	if s.Broker.URL != "" && s.Broker.Username == "" {
		s.Broker.Username = centreName
	}
}

// centreName is the centre's client id and user name at a broker.
const centreName = "centre"

func (s Settings) check() error {
	wrong := func(field, text string) error { return fault.BadField(field, "", field+": "+text) }
	public, err := url.Parse(s.PublicURL)
	switch {
	case !wire.ValidName(s.Site):
		return wrong("site", "lower case letters, digits and hyphens, at most 32")
	case s.DataDir == "":
		return wrong("data_dir", "must be given")
	case err != nil || (s.PublicURL != "" && (public.Host == "" || (public.Scheme != "http" && public.Scheme != "https"))):
		return wrong("public_url", "must be http://host or https://host")
	case s.Broker.URL != "" && s.Broker.Listen != "":
		return wrong("broker", "either listen (embedded) or url (another broker), not both")
	case s.Broker.Embedded() && (s.Broker.Username != "" || s.Broker.PasswordFile != ""):
		return wrong("broker", "username and password_file belong to url")
	case s.Database.Driver != "sqlite" && s.Database.Driver != "postgres":
		return wrong("database.driver", `"sqlite" or "postgres"`)
	case (s.Database.Driver == "postgres") != (s.Database.DSN != ""):
		return wrong("database.dsn", "belongs to driver postgres, and must be given there")
	}
	return nil
}

// https reports whether browsers reach the console by https.
func (s Settings) https() bool {
	u, err := url.Parse(s.PublicURL)
	return err == nil && u.Scheme == "https"
}
