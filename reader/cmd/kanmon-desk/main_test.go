package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestArgumentsAndConfigurationAreCheckedFirst(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write("good.json", `{"desk":"front-1","data_dir":"data","readers":[{"name":"R1","reader":"ACS*"}]}`)
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"nothing":      {nil, "-config"},
		"no such file": {[]string{"-config", "none.json"}, "none.json"},
		"no reader":    {[]string{"-config", write("none.json", `{"desk":"front-1","data_dir":"data"}`)}, "readers"},
		"two readers of a name": {[]string{"-config", write("two.json",
			`{"desk":"front-1","readers":[{"name":"R1","reader":"A*"},{"name":"R1","reader":"B*"}]}`)}, "R1"},
		"a service that is encrypted": {[]string{"-config", write("felica.json",
			`{"desk":"front-1","readers":[{"name":"R1","reader":"A*","felica":{"system":"FE00","service":"1A88","blocks":[0]}}]}`)}, "1A88"},
		"an unknown field":     {[]string{"-config", write("odd.json", `{"desk":"front-1","door":"D-1"}`)}, "door"},
		"not enrolled":         {[]string{"run", "-config", good, "-check"}, "enroll"},
		"enroll without token": {[]string{"enroll", "-config", good, "-url", "https://localhost"}, "-token"},
		"enroll by http":       {[]string{"enroll", "-config", good, "-url", "http://localhost", "-token", "abc"}, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), c.args, &out, &errs); code != 2 || !strings.Contains(errs.String(), c.says) {
				t.Errorf("code %d, out %q, err %q", code, out.String(), errs.String())
			}
		})
	}
}

// The agent is one file on Windows too, built from here without a C compiler.
func TestItBuildsForWindowsWithoutC(t *testing.T) {
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(t.TempDir(), "kanmon-desk.exe"), ".")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
