package message_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"kanmon/api/message"
	"kanmon/internal/fault"
)

func files(ja, en string) fstest.MapFS {
	return fstest.MapFS{"ja.json": {Data: []byte(ja)}, "en.json": {Data: []byte(en)}}
}

func TestLoadRefusesCataloguesThatDiffer(t *testing.T) {
	for name, c := range map[string]struct{ ja, en string }{
		"key only in Japanese": {`{"a":"あ","b":"い"}`, `{"a":"A"}`},
		"key only in English":  {`{"a":"あ"}`, `{"a":"A","b":"B"}`},
		"empty text":           {`{"a":""}`, `{"a":"A"}`},
		"other arguments":      {`{"a":"%d 件"}`, `{"a":"%s"}`},
		"argument missing":     {`{"a":"%s %s"}`, `{"a":"%s"}`},
		"not JSON":             {`{`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := message.Load(files(c.ja, c.en)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestArgumentsMayStandInAnotherOrder(t *testing.T) {
	c, err := message.Load(files(`{"a":"%[2]s の %[1]d 件"}`, `{"a":"%d of %s, 100%"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := c.Lookup(message.EN, "a"); !ok || got != "%d of %s, 100%" {
		t.Errorf("Lookup = %q, %v", got, ok)
	}
}

func TestJoinRefusesADoubleKey(t *testing.T) {
	a, _ := message.Load(files(`{"a":"あ"}`, `{"a":"A"}`))
	if _, err := message.Join(a, a); err == nil {
		t.Error("accepted")
	}
}

func TestFromHeaderTakesTheFirstLanguageThereIs(t *testing.T) {
	for header, want := range map[string]message.Lang{
		"": message.JA, "en-GB,en;q=0.9,ja;q=0.8": message.EN, "fr, ja;q=0.5, en;q=0.4": message.JA,
		"EN": message.EN, "fr": message.JA, ";;,,": message.JA,
	} {
		if got := message.FromHeader(header); got != want {
			t.Errorf("FromHeader(%q) = %s, want %s", header, got, want)
		}
	}
}

func TestEveryKindOfErrorHasASentence(t *testing.T) {
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		for _, l := range message.Langs() {
			if _, ok := message.Lookup(l, "kind."+k.String()); !ok {
				t.Errorf("no sentence for kind %s in %s", k, l)
			}
		}
	}
}

func TestSentenceNeverTellsWhatWentWrongInside(t *testing.T) {
	want, _ := message.Lookup(message.JA, "kind.internal")
	if got := message.Sentence(message.JA, "internal", "auth.denied"); got != want {
		t.Errorf("Sentence = %q, want %q", got, want)
	}
}

func TestSentenceOfAnUnknownCodeIsThatOfItsKind(t *testing.T) {
	want, _ := message.Lookup(message.EN, "kind.conflict")
	if got := message.Sentence(message.EN, "conflict", "no.such_code"); got != want {
		t.Errorf("Sentence = %q, want %q", got, want)
	}
}

// TestEveryFaultCodeHasASentence reads the source of every package whose errors can reach a person at the centre.
func TestEveryFaultCodeHasASentence(t *testing.T) {
	seen := 0
	for _, dir := range []string{"api", "lifecycle", "internal/authz", "internal/store", "reader/credential"} {
		for code, where := range codes(t, filepath.Join("..", "..", filepath.FromSlash(dir))) {
			seen++
			for _, l := range message.Langs() {
				if _, ok := message.Lookup(l, code); !ok {
					t.Errorf("%s: no sentence for %q in api/message/%s.json", where, code, l)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d codes found: the reading of the source is broken", seen)
	}
}

// codes finds the code of every call of fault.New and fault.BadField with a literal code, and where it stands.
func codes(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if code, pos := codeOf(n); code != "" {
				found[code] = set.Position(pos).String()
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func codeOf(n ast.Node) (code string, pos token.Pos) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) < 2 {
		return "", 0
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"New", "BadField"}, f.Sel.Name) {
		return "", 0
	}
	if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "fault" {
		return "", 0
	}
	if kind, ok := call.Args[0].(*ast.SelectorExpr); ok && kind.Sel.Name == "Internal" {
		return "", 0 // its code is never shown
	}
	lit, ok := call.Args[1].(*ast.BasicLit)
	if !ok {
		return "", 0
	}
	code, _ = strconv.Unquote(lit.Value)
	return code, lit.Pos()
}
