package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func quoted(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Without this test a browser that reports nothing would pass for a console without errors.
func TestWhatAPageDoesWrongIsSeen(t *testing.T) {
	const policy = "default-src 'none'; script-src 'self'"
	b := Start(t)
	for name, c := range map[string]struct{ policy, body, want string }{
		"a script in the page against the policy": {policy, `<script>document.title = "no"</script>`, "ContentSecurityPolicyIssue"},
		"a style in the page against the policy":  {policy, `<p style="color:red">x</p>`, "ContentSecurityPolicyIssue"},
		"a script that fails":                     {"", `<script>throw new Error("broken here")</script>`, "broken here"},
		"an error in the console":                 {"", `<script>console.error("something wrong")</script>`, "something wrong"},
		"a file that is not there":                {"", `<img src="/missing">`, "404"},
	} {
		p := b.Page()
		p.Open(serve(t, c.policy, c.body))
		if all := strings.Join(p.Problems(), "\n"); !strings.Contains(all, c.want) {
			t.Errorf("%s: problems %q, want %q among them", name, all, c.want)
		}
	}
}

func TestARequestToAnotherHostIsSeenAndNotMade(t *testing.T) {
	p := Start(t).Page()
	address := serve(t, "", `<img src="http://elsewhere.example/x.png"><img src="http://127.0.0.1:1/y.png">`)
	p.Open(address)
	want := []string{"http://127.0.0.1:1/y.png", "http://elsewhere.example/x.png"}
	got := p.Foreign(strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/"))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("foreign requests %q, want %q", got, want)
	}
	if all := strings.Join(p.Problems(), "\n"); !strings.Contains(all, "ERR_NAME_NOT_RESOLVED") {
		t.Errorf("problems: %q; the name of another host was looked up", all)
	}
}

func TestOnlyWholeDocumentsCountAsLoads(t *testing.T) {
	p := Start(t).Page()
	address := serve(t, "", `<a href="#end">down</a> <a id="again" href="/">again</a>`)
	p.Open(address)
	before := p.Loads()
	p.Click("a")
	if got := p.Loads(); got != before {
		t.Errorf("a jump inside the page counts as %d loads", got-before)
	}
	p.Submit("#again")
	if got := p.Loads(); got != before+1 {
		t.Errorf("a new document counts as %d loads", got-before)
	}
}

func serve(t *testing.T, policy, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"></head><body>%s<p id="end">end</p></body></html>`, body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}
