package ui

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"kanmon/api/message"
)

// View is one page in every language.
type View struct {
	byLang map[message.Lang]*template.Template
	words  message.Catalogue
}

// View parses the named template files of a folder together with the layout. A page's own words may not
// use the keys of the frame.
func (s *Shell) View(files fs.FS, words message.Catalogue, names ...string) (View, error) {
	all, err := message.Join(s.words, words)
	if err != nil {
		return View{}, err
	}
	v := View{byLang: map[message.Lang]*template.Template{}, words: all}
	for _, l := range message.Langs() {
		t, err := s.templates.Clone()
		if err != nil {
			return View{}, fmt.Errorf("clone layout: %w", err)
		}
		if v.byLang[l], err = t.Funcs(s.functions(l, all)).ParseFS(files, names...); err != nil {
			return View{}, fmt.Errorf("parse page: %w", err)
		}
	}
	return v, nil
}

// Room is a folder of pages: its words are ja.json and en.json, its templates lie in the folder templates.
type Room struct {
	Name   string
	Files  fs.FS
	Words  func() (message.Catalogue, error) // nil: those of the folder alone
	Pages  map[string]*View                  // by the template that is the page
	Shared []string                          // templates that every page uses
}

// Open reads the pages of a room.
func (s *Shell) Open(r Room) error {
	if r.Words == nil {
		r.Words = func() (message.Catalogue, error) { return message.Load(r.Files) }
	}
	words, err := r.Words()
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	templates, err := fs.Sub(r.Files, "templates")
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	for name, view := range r.Pages {
		if *view, err = s.View(templates, words, append([]string{name}, r.Shared...)...); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	return nil
}

func (s *Shell) functions(l message.Lang, words message.Catalogue) template.FuncMap {
	return template.FuncMap{
		"t":     func(key string, args ...any) (string, error) { return text(words, l, key, args) },
		"icon":  icon,
		"asset": s.asset,
		"clock": Clock,
		"exact": Exact,
		"day":   func(t time.Time) string { return Day(l, t) },
		"date":  func(t time.Time) string { return Date(l, t) },
		"stamp": func(t time.Time) string { return Stamp(l, t) },
		"iso":   iso,

		"minute": func(t time.Time) string { return Minute(l, t) },
		"from":   func(t time.Time) string { return From(l, t) },
		"until":  func(t time.Time) string { return Until(l, t) },
		"dict":   dict,
	}
}

func text(words message.Catalogue, l message.Lang, key string, args []any) (string, error) {
	s, ok := words.Lookup(l, key)
	if !ok {
		return "", fmt.Errorf("no text for %q in %s", key, l)
	}
	if len(args) == 0 {
		return s, nil
	}
	return fmt.Sprintf(s, args...), nil
}

func (s *Shell) asset(name string) (string, error) {
	served, ok := s.assets.names[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return "/static/" + served, nil
}

// dict makes the argument of a component from names and values in turn.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict: a name without a value")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: argument %d is no name", i)
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// Text returns a text of the page's catalogue; a missing key comes back as itself.
func (v View) Text(l message.Lang, key string, args ...any) string {
	s, err := text(v.words, l, key, args)
	if err != nil {
		return key
	}
	return s
}

// Fragment renders one named template of the page.
func (v View) Fragment(l message.Lang, name string, data any) (string, error) {
	var b bytes.Buffer
	if err := v.byLang[l].ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return b.String(), nil
}

// Page is one answer.
type Page struct {
	Status  int    // 0: 200
	Title   string // in the visitor's language
	Section string // the section of the header that is lit, by key
	Plain   bool   // without the header's sections: before a log-in
	Data    any    // what the template "main" gets
}

type layout struct {
	Page
	Lang      message.Lang
	Visitor   Visitor
	Sections  []section
	Site      string
	Version   string
	Back      string // where the language switch returns to
	Ledger    ledger
	Badges    Badges
	RequestID string
}

type ledger struct {
	Known bool
	Size  int64
}

// Render answers with a page. It is written only when it could be rendered as a whole.
func (s *Shell) Render(w http.ResponseWriter, r *http.Request, v Visitor, view View, p Page) error {
	l := layout{
		Page: p, Lang: LangOf(r), Visitor: v, Sections: sections(v),
		Site: s.config.Site, Version: s.config.Version, Back: back(r), RequestID: w.Header().Get("X-Request-Id"),
	}
	if v.Known() && s.config.LedgerSize != nil {
		n, err := s.config.LedgerSize(r.Context())
		if err != nil {
			return fmt.Errorf("ledger size: %w", err)
		}
		l.Ledger = ledger{Known: true, Size: n}
	}
	if v.Known() && !p.Plain && s.config.Badges != nil {
		var err error
		if l.Badges, err = s.config.Badges(r.Context(), v); err != nil {
			return fmt.Errorf("badges: %w", err)
		}
	}
	var b bytes.Buffer
	if err := view.byLang[l.Lang].ExecuteTemplate(&b, "layout", l); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	private(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(l.Lang))
	if p.Status != 0 {
		w.WriteHeader(p.Status)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// back is where a visitor who switches the language wants to be: the same page, when it was asked for by GET.
func back(r *http.Request) string {
	if r.Method != http.MethodGet {
		return LocalPath(r.URL.Path)
	}
	return LocalPath(r.URL.RequestURI())
}
