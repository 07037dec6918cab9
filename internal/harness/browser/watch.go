package browser

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// seen is what happened in a tab since it was opened. Events come on chromedp's goroutine.
type seen struct {
	mu       sync.Mutex
	problems []string
	requests []string
	loads    int
}

// watch asks for the browser's own findings about a page, besides what chromedp asks for: log, script, network.
func watch() chromedp.Action { return audits.Enable() }

// Problems are the errors and warnings in the console, scripts that failed, and violations of the content policy, in
// order.
func (p *Page) Problems() []string {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	return slices.Clone(p.seen.problems)
}

// Requests are the addresses that were asked for, answered or not.
func (p *Page) Requests() []string {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	return slices.Clone(p.seen.requests)
}

// Loads counts the documents that were loaded: it stays the same on a page that renews itself without reloading.
func (p *Page) Loads() int {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	return p.seen.loads
}

// Foreign are the requests that went, or would have gone, anywhere but to host ("127.0.0.1:8480"). An address that
// is its own content (data:) goes nowhere; the browser's own controls use it.
func (p *Page) Foreign(host string) []string {
	var foreign []string
	for _, r := range p.Requests() {
		u, err := url.Parse(r)
		if err != nil || u.Scheme != "data" && (u.Scheme != "http" && u.Scheme != "https" || u.Host != host) {
			foreign = append(foreign, r)
		}
	}
	return foreign
}

func (s *seen) event(e any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := e.(type) {
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			s.loads++
		}
	case *network.EventRequestWillBeSent:
		s.requests = append(s.requests, e.Request.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			s.problem("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning || e.Type == runtime.APITypeAssert {
			s.problem("console.%s: %s", e.Type, arguments(e.Args))
		}
	case *runtime.EventExceptionThrown:
		s.problem("exception: %v", e.ExceptionDetails)
	case *audits.EventIssueAdded:
		s.problem("issue: %s%s", e.Issue.Code, kindOf(e.Issue.Details))
	}
}

// kindOf says which of the general issues it is, with a space before it.
func kindOf(d *audits.InspectorIssueDetails) string {
	if d == nil || d.GenericIssueDetails == nil {
		return ""
	}
	return " " + string(d.GenericIssueDetails.ErrorType)
}

func (s *seen) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

func arguments(args []*runtime.RemoteObject) string {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = string(a.Value)
	}
	return strings.Join(texts, " ")
}
