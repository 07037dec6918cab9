package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "kanmon"

// source is one Go file of the tree.
type source struct {
	path    string // from the root, with slashes
	pkg     string // its folder from the root
	test    bool
	imports []string
	file    *ast.File
	lines   int
}

// root of the tree, from this package's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources parses every Go file of the tree.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	base := root(t)
	fset := token.NewFileSet()
	walk(t, base, func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		text, err := os.ReadFile(filepath.Join(base, path))
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s := source{
			path: path, pkg: filepath.ToSlash(filepath.Dir(path)), test: strings.HasSuffix(path, "_test.go"),
			file: f, lines: strings.Count(string(text), "\n"),
		}
		for _, im := range f.Imports {
			name, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			s.imports = append(s.imports, name)
		}
		all = append(all, s)
	})
	if len(all) < 20 {
		t.Fatalf("found only %d Go files below %s", len(all), base)
	}
	return all
}

// walk calls fn for every file of the project, by its path from base.
func walk(t *testing.T, base string, fn func(path string)) {
	t.Helper()
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != base && (strings.HasPrefix(name, ".") && name != ".ci" || name == "node_modules" || path == filepath.Join(base, "data") || path == filepath.Join(base, "bin")) {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		fn(filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ours returns the folder of one of our packages, or "".
func ours(importPath string) string {
	if rest, ok := strings.CutPrefix(importPath, module+"/"); ok {
		return rest
	}
	return ""
}
