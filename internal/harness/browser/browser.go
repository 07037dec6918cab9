// Package browser drives a real browser, headless Chromium, over the console of a running system. It is for tests
// only, and the only importer of chromedp.
//
// The browser has a profile of its own that is thrown away, resolves no name and speaks to 127.0.0.1 alone, so that
// a page that asks for anything else is seen to do so (Page.Problems) and does not get it. A machine without
// Chromium fails the test; it never skips it.
package browser

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"kanmon/internal/harness"
)

// Path is where Debian's package chromium puts the browser.
const Path = "/usr/bin/chromium"

// Size of the window in CSS pixels: a small notebook.
const (
	Width  = 1280
	Height = 800
)

// Browser is one running Chromium. It ends with the test.
type Browser struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in its context
}

// Start starts Chromium and fails the test where it is not installed. It believes the certificates with these keys, which are base64
// of the SHA-256 of a SubjectPublicKeyInfo, and otherwise those that any Chromium believes.
func Start(t testing.TB, keys ...string) *Browser {
	t.Helper()
	if _, err := os.Stat(Path); err != nil {
		t.Fatalf("these tests need the Chromium browser, and there is no %s; 'make setup-test' installs it", Path)
	}
	allocator, forget := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options(keys)...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		end(ctx, t)
		cancel()
		forget()
		chromedp.FromContext(ctx).Allocator.Wait() // the process is gone and its profile removed
	})
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start %s: %v", Path, err)
	}
	return &Browser{t: t, ctx: ctx}
}

// end closes the browser as a person would, so that nothing of it is left behind.
func end(ctx context.Context, t testing.TB) {
	ctx, stop := context.WithTimeout(ctx, harness.Patience)
	defer stop()
	if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("end %s: %v", Path, err)
	}
}

func options(keys []string) []chromedp.ExecAllocatorOption {
	all := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(Path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.WSURLReadTimeout(harness.Patience),
	}
	for flag, value := range map[string]any{
		"disable-quic": true, "disable-background-networking": true, "disable-component-update": true, "disable-sync": true,
		"no-proxy-server": true, "host-resolver-rules": "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "accept-lang": "ja",
		"disable-dev-shm-usage": true, // containers have little of it
	} {
		all = append(all, chromedp.Flag(flag, value))
	}
	if len(keys) > 0 {
		all = append(all, chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(keys, ",")))
	}
	return all
}

// Page opens an empty tab and watches it from the first moment.
func (b *Browser) Page() *Page {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	p := &Page{t: b.t, ctx: ctx}
	chromedp.ListenTarget(ctx, p.seen.event)
	size := emulation.SetDeviceMetricsOverride(Width, Height, 1, false)
	if err := chromedp.Run(ctx, watch(), size); err != nil {
		b.t.Fatalf("open a tab: %v", err)
	}
	return p
}

// run does things in the tab, and gives up after a while.
func (p *Page) run(what string, do ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, harness.Patience)
	defer cancel()
	if err := chromedp.Run(ctx, do...); err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.describe())
	}
}

// Await polls until the JavaScript expression is true; what is named when it never is.
func (p *Page) Await(what, expression string) {
	p.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(harness.Patience)
	for !p.holds(expression) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: not within %v\n%s", what, harness.Patience, p.describe())
		}
		<-tick.C
	}
}

// holds is false also while one document gives way to the next.
func (p *Page) holds(expression string) bool {
	ctx, cancel := context.WithTimeout(p.ctx, harness.Patience)
	defer cancel()
	var is bool
	err := chromedp.Run(ctx, chromedp.Evaluate("Boolean("+expression+")", &is))
	return err == nil && is
}
