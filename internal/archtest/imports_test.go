package archtest

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageImportsOnlyWhatItsRuleAllows(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, im := range s.imports {
			if target := ours(im); target != "" && !allowed(t, s.pkg, target) {
				t.Errorf("%s imports %s, which the rule of package %s does not allow", s.path, target, s.pkg)
			}
		}
	}
}

func TestEveryPackageHasARule(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[s.pkg] = true
	}
	for _, pkg := range slices.Sorted(maps.Keys(seen)) {
		if !isCmd(pkg) && exact(pkg) == nil && broadly(pkg) == nil {
			t.Errorf("package %s has no rule in internal/archtest/table_test.go: say there what it may import, and in docs/architecture.md what it is", pkg)
		}
	}
	for _, r := range rules {
		if !seen[r.pkg] {
			t.Errorf("the rule for %s is about a package that is not there", r.pkg)
		}
	}
}

// R121-1, case 23: between a card and its answer nobody is asked for the time, and nothing else that may not answer: what the core of a controller is made
// of reaches neither a network nor a file.
func TestADecisionAsksNobody(t *testing.T) {
	imports := map[string][]string{}
	for _, s := range sources(t) {
		if !s.test {
			imports[s.pkg] = append(imports[s.pkg], s.imports...)
		}
	}
	reached := map[string]bool{}
	var reach func(pkg string)
	reach = func(pkg string) {
		reached[pkg] = true
		for _, im := range imports[pkg] {
			if top, _, _ := strings.Cut(im, "/"); slices.Contains([]string{"net", "os", "syscall", "database"}, top) || strings.HasPrefix(im, "golang.org/x/sys") {
				t.Errorf("%s imports %s, and decides at a door", pkg, im)
			}
			if target := ours(im); target != "" && !reached[target] {
				reach(target)
			}
		}
	}
	reach("controller/core")
	if !reached["internal/access/decide"] || !reached["controller/door"] {
		t.Fatalf("looked at %v only", slices.Sorted(maps.Keys(reached)))
	}
}

func allowed(t *testing.T, pkg, target string) bool {
	t.Helper()
	if isCmd(pkg) || strings.HasPrefix(target, pkg+"/internal/") {
		return true
	}
	if r := exact(pkg); r != nil {
		return slices.Contains(r.may, target)
	}
	if b := broadly(pkg); b != nil {
		return !slices.ContainsFunc(b.may, func(bar string) bool {
			return target == strings.TrimSuffix(bar, "/") || strings.HasSuffix(bar, "/") && strings.HasPrefix(target, bar)
		})
	}
	return true // reported by TestEveryPackageHasARule
}

func isCmd(pkg string) bool { return strings.Contains("/"+pkg+"/", "/cmd/") }

func exact(pkg string) *rule {
	for i := range rules {
		if rules[i].pkg == pkg {
			return &rules[i]
		}
	}
	return nil
}

func broadly(pkg string) *rule {
	for i := range broad {
		stem, below := strings.CutSuffix(broad[i].pkg, "/...")
		if pkg == stem || below && strings.HasPrefix(pkg, stem+"/") {
			return &broad[i]
		}
	}
	return nil
}

func TestEachOutsideLibraryHasOneImporter(t *testing.T) {
	for _, s := range sources(t) {
		for _, im := range s.imports {
			for lib, homes := range importers {
				if (im == lib || strings.HasPrefix(im, lib+"/")) && !slices.ContainsFunc(homes, func(h string) bool { return s.pkg == h }) {
					t.Errorf("%s imports %s; only %v may", s.path, im, homes)
				}
			}
		}
	}
}

func TestProductionCodeDoesNotImportTesting(t *testing.T) {
	helpers := []string{"internal/db/dbtest", "internal/broker/brokertest", "lifecycle/lifecycletest", "reader/readertest", "reader/pcsc/pcscdtest", "controller/controllertest", "internal/harness", "internal/harness/browser", "api/console/consoletest", "api/console/pagetest", "api/console/areatest", "api/console/desktest"}
	for _, s := range sources(t) {
		if !s.test && slices.Contains(s.imports, "testing") && !slices.Contains(helpers, s.pkg) {
			t.Errorf("%s imports testing", s.path)
		}
		for _, im := range s.imports {
			if !s.test && slices.Contains(helpers, ours(im)) && !slices.Contains(helpers, s.pkg) {
				t.Errorf("%s imports the test helper %s", s.path, im)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.file.Doc != nil {
			documented[s.pkg] = true
		}
	}
	for _, s := range sources(t) {
		if !s.test && !documented[s.pkg] {
			t.Errorf("package %s has no package comment", s.pkg)
			documented[s.pkg] = true
		}
	}
}

func TestMainFunctionsOnlyWire(t *testing.T) {
	for _, s := range sources(t) {
		if s.file.Name.Name != "main" || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if f, ok := n.(*ast.FuncDecl); ok && f.Name.Name == "main" && len(f.Body.List) > 8 {
				t.Errorf("%s: main has %d statements; it should call run", s.path, len(f.Body.List))
			}
			return true
		})
		if strings.HasSuffix(s.path, "/main.go") && s.lines > 80 {
			t.Errorf("%s has %d lines; main.go wires in at most 80", s.path, s.lines)
		}
	}
}
