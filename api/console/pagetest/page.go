// Package pagetest asks for the console's pages and checks them by selector.
package pagetest

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"kanmon/api/console/ui"
)

// Page is a parsed answer.
type Page struct {
	*html.Node
	Status int
	Header http.Header
	Body   string
}

// Do sends a request to a folder's routes, as visitor v, and parses the answer. An error becomes its page.
func Do(t *testing.T, shell *ui.Shell, routes []ui.Route, v ui.Visitor, r *http.Request) Page {
	t.Helper()
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := route.Handle(w, r, v); err != nil {
				shell.Fail(w, r, v, err)
			}
		})
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return Parse(t, w)
}

// Parse reads a recorded answer.
func Parse(t *testing.T, w *httptest.ResponseRecorder) Page {
	t.Helper()
	body := w.Body.String()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatalf("parse page: %v", err)
	}
	return Page{Node: doc, Status: w.Code, Header: w.Header(), Body: body}
}

// Get is a request for a page in a language.
func Get(path, lang string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	r.Header.Set("Cookie", "kanmon_lang="+lang)
	return r
}

// Post is a form that a browser sends.
func Post(path, body string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// Text is the text below a node with its white space folded.
func Text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Attr is an attribute's value, or "".
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Has fails the test unless exactly one element matches the selector and its text holds want.
func (p Page) Has(t *testing.T, selector, want string) {
	t.Helper()
	found := p.Find(selector)
	if len(found) != 1 {
		t.Errorf("%q matches %d elements, want 1", selector, len(found))
		return
	}
	if got := Text(found[0]); !strings.Contains(got, want) {
		t.Errorf("%q says %q, want %q", selector, got, want)
	}
}

// Count fails the test unless n elements match.
func (p Page) Count(t *testing.T, selector string, n int) {
	t.Helper()
	if found := p.Find(selector); len(found) != n {
		t.Errorf("%q matches %d elements, want %d", selector, len(found), n)
	}
}

// Find lists the elements that match a selector: simple selectors (tag, #id, .class, [attr], [attr=value]) joined
// by spaces for "below".
func (p Page) Find(selector string) []*html.Node {
	list := []*html.Node{p.Node}
	for part := range strings.FieldsSeq(selector) {
		var next []*html.Node
		seen := map[*html.Node]bool{}
		for _, n := range list {
			for c := range n.Descendants() {
				if c.Type == html.ElementNode && !seen[c] && matches(c, part) {
					seen[c] = true
					next = append(next, c)
				}
			}
		}
		list = next
	}
	return list
}

var simple = regexp.MustCompile(`^[a-z0-9]+|#[\w-]+|\.[\w-]+|\[[\w-]+(=[^\]]*)?\]`)

func matches(n *html.Node, selector string) bool {
	for _, part := range simple.FindAllString(selector, -1) {
		switch part[0] {
		case '#':
			if Attr(n, "id") != part[1:] {
				return false
			}
		case '.':
			if !strings.Contains(" "+Attr(n, "class")+" ", " "+part[1:]+" ") {
				return false
			}
		case '[':
			name, value, exact := strings.Cut(strings.Trim(part, "[]"), "=")
			if !hasAttr(n, name) || exact && Attr(n, name) != value {
				return false
			}
		default:
			if n.Data != part {
				return false
			}
		}
	}
	return true
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// Sound fails the test when a page breaks what every page promises: the headers, no inline script or style, no
// address of another host, one h1, a language, labels on inputs, ids used once, no GET form that changes something.
func (p Page) Sound(t *testing.T) {
	t.Helper()
	if got := p.Header.Get("Content-Security-Policy"); got != ui.Policy {
		t.Errorf("Content-Security-Policy = %q", got)
	}
	if got := p.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q", got)
	}
	if p.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("no X-Content-Type-Options")
	}
	p.Count(t, "h1", 1)
	p.Count(t, "html[lang]", 1)
	p.Count(t, "style", 0)
	p.Count(t, "a.skip", 1)
	ids := map[string]bool{}
	for n := range p.Descendants() {
		if n.Type == html.ElementNode {
			p.element(t, n, ids)
		}
	}
}

func (p Page) element(t *testing.T, n *html.Node, ids map[string]bool) {
	t.Helper()
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on") || a.Key == "style":
			t.Errorf("<%s> has an inline %s", n.Data, a.Key)
		case a.Key == "id" && ids[a.Val]:
			t.Errorf("id %q twice", a.Val)
		case a.Key == "href" || a.Key == "src" || a.Key == "action":
			if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
				t.Errorf("<%s %s=%q> leads off this site", n.Data, a.Key, a.Val)
			}
		}
	}
	ids[Attr(n, "id")] = Attr(n, "id") != ""
	switch n.Data {
	case "script":
		if Attr(n, "src") == "" || n.FirstChild != nil {
			t.Error("inline script")
		}
	case "input", "select":
		if Attr(n, "type") != "hidden" && len(p.Find("label[for="+Attr(n, "id")+"]")) != 1 {
			t.Errorf("input %q has no label of its own", Attr(n, "name"))
		}
	}
}

var update = flag.Bool("update", false, "write golden files instead of comparing")

// Golden compares the page with testdata/<name>.html; hashes in the names of assets are left out.
func (p Page) Golden(t *testing.T, name string) {
	t.Helper()
	got := regexp.MustCompile(`(/static/[a-z]+)\.[0-9a-f]{12}\.`).ReplaceAllString(p.Body, "$1.HASH.")
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("read golden file: %v (go test -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("page differs from %s; look at it, then go test -update\n%s", file, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got:  " + g[i] + "\nwant: " + w[i]
		}
	}
	return "one is the beginning of the other"
}

// Hostile is a name that would run, end its attribute, its element or its event, if it were not escaped everywhere.
const Hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>\r\n\r\nevent: end\r\rdata: {}"

// Harmless fails the test unless the page shows Hostile at least n times, as text or in an attribute, and nothing of
// it became an element.
func (p Page) Harmless(t *testing.T, n int) {
	t.Helper()
	p.Count(t, "script", 1)
	p.Count(t, "img[onerror]", 0)
	shown := 0
	for c := range p.Descendants() {
		if c.Type == html.TextNode && strings.Contains(c.Data, "<script>alert(1)</script>") {
			shown++
		}
		for _, a := range c.Attr {
			shown += strings.Count(a.Val, "<script>alert(1)</script>")
		}
	}
	if shown < n {
		t.Errorf("the hostile name is shown %d times, want at least %d", shown, n)
	}
}
