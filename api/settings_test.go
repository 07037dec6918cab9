package api

import (
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/account"
)

func TestSettingsHaveUsableDefaults(t *testing.T) {
	got, err := ParseSettings([]byte(`{"data_dir":"/srv/kanmon"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Site: "demo", DataDir: "/srv/kanmon", SealingKeyFile: "/srv/kanmon/sealing-key", ConsoleListen: "127.0.0.1:8480",
		TLS: TLSSettings{Mode: "own"}, Broker: BrokerSettings{Listen: "127.0.0.1:18830"}, Database: DatabaseSettings{Driver: "sqlite"},
	}
	if !reflect.DeepEqual(got, want) || !got.https() {
		t.Errorf("got %+v", got)
	}
	other, err := ParseSettings([]byte(`{"data_dir":"d","public_url":"https://k.example.jp","broker":{"url":"tls://b:8883","files_dir":"/etc/k"},
		"lease":{"staff_hours":48}}`))
	if err != nil || other.Broker.Listen != "" || other.Broker.FilesListen != "0.0.0.0:8883" || !other.https() {
		t.Errorf("got %+v, %v", other, err)
	}
	if l := other.Lease.lease(); l.For(access.Staff) != 48*time.Hour || l.For(access.Visitor) != 12*time.Hour {
		t.Errorf("lease %+v", l)
	}
}

func TestWrongSettingsAreRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		``:                                  "not a configuration",
		`{}`:                                "data_dir",
		`{"data_dir":"d"} x`:                "bytes behind",
		`{"data_dir":"d","bogus":1}`:        "bogus",
		`{"data_dir":"d","site":"DEMO"}`:    "site",
		`{"data_dir":"d","public_url":"k"}`: "public_url",
		`{"data_dir":"d","public_url":"ftp://k"}`:                                  "public_url",
		`{"data_dir":"d","public_url":"http://k"}`:                                 "public_url",
		`{"data_dir":"d","tls":{"mode":"maybe"}}`:                                  "tls.mode",
		`{"data_dir":"d","trusted_proxies":["proxy"]}`:                             "trusted_proxies",
		`{"data_dir":"d","tls":{"mode":"off"},"console_listen":"0.0.0.0:80"}`:      "tls.mode",
		`{"data_dir":"d","tls":{"mode":"off"},"console_listen":":80"}`:             "tls.mode",
		`{"data_dir":"d","tls":{"mode":"files"}}`:                                  "tls.cert_file",
		`{"data_dir":"d","tls":{"mode":"files","cert_file":"c"}}`:                  "tls.cert_file",
		`{"data_dir":"d","tls":{"cert_file":"c","key_file":"k"}}`:                  "tls.cert_file",
		`{"data_dir":"d","broker":{"url":"tls://b:1","listen":"x"}}`:               "broker",
		`{"data_dir":"d","broker":{"url":"tcp://b:1"}}`:                            "broker.url",
		`{"data_dir":"d","broker":{"url":"tls://b"}}`:                              "broker.url",
		`{"data_dir":"d","broker":{"url":"tls://u:p@b:1"}}`:                        "broker.url",
		`{"data_dir":"d","broker":{"public_url":"b:1"}}`:                           "broker.public_url",
		`{"data_dir":"d","broker":{"url":"tls://b:1","public_url":"tls://b:1"}}`:   "broker.public_url",
		`{"data_dir":"d","broker":{"files_dir":"/etc/k"}}`:                         "broker.files_dir",
		`{"data_dir":"d","broker":{"url":"tls://b:1","files_dir":"etc"}}`:          "broker.files_dir",
		`{"data_dir":"d","broker":{"url":"tls://b:1","files_listen":"0.0.0.0:1"}}`: "broker.files_listen",
		`{"data_dir":"d","broker":{"username":"x"}}`:                               "username",
		`{"data_dir":"d","pin":{"max_age_days":29}}`:                               "pin.max_age_days",
		`{"data_dir":"d","pin":{"max_age_days":367}}`:                              "pin.max_age_days",
		`{"data_dir":"d","pin":{"digits":3}}`:                                      "pin.digits",
		`{"data_dir":"d","pin":{"digits":9}}`:                                      "pin.digits",
		`{"data_dir":"d","lease":{"staff_hours":721}}`:                             "lease",
		`{"data_dir":"d","presence_hours":169}`:                                    "presence_hours",
		`{"data_dir":"d","presence_hours":-1}`:                                     "presence_hours",
		`{"data_dir":"d","lease":{"visitor_hours":-1}}`:                            "lease",
		`{"data_dir":"d","database":{"driver":"oracle"}}`:                          "database.driver",
		`{"data_dir":"d","database":{"driver":"postgres"}}`:                        "database.dsn",
		`{"data_dir":"d","database":{"dsn":"host=x"}}`:                             "database.dsn",
	} {
		_, err := ParseSettings([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want it to name %s", text, err, want)
		}
	}
}

// A certificate is for every name by which somebody may call; what controllers are told leads to the broker.
func TestHostsAndAddressesFollowFromTheSettings(t *testing.T) {
	at := func(s string) net.Addr {
		a, err := net.ResolveTCPAddr("tcp", s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	s := Settings{PublicURL: "https://k.example.jp:8480", ConsoleListen: "192.0.2.1:8480", TLS: TLSSettings{Mode: tlsOwn, Hosts: []string{"extra.example.jp"}}}
	s.Broker.Listen = "192.0.2.1:18830"
	for _, want := range []string{"localhost", "127.0.0.1", "k.example.jp", "192.0.2.1", "extra.example.jp"} {
		if !slices.Contains(s.hosts(), want) {
			t.Errorf("%v lacks %s", s.hosts(), want)
		}
	}
	if got := s.brokerURL(at("192.0.2.1:18830")); got != "tls://k.example.jp:18830" {
		t.Errorf("broker %s", got)
	}
	if got := s.consoleURL(at("192.0.2.1:8480")); got != "https://k.example.jp:8480" {
		t.Errorf("console %s", got)
	}
	s.Broker.PublicURL = "tls://mqtt.example.jp:8883"
	if got := s.brokerURL(at("192.0.2.1:18830")); got != "tls://mqtt.example.jp:8883" || !slices.Contains(s.hosts(), "mqtt.example.jp") {
		t.Errorf("broker %s, hosts %v", got, s.hosts())
	}
	s.Broker = BrokerSettings{URL: "tls://other.example.jp:8883"}
	if got := s.brokerURL(nil); got != "tls://other.example.jp:8883" {
		t.Errorf("broker %s", got)
	}
	local := Settings{ConsoleListen: "127.0.0.1:0", Broker: BrokerSettings{Listen: "127.0.0.1:0"}, TLS: TLSSettings{Mode: tlsOff}}
	if got := local.brokerURL(at("127.0.0.1:4711")); got != "tls://127.0.0.1:4711" {
		t.Errorf("broker %s", got)
	}
	if got := local.consoleURL(at("127.0.0.1:4712")); got != "http://127.0.0.1:4712" {
		t.Errorf("console %s", got)
	}
	wide := Settings{ConsoleListen: ":8480", Broker: BrokerSettings{Listen: "0.0.0.0:18830"}}
	if got := wide.brokerURL(at("0.0.0.0:18830")); strings.Contains(got, "0.0.0.0") {
		t.Errorf("broker %s", got)
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add([]byte(`{"data_dir":"d","site":"demo","broker":{"listen":"127.0.0.1:0"}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSettings(b)
		if err == nil && (s.DataDir == "" || s.check() != nil) {
			t.Fatalf("%q gives %+v", b, s)
		}
	})
}

// R105-1: passwords are hashed at the full cost, whatever the file says.
func TestAFileCannotMakePasswordsCheaper(t *testing.T) {
	for _, name := range []string{"PasswordCost", "password_cost", "-"} {
		if s, err := ParseSettings([]byte(`{"data_dir":"/d","` + name + `":{"MemoryKiB":64,"Passes":1,"Lanes":1}}`)); err == nil || s.PasswordCost != (account.Cost{}) {
			t.Errorf("%s: %+v, %v", name, s.PasswordCost, err)
		}
	}
}
