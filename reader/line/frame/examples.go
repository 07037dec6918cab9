package frame

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
)

//go:embed examples/*.json
var files embed.FS

// Examples are the profiles that come with the program, by name (docs/serial-readers.md).
func Examples() []string {
	found, _ := fs.Glob(files, "examples/*.json") // the pattern is good
	for i, f := range found {
		found[i] = strings.TrimSuffix(strings.TrimPrefix(f, "examples/"), ".json")
	}
	slices.Sort(found)
	return found
}

// Example is one of them; an error names those that there are.
func Example(name string) (Profile, error) {
	b, err := files.ReadFile("examples/" + name + ".json")
	if err != nil {
		return Profile{}, wrong("profile", "%.40q is none of %s", name, strings.Join(Examples(), ", "))
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var p Profile
	return p, dec.Decode(&p)
}
