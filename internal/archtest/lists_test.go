package archtest

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the lists in testdata to what is true now")

// The lists in testdata are debts that may shrink and must not grow: a new entry fails, and so does an old
// entry that is no longer true, so that what was paid stays paid.
func compare(t *testing.T, list string, now []string) {
	t.Helper()
	slices.Sort(now)
	now = slices.Compact(now)
	file := filepath.Join("testdata", list+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(append(now, ""), "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields(string(text))
	for _, entry := range now {
		if !slices.Contains(known, entry) {
			t.Errorf("%s: %s is new on the list of debts, which may not grow", list, entry)
		}
	}
	for _, entry := range known {
		if !slices.Contains(now, entry) {
			t.Errorf("%s: %s is paid; take it off the list (go test ./internal/archtest -update)", list, entry)
		}
	}
	t.Logf("%s: %d entries", list, len(now))
}

var rowID = regexp.MustCompile(`R\d+[-_]\d+`)

func TestRequirementRowsWithoutATestDoNotGrow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs/requirements.md"))
	if err != nil {
		t.Fatal(err)
	}
	untested := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if id := rowID.FindString(line); id != "" && strings.HasPrefix(line, "| ") {
			untested[id] = true
		}
	}
	if len(untested) < 40 {
		t.Fatalf("found only %d rows in docs/requirements.md", len(untested))
	}
	for _, s := range sources(t) {
		if !s.test || s.pkg == "internal/archtest" {
			continue
		}
		for _, id := range provedBy(s) {
			delete(untested, strings.ReplaceAll(id, "_", "-"))
		}
	}
	compare(t, "requirements-without-a-test", slices.Collect(maps.Keys(untested)))
}

// provedBy finds row ids in a test file's comments and function names.
func provedBy(s source) []string {
	var ids []string
	for _, group := range s.file.Comments {
		ids = append(ids, rowID.FindAllString(group.Text(), -1)...)
	}
	for name := range s.file.Scope.Objects { // the names of one file are all we need
		ids = append(ids, rowID.FindAllString(name, -1)...)
	}
	return ids
}

// A room is a folder of the console with its templates, scripts and styles; 1,500 lines are enough for one register.
func TestRoomsOver1500LinesDoNotGrow(t *testing.T) {
	lines := map[string]int{}
	base := root(t)
	walk(t, base, func(path string) {
		room, ok := roomOf(path)
		if !ok || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") {
			return
		}
		text, err := os.ReadFile(filepath.Join(base, path))
		if err != nil {
			t.Fatal(err)
		}
		lines[room] += strings.Count(string(text), "\n")
	})
	var over []string
	for room, n := range lines {
		if n > 1500 {
			over = append(over, room)
		}
	}
	compare(t, "rooms-over-1500-lines", over)
}

// roomOf names the room a file belongs to: its folder, except that a console room includes its assets.
func roomOf(path string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, "api/console/"); ok {
		if room, _, below := strings.Cut(rest, "/"); below {
			return "api/console/" + room, true
		}
		return "api/console", true
	}
	if !strings.HasSuffix(path, ".go") {
		return "", false
	}
	return filepath.ToSlash(filepath.Dir(path)), true
}

func TestFilesOver400LinesDoNotGrow(t *testing.T) {
	var over []string
	for _, s := range sources(t) {
		if !s.test && s.lines > 400 {
			over = append(over, s.path)
		}
	}
	compare(t, "files-over-400-lines", over)
}

func TestMigrationNumbersAreUniqueAndPaired(t *testing.T) {
	base := filepath.Join(root(t), "migrations")
	names := map[string][]string{}
	for _, dialect := range []string{"sqlite", "postgres"} {
		entries, err := os.ReadDir(filepath.Join(base, dialect))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int]string{}
		for _, e := range entries {
			n, err := strconv.Atoi(e.Name()[:min(4, len(e.Name()))])
			if err != nil {
				t.Errorf("%s/%s does not begin with four digits", dialect, e.Name())
			}
			if was, double := seen[n]; double {
				t.Errorf("%s: %s and %s have the same number", dialect, was, e.Name())
			}
			seen[n] = e.Name()
			names[dialect] = append(names[dialect], e.Name())
		}
	}
	if !slices.Equal(names["sqlite"], names["postgres"]) {
		t.Errorf("the dialects have different migrations:\n%v\n%v", names["sqlite"], names["postgres"])
	}
}
