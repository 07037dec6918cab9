package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	createTable = regexp.MustCompile(`(?i)^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?"?([a-z_0-9]+)"?`)
	ownerLine   = regexp.MustCompile(`^\s*--\s*owner:\s*(\S+)`)
	writesTo    = regexp.MustCompile(`(?i)\b(?:insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from)\s+"?([a-z_][a-z_0-9]*)"?`)
)

// owners reads the owner of every table from the migrations of all dialects.
func owners(t *testing.T) (owner map[string]string, without []string) {
	t.Helper()
	owner = map[string]string{}
	base := filepath.Join(root(t), "migrations")
	walk(t, base, func(path string) {
		if !strings.HasSuffix(path, ".sql") {
			return
		}
		text, err := os.ReadFile(filepath.Join(base, path))
		if err != nil {
			t.Fatal(err)
		}
		last := ""
		for line := range strings.Lines(string(text)) {
			if m := ownerLine.FindStringSubmatch(line); m != nil {
				last = m[1]
				continue
			}
			if m := createTable.FindStringSubmatch(line); m != nil {
				name := strings.ToLower(m[1])
				if last == "" {
					without = append(without, path+": "+name)
				} else if was, ok := owner[name]; ok && was != last {
					t.Errorf("table %s is owned by %s in one migration and %s in %s", name, was, last, path)
				}
				owner[name] = last
			}
			if strings.TrimSpace(line) != "" {
				last = ""
			}
		}
	})
	return owner, without
}

func TestEveryTableHasAnOwnerThatExists(t *testing.T) {
	owner, without := owners(t)
	for _, w := range without {
		t.Errorf("%s has no line '-- owner: <package>' above it", w)
	}
	if len(owner) == 0 {
		t.Fatal("no tables found in the migrations")
	}
	for table, pkg := range owner {
		if _, err := os.Stat(filepath.Join(root(t), pkg)); err != nil {
			t.Errorf("table %s is owned by %s, which is not a package", table, pkg)
		}
	}
}

// The generic store writes on behalf of the register that called it.
var writersForOthers = []string{"internal/store", "internal/db", "internal/ledger/store"}

func TestOnlyItsOwnerWritesATable(t *testing.T) {
	owner, _ := owners(t)
	for _, s := range sources(t) {
		if s.test || slices.Contains(writersForOthers, s.pkg) || strings.HasPrefix(s.pkg, "internal/archtest") {
			continue
		}
		for _, text := range literals(s.file) {
			for _, m := range writesTo.FindAllStringSubmatch(text, -1) {
				if pkg, known := owner[strings.ToLower(m[1])]; known && pkg != s.pkg {
					t.Errorf("%s writes table %s, which belongs to %s", s.path, m[1], pkg)
				}
			}
		}
	}
}

func literals(f *ast.File) []string {
	var all []string
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}
