package frame

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kanmon/reader/credential"
)

const handbook = "../../../docs/serial-readers.md"

// The handbook's profiles are the program's, and the one that is not works as it says.
func TestTheProfilesOfTheHandbookWork(t *testing.T) {
	text, err := os.ReadFile(handbook)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, part := range strings.Split(string(text), "\n### ")[1:] {
		title, _, _ := strings.Cut(part, "\n")
		name, _, _ := strings.Cut(title, ":")
		_, code, has := strings.Cut(part, "```json\n")
		if !has {
			continue
		}
		code, _, _ = strings.Cut(code, "```")
		p := profile(t, code)
		if title == "A biometric terminal" {
			terminal(t, compiled(t, p, 0))
			continue
		}
		want, err := Example(name)
		if err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%s: the handbook has another one (%v)", name, err)
		}
		shown[name] = true
	}
	for _, name := range Examples() {
		if !shown[name] {
			t.Errorf("%s is not in the handbook", name)
		}
	}
}

// terminal holds the handbook's terminal to frames whose CRC-16/XMODEM was counted elsewhere.
func terminal(t *testing.T, c *Codec) {
	t.Helper()
	want, err := credential.FromVerdict("S-0012")
	want = card(t, want, err)
	got, errs := cards(c, heard(c.Decoder(), []byte("\x02VOKS-0012  \x03EEAC"), []byte("\x02VNGS-0012  \x0334F9")))
	if len(got) != 1 || got[0] != want || len(errs) != 1 || !errors.Is(errs[0], ErrRefused) {
		t.Errorf("the terminal said %d cards, %v", len(got), errs)
	}
}

func TestTheHandbookHasEveryFieldAndCheck(t *testing.T) {
	b, err := os.ReadFile(handbook)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	names := regexp.MustCompile("`[a-z0-9_.]+`").FindAllString(text, -1)
	has := func(name string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return n == "`"+name+"`" || strings.HasSuffix(n, "."+name+"`") })
	}
	for _, of := range []any{Profile{}, Layout{}, Length{}, Number{}, Check{}, Card{}, Match{}, Field{}, Verdict{}, Poll{}} {
		kind := reflect.TypeOf(of)
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if name != "" && name != "frame" && name != "card" && !has(name) {
				t.Errorf("%s.%s is not in the handbook", kind.Name(), name)
			}
		}
	}
	for kind := range crcs {
		if !strings.Contains(text, "`"+kind+"`") {
			t.Errorf("%s is not in the handbook", kind)
		}
	}
}
