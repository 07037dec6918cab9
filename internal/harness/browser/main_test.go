package browser

import (
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"kanmon/internal/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Users of the demo city.
const (
	manager = "kanri"
	guard   = "shuei"
)

// desk is a person in front of a browser, and the running city behind it.
type desk struct {
	*harness.System
	*Page
	browser *Browser
	t       *testing.T
}

func sit(t *testing.T, options ...harness.Option) desk {
	t.Helper()
	s := harness.Start(t, options...)
	b := Start(t, s.ConsoleKey())
	return desk{System: s, Page: b.Page(), browser: b, t: t}
}

// password of a user of the city.
func (d desk) password(user string) string {
	d.t.Helper()
	for _, u := range d.City.Users {
		if u.Name == user {
			return u.Password
		}
	}
	d.t.Fatalf("the city has no user %s", user)
	return ""
}

// login goes to the first page and logs in there.
func (d desk) login(user string) {
	d.t.Helper()
	d.Open(d.City.URL() + "/")
	d.Type("#f-login", user)
	d.Type("#f-password", d.password(user))
	d.Submit("main button")
}

// watch opens the live page and waits until it is connected.
func (d desk) watch() {
	d.t.Helper()
	d.Open(d.City.URL() + "/live")
	d.Await("the stream", `document.querySelector("#state").dataset.state === "up"`)
}

// row of the live page. Show is granted, denied, alarm or other; ID is "e" and the entry's number.
type row struct{ ID, Show, Text string }

// rows are those the live page shows, from the top.
func (d desk) rows() []row {
	d.t.Helper()
	var all []row
	d.Eval(`[...document.querySelectorAll("#live tbody tr")].map(r => ({ID: r.id, Show: r.classList[0], Text: r.innerText}))`, &all)
	return all
}

// find returns the newest row that holds all words.
func (d desk) find(words ...string) (row, bool) {
	d.t.Helper()
	all := d.rows()
	i := slices.IndexFunc(all, func(r row) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(r.Text, w) })
	})
	if i < 0 {
		return row{}, false
	}
	return all[i], true
}

// await waits until the live page has a row with all words.
func (d desk) await(words ...string) row {
	d.t.Helper()
	test := `[...document.querySelectorAll("#live tbody tr")].some(r => ` + quoted(words) + `.every(w => r.innerText.includes(w)))`
	d.Await("a row with "+strings.Join(words, ", "), test)
	r, ok := d.find(words...)
	if !ok {
		d.t.Fatalf("the row with %q is gone again", words)
	}
	return r
}

// clean fails the test when a page complained or asked another host. Documents may have been answered with the
// given statuses ("404"), which the browser reports as errors.
func (d desk) clean(statuses ...string) {
	d.t.Helper()
	for _, problem := range d.Problems() {
		expected := slices.ContainsFunc(statuses, func(s string) bool {
			return strings.Contains(problem, "the server responded with a status of "+s)
		})
		if !expected {
			d.t.Errorf("the browser reports: %s", problem)
		}
	}
	for _, request := range d.Foreign(d.City.Console) {
		d.t.Errorf("a request to another host: %s", request)
	}
}
