package browser

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hostile is text as somebody would type it who wants the page to do something.
const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script>`

// key of a catalogue, as it would stand on a page whose sentence is missing: "state.up", "kind.door_opened".
var key = regexp.MustCompile(`(?m)(?:^|\s)[a-z]+(?:\.[a-z_]+)+(?:\s|$)`)

// R47-1: no page asks another host, breaks its content policy or complains in the console; text that people typed is shown
// and never run.
func TestEveryPageOfTheConsoleIsCleanAndKeepsToItself(t *testing.T) {
	d := sit(t)
	d.make("staff", map[string]any{"no": "S-9001", "name": hostile, "kana": "ホスタイル", "section": hostile})
	d.make("areas", map[string]any{"id": "hostile", "name": hostile, "grade": 1, "record": "strict"})
	d.Tap("IN-1", "佐藤")
	d.Tap("IN-2", "拾得カード")
	d.login(manager)
	visited := d.crawl("/", "/password", "/no-such-page", "/cards/C-NOSUCH", "/live?show=alarm", "/staff?q="+url.QueryEscape(hostile))
	t.Logf("%d pages: %s", len(visited), strings.Join(visited, " "))
	for _, section := range []string{"/live", "/presence", "/staff", "/staff/S-0001", "/staff/S-9001", "/cards", "/cards/new", "/areas", "/controllers", "/alarms", "/notices"} {
		if !slices.Contains(visited, section) {
			t.Errorf("no link leads to %s", section)
		}
	}
	d.clean("404") // the two that are not there
}

func (d desk) make(what string, body map[string]any) {
	d.t.Helper()
	if err := d.Client().Call(d.t.Context(), http.MethodPost, what, body, nil); err != nil {
		d.t.Fatal(err)
	}
}

// crawl visits the addresses and every page that a link leads to, in Japanese, and checks each. It returns what it
// visited, without queries, in order and once.
func (d desk) crawl(from ...string) []string {
	d.t.Helper()
	const most = 240 // the demo city has some hundred and fifty addresses
	queue, seen := from, map[string]bool{}
	var visited []string
	for len(queue) > 0 && len(seen) < most {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		d.Open(d.City.URL() + path)
		d.check(path)
		if at := d.Path(); !slices.Contains(visited, at) {
			visited = append(visited, at)
		}
		queue = append(queue, d.links()...)
	}
	if len(queue) > 0 && len(seen) == most {
		d.t.Errorf("the console has more than %d pages", most)
	}
	return visited
}

// links of the page to this site, in order. Older pages of a list are left alone.
func (d desk) links() []string {
	d.t.Helper()
	var all []string
	d.Eval(`[...document.querySelectorAll("a[href]")].filter(a => a.host === location.host).map(a => a.pathname + a.search)`, &all)
	return slices.DeleteFunc(all, func(l string) bool { return strings.Contains(l, "before=") || strings.Contains(l, "after=") })
}

func (d desk) check(path string) {
	d.t.Helper()
	var is struct {
		Lang, Title, Text string
		Headings, Wide    int
		Sides             []string
	}
	d.Eval(`({Lang: document.documentElement.lang, Title: document.title, Text: document.body.innerText,
		Headings: document.querySelectorAll("h1").length, Wide: document.documentElement.scrollWidth - innerWidth,
		Sides: [...document.querySelectorAll("script:not([src]), style, [style], [onclick], [onerror]")].map(e => e.outerHTML.slice(0, 80))})`, &is)
	if is.Lang != "ja" || is.Title == "" || is.Headings != 1 {
		d.t.Errorf("%s: language %q, title %q, %d headings; want ja, a title and one heading", path, is.Lang, is.Title, is.Headings)
	}
	if is.Wide > 0 {
		d.t.Errorf("%s: %d pixels wider than the window", path, is.Wide)
	}
	if len(is.Sides) > 0 {
		d.t.Errorf("%s: script or style inside the page: %q", path, is.Sides)
	}
	if untranslated := key.FindString(is.Text); untranslated != "" {
		d.t.Errorf("%s: shows the key of a sentence, %q", path, untranslated)
	}
}
