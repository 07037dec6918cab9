package message

import (
	"embed"
	"sync"
)

//go:embed ja.json en.json
var files embed.FS

// faults is read once. That it reads is proved by this package's tests, so the failure cannot happen in a build
// that passed them; Sentence would then answer with the key.
var faults = sync.OnceValues(func() (Catalogue, error) { return Load(files) })

// Faults is the catalogue of fault codes and, under "kind.<name>", of fault kinds.
func Faults() (Catalogue, error) { return faults() }

// Lookup returns the sentence for a fault code ("auth.denied"), and whether there is one.
func Lookup(l Lang, code string) (string, bool) {
	c, err := faults()
	if err != nil {
		return "", false
	}
	return c.Lookup(l, code)
}

// Sentence returns what to tell a person about an error: the sentence of its code, else the one of its kind (the
// names of fault.Kind.String), else the one for an internal error. Internal errors always get that last one:
// what went wrong inside is for the log.
func Sentence(l Lang, kind, code string) string {
	keys := []string{code, "kind." + kind, "kind.internal"}
	if kind == "internal" {
		keys = keys[2:]
	}
	for _, key := range keys {
		if text, ok := Lookup(l, key); ok {
			return text
		}
	}
	return code
}
