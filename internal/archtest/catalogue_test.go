package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A key that stands twice in a catalogue gives one of the two sentences, and nobody sees which.
func TestNoCatalogueHasAKeyTwice(t *testing.T) {
	for _, file := range catalogues(t) {
		keys, err := keysOf(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		slices.Sort(keys)
		for i := 1; i < len(keys); i++ {
			if keys[i] == keys[i-1] {
				t.Errorf("%s: %q twice", file, keys[i])
			}
		}
	}
}

func catalogues(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("../../api", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !strings.Contains(path, "testdata") && (d.Name() == "ja.json" || d.Name() == "en.json") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("%d catalogues: %v", len(files), err)
	}
	return files
}

// keysOf lists the keys of a file that holds one object of strings.
func keysOf(file string) (keys []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	for at := 0; ; at++ {
		token, err := d.Token()
		if err == io.EOF {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		if text, ok := token.(string); ok && at%2 == 1 {
			keys = append(keys, text)
		} else if ok && at == 0 {
			return nil, errors.New("not an object")
		}
	}
}
