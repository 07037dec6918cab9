package rest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew; the version must have changed")

const specFile = "testdata/openapi.json"

// A change of the interface is a change of its version, on purpose.
func TestTheDocumentChangesOnlyWithItsVersion(t *testing.T) {
	now := newBench(t).api.Spec()
	was, err := os.ReadFile(specFile)
	if errors.Is(err, fs.ErrNotExist) && *update {
		was, err = nil, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(now, was) {
		return
	}
	if was != nil && version(t, was) == version(t, now) {
		t.Fatalf("the interface changed and is still version %s: raise rest.SpecVersion, then run with -update", version(t, now))
	}
	if !*update {
		t.Fatalf("the interface is version %s, %s is %s: look, then run with -update", version(t, now), specFile, version(t, was))
	}
	if err := os.WriteFile(specFile, now, 0o600); err != nil {
		t.Fatal(err)
	}
}

func version(t *testing.T, spec []byte) string {
	t.Helper()
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
	}
	if err := json.Unmarshal(spec, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Version == "" {
		t.Fatalf("OpenAPI %q, version %q", doc.OpenAPI, doc.Info.Version)
	}
	return doc.Info.Version
}

func TestTheDocumentIsServedAndNamesNoErrorOfTheLibrary(t *testing.T) {
	b := newBench(t)
	got := b.want(200, "", "", "GET", "/openapi.json", "")
	if got.text != string(b.api.Spec()) {
		t.Error("served another document than Spec")
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		if strings.Contains(got.text, name) {
			t.Errorf("the document speaks of %s", name)
		}
	}
	for _, ref := range references(got.json) {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		schemas, _ := got.json["components"].(map[string]any)["schemas"].(map[string]any)
		if _, ok := schemas[name]; !ok {
			t.Errorf("%s leads nowhere", ref)
		}
	}
}

func references(v any) []string {
	var list []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if ref, ok := value.(string); ok && key == "$ref" {
				list = append(list, ref)
			}
			list = append(list, references(value)...)
		}
	case []any:
		for _, value := range v {
			list = append(list, references(value)...)
		}
	}
	return list
}

// databaseText is every byte of the database, as one who steals the disk reads it.
func databaseText(t *testing.T, b *bench) string {
	t.Helper()
	cfg := dbtest.Config(t, b.db)
	if cfg.Driver != db.SQLite {
		t.Fatal("not a file")
	}
	files, err := filepath.Glob(cfg.Path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(fmt.Errorf("no files of the database: %w", err))
	}
	var all strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
