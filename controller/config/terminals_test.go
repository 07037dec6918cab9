package config_test

import (
	"os"
	"strings"
	"testing"

	"kanmon/controller/config"
	"kanmon/internal/fault"
)

const twoTerminals = `"terminals": [
	{"name": "BIO-1", "secret_file": "bio1", "listen": "127.0.0.1:9001", "cert_file": "c.pem", "key_file": "/k.pem", "heartbeat_s": 60},
	{"name": "BIO-2", "secret_file": "bio2", "broker": "tls://10.0.0.9:8883", "topic": "bio/2/verdict", "cert_file": "c.pem", "key_file": "k.pem", "ca_file": "ca.pem"}],
	"doors"`

func withTerminals(t *testing.T, change func(string) string) (config.Config, error) {
	t.Helper()
	full, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	return config.Parse([]byte(change(strings.Replace(string(full), `"doors"`, twoTerminals, 1))), "/etc/kanmon")
}

func TestTerminalsAreReadersWithFilesFromTheConfigurationsFolder(t *testing.T) {
	c, err := withTerminals(t, func(s string) string {
		return strings.Replace(s, `"exit_readers": ["`, `"exit_readers": ["BIO-1", "`, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	if one := c.Terminals[0]; one.SecretFile != "/etc/kanmon/bio1" || one.KeyFile != "/k.pem" || one.CertFile != "/etc/kanmon/c.pem" {
		t.Errorf("%+v", one)
	}
	if w := c.Wiring(""); !w.Bare["BIO-1"] || !w.Bare["BIO-2"] {
		t.Errorf("%v", w.Bare)
	}
}

func TestATerminalThatMakesNoSenseIsRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"both roads":            {`"listen": "127.0.0.1:9001"`, `"listen": "127.0.0.1:9001", "broker": "tls://b:1", "topic": "t", "ca_file": "c"`},
		"no road":               {`"listen": "127.0.0.1:9001", `, ``},
		"no port":               {`127.0.0.1:9001`, `127.0.0.1`},
		"in the clear":          {`tls://10`, `tcp://10`},
		"a wildcard":            {`bio/2/verdict`, `bio/+/verdict`},
		"no topic":              {`"topic": "bio/2/verdict", `, ``},
		"no authority":          {`, "ca_file": "ca.pem"`, ``},
		"no secret":             {`"secret_file": "bio1", `, ``},
		"a heartbeat of a wink": {`"heartbeat_s": 60`, `"heartbeat_s": 1`},
		"a name twice":          {`"BIO-2"`, `"BIO-1"`},
		"a port twice":          {`"broker": "tls://10.0.0.9:8883", "topic": "bio/2/verdict", "cert_file": "c.pem", "key_file": "k.pem", "ca_file": "ca.pem"`, `"listen": "127.0.0.1:9001", "cert_file": "c", "key_file": "k"`},
		"a template":            {`"heartbeat_s": 60`, `"templates": "bio1.db"`},
	} {
		if _, err := withTerminals(t, func(s string) string {
			if !strings.Contains(s, change[0]) {
				t.Fatalf("%s: the edit does nothing", name)
			}
			return strings.Replace(s, change[0], change[1], 1)
		}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
