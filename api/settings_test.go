package api

import (
	"strings"
	"testing"

	"kanmon/internal/fault"
)

func TestSettingsHaveUsableDefaults(t *testing.T) {
	got, err := ParseSettings([]byte(`{"data_dir":"/srv/kanmon"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Site: "demo", DataDir: "/srv/kanmon", ConsoleListen: "127.0.0.1:8480",
		Broker: BrokerSettings{Listen: "127.0.0.1:18830"}, Database: DatabaseSettings{Driver: "sqlite"},
	}
	if got != want || got.https() {
		t.Errorf("got %+v", got)
	}
	other, err := ParseSettings([]byte(`{"data_dir":"d","public_url":"https://k.example.jp","broker":{"url":"tls://b:8883"}}`))
	if err != nil || other.Broker.Username != "centre" || other.Broker.Listen != "" || !other.https() {
		t.Errorf("got %+v, %v", other, err)
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
		`{"data_dir":"d","public_url":"ftp://k"}`:                    "public_url",
		`{"data_dir":"d","broker":{"url":"tls://b:1","listen":"x"}}`: "broker",
		`{"data_dir":"d","broker":{"username":"x"}}`:                 "broker",
		`{"data_dir":"d","database":{"driver":"oracle"}}`:            "database.driver",
		`{"data_dir":"d","database":{"driver":"postgres"}}`:          "database.dsn",
		`{"data_dir":"d","database":{"dsn":"host=x"}}`:               "database.dsn",
	} {
		_, err := ParseSettings([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want it to name %s", text, err, want)
		}
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
