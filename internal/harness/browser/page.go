package browser

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Keys that are not letters.
const (
	Tab   = kb.Tab
	Enter = kb.Enter
)

// Page is one tab. Its methods fail the test when something cannot be done.
type Page struct {
	t    testing.TB
	ctx  context.Context //nolint:containedctx // chromedp keeps the tab in its context
	seen seen
}

// Open goes to an address and waits until the document and its script are there.
func (p *Page) Open(address string) {
	p.t.Helper()
	p.run("open "+address, chromedp.Navigate(address))
	p.loaded()
}

func (p *Page) loaded() {
	p.t.Helper()
	p.Await("the document", `document.readyState === "complete"`)
}

// Type writes text into the field that the CSS selector names, key by key, after what is there.
func (p *Page) Type(field, text string) {
	p.t.Helper()
	p.run("type into "+field, chromedp.SendKeys(field, text, chromedp.ByQuery, chromedp.NodeVisible))
}

// Press presses keys where the focus is.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.run("press keys", chromedp.KeyEvent(keys))
}

// Click clicks the first element that the CSS selector names.
func (p *Page) Click(element string) {
	p.t.Helper()
	p.run("click "+element, chromedp.Click(element, chromedp.ByQuery, chromedp.NodeVisible))
}

// Submit clicks a button and waits for the document that answers.
func (p *Page) Submit(button string) {
	p.t.Helper()
	p.answered(func() { p.t.Helper(); p.Click(button) })
}

// SubmitByEnter presses Enter where the focus is and waits for the document that answers.
func (p *Page) SubmitByEnter() {
	p.t.Helper()
	p.answered(func() { p.t.Helper(); p.Press(Enter) })
}

// answered does something that makes the browser leave the document, and waits for the next one.
func (p *Page) answered(do func()) {
	p.t.Helper()
	var old bool
	p.run("mark the document", chromedp.Evaluate(`document.documentElement.dataset.old = "true", true`, &old))
	do()
	p.Await("the next document", `document.readyState === "complete" && !document.documentElement.dataset.old`)
}

// Eval evaluates a JavaScript expression into a pointer, as JSON.
func (p *Page) Eval(expression string, into any) {
	p.t.Helper()
	p.run("evaluate "+expression, chromedp.Evaluate(expression, into))
}

// Text is the visible text of the first element that the CSS selector names, or empty where there is none.
func (p *Page) Text(element string) string {
	p.t.Helper()
	var text string
	p.Eval(`document.querySelector(`+strconv.Quote(element)+`)?.innerText.trim() ?? ""`, &text)
	return text
}

// Address is the address of the document.
func (p *Page) Address() string {
	p.t.Helper()
	var address string
	p.Eval("location.href", &address)
	return address
}

// Path is the path of the document's address.
func (p *Page) Path() string {
	p.t.Helper()
	var path string
	p.Eval("location.pathname", &path)
	return path
}

// Picture is what the window shows, as PNG.
func (p *Page) Picture() []byte {
	p.t.Helper()
	var png []byte
	p.run("take a picture", chromedp.CaptureScreenshot(&png))
	return png
}

// describe says what the tab shows, for a test that failed.
func (p *Page) describe() string {
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Second)
	defer cancel()
	var text string
	if err := chromedp.Run(ctx, chromedp.Evaluate(`location.href + "\n" + document.body.innerText.slice(0, 2000)`, &text)); err != nil {
		return "the tab does not answer: " + err.Error()
	}
	return text
}

// back presses the browser's button for the page before.
func back() chromedp.Action { return chromedp.NavigateBack() }
