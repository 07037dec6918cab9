package mosquitto_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/internal/broker/mosquitto"
	"kanmon/internal/fault"
)

func example() mosquitto.Config {
	return mosquitto.Config{Site: "demo", Dir: "/etc/mosquitto/kanmon", Listen: "0.0.0.0:8883", Controllers: []string{"ctl-1"}, Listeners: []string{"screen"}}
}

// R47-1: what is documented is what is written. The two blocks in docs/broker.md were written by hand.
func TestTheFilesAreThoseOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/broker.md")
	if err != nil {
		t.Fatal(err)
	}
	conf, acl, err := mosquitto.Files(example())
	if err != nil {
		t.Fatal(err)
	}
	for kind, content := range map[string][]byte{"conf": conf, "acl": acl} {
		_, rest, _ := strings.Cut(string(page), "```"+kind+"\n")
		want, _, found := strings.Cut(rest, "```\n")
		if !found || want != string(content) {
			t.Errorf("%s is\n%s\nwant\n%s", kind, content, want)
		}
	}
}

func TestTheSameClientsInAnotherOrderGiveTheSameRules(t *testing.T) {
	a, b := example(), example()
	a.Controllers, b.Controllers = []string{"ctl-1", "ctl-2", "ctl-10"}, []string{"ctl-10", "ctl-2", "ctl-1", "ctl-2"}
	_, first, err := mosquitto.Files(a)
	if err != nil {
		t.Fatal(err)
	}
	if _, second, _ := mosquitto.Files(b); string(first) != string(second) {
		t.Errorf("%s\nand\n%s", first, second)
	}
}

// A name or a path is never more than one word of one line.
func TestNothingCanBeSmuggledIntoTheFiles(t *testing.T) {
	for what, change := range map[string]func(*mosquitto.Config){
		"no site":                     func(c *mosquitto.Config) { c.Site = "" },
		"a site with a wildcard":      func(c *mosquitto.Config) { c.Site = "+" },
		"a folder that is relative":   func(c *mosquitto.Config) { c.Dir = "kanmon" },
		"a folder of two lines":       func(c *mosquitto.Config) { c.Dir = "/a\nallow_anonymous true" },
		"a user of two lines":         func(c *mosquitto.Config) { c.User = "a\nallow_anonymous true" },
		"a host name":                 func(c *mosquitto.Config) { c.Listen = "broker:8883" },
		"no port":                     func(c *mosquitto.Config) { c.Listen = "0.0.0.0" },
		"a port of two lines":         func(c *mosquitto.Config) { c.Listen = "0.0.0.0:8883\nallow_anonymous true" },
		"a controller with a line":    func(c *mosquitto.Config) { c.Controllers = []string{"ctl-1\ntopic #"} },
		"a controller with wildcards": func(c *mosquitto.Config) { c.Controllers = []string{"#"} },
		"a controller named centre":   func(c *mosquitto.Config) { c.Controllers = []string{"centre"} },
		"a controller named all":      func(c *mosquitto.Config) { c.Controllers = []string{"all"} },
		"a listener named centre":     func(c *mosquitto.Config) { c.Listeners = []string{"centre"} },
		"one name in two roles":       func(c *mosquitto.Config) { c.Listeners = []string{"ctl-1"} },
	} {
		c := example()
		change(&c)
		if _, _, err := mosquitto.Files(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", what, err)
		}
	}
}

func TestOnlyWhatChangesIsWritten(t *testing.T) {
	dir, c := t.TempDir(), example()
	for _, step := range []struct {
		what   string
		change func()
		crl    string
		want   bool
	}{
		{"the first time", func() {}, "a", true},
		{"again", func() {}, "a", false},
		{"another list", func() {}, "b", true},
		{"a controller more", func() { c.Controllers = append(c.Controllers, "ctl-2") }, "b", true},
	} {
		step.change()
		if changed, err := mosquitto.Write(dir, c, []byte(step.crl)); err != nil || changed != step.want {
			t.Errorf("%s: changed %t, %v", step.what, changed, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v: want three files", entries, err)
	}
	if acl, _ := os.ReadFile(filepath.Join(dir, mosquitto.ACLFile)); !strings.Contains(string(acl), "user ctl-2\n") {
		t.Error("the new controller is missing")
	}
	if _, err := mosquitto.Write(filepath.Join(dir, "missing"), c, nil); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a folder that is not there: %v", err)
	}
}
