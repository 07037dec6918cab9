// Package message holds what the program says to people, in Japanese and English, apart from the code.
//
// A catalogue is two flat JSON objects, ja.json and en.json, with the same keys; Load refuses anything else.
// Values may hold the verbs of fmt ("%s", "%[2]d"), the same ones in both languages.
//
// This package's own catalogue has one sentence for every code and every kind of internal/fault; the HTTP edges
// use Sentence to turn an error into something a person can act on. Pages keep their words beside their templates.
package message

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Lang is a language of the console.
type Lang string

// Languages. Japanese is what a caller gets who asks for anything else.
const (
	JA Lang = "ja"
	EN Lang = "en"
)

// Langs lists the languages, the default first.
func Langs() []Lang { return []Lang{JA, EN} }

// ParseLang reads a language code as a cookie or a form carries it.
func ParseLang(s string) (Lang, bool) {
	switch Lang(s) {
	case JA, EN:
		return Lang(s), true
	default:
		return JA, false
	}
}

// FromHeader picks the language of an Accept-Language header: the first one named that there is, else Japanese.
// Weights are ignored, for browsers list the languages in order of preference.
func FromHeader(accept string) Lang {
	for part := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(tag, "-")
		if l, ok := ParseLang(strings.ToLower(base)); ok {
			return l
		}
	}
	return JA
}

// Catalogue is text by language and key. It is not changed after Load.
type Catalogue struct {
	text map[Lang]map[string]string
}

// Load reads ja.json and en.json from the root of fsys. It refuses a key that one language lacks, an empty text,
// and a text whose verbs differ between the languages.
func Load(fsys fs.FS) (Catalogue, error) {
	c := Catalogue{text: make(map[Lang]map[string]string, 2)}
	for _, l := range Langs() {
		b, err := fs.ReadFile(fsys, string(l)+".json")
		if err != nil {
			return Catalogue{}, fmt.Errorf("read catalogue: %w", err)
		}
		var text map[string]string
		if err := json.Unmarshal(b, &text); err != nil {
			return Catalogue{}, fmt.Errorf("catalogue %s: %w", l, err)
		}
		c.text[l] = text
	}
	return c, c.check()
}

func (c Catalogue) check() error {
	for key := range maps.Keys(c.text[EN]) {
		if _, ok := c.text[JA][key]; !ok {
			return fmt.Errorf("catalogue: key %q only in English", key)
		}
	}
	for key, ja := range c.text[JA] {
		en, ok := c.text[EN][key]
		switch {
		case !ok:
			return fmt.Errorf("catalogue: key %q only in Japanese", key)
		case ja == "" || en == "":
			return fmt.Errorf("catalogue: key %q without a text", key)
		case !slices.Equal(verbs(ja), verbs(en)):
			return fmt.Errorf("catalogue: key %q takes other arguments in English than in Japanese", key)
		}
	}
	return nil
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?[-+#0]*\d*(?:\.\d+)?[a-zA-Z]`)

// verbs lists the verbs of a text by argument: "%s … %d" and "%[2]d … %[1]s" are equal.
func verbs(text string) []string {
	var list []string
	for i, m := range verb.FindAllStringSubmatch(text, -1) {
		place := m[1]
		if place == "" {
			place = strconv.Itoa(i + 1)
		}
		list = append(list, place+m[0][len(m[0])-1:])
	}
	slices.Sort(list)
	return list
}

// Lookup returns the text of a key, and whether there is one.
func (c Catalogue) Lookup(l Lang, key string) (string, bool) {
	text, ok := c.text[l][key]
	return text, ok
}

// Keys lists the keys in order.
func (c Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.text[JA])) }

// Join puts catalogues together. A key in two of them is an error.
func Join(parts ...Catalogue) (Catalogue, error) {
	all := Catalogue{text: map[Lang]map[string]string{JA: {}, EN: {}}}
	for _, p := range parts {
		for _, key := range p.Keys() {
			if _, double := all.text[JA][key]; double {
				return Catalogue{}, fmt.Errorf("catalogue: key %q twice", key)
			}
			all.text[JA][key], all.text[EN][key] = p.text[JA][key], p.text[EN][key]
		}
	}
	return all, nil
}
