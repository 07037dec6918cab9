// Package revocations is the console's pages of stopped cards (失効): a list, and for each the receipt that says which controller has
// confirmed it and when, which has not, and where the card was used since it was lost. A receipt renews itself while somebody is missing.
package revocations

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/revocation"
)

//go:embed ja.json en.json templates
var files embed.FS

// Revocations is what the pages ask of the register of revocations.
type Revocations interface {
	List(ctx context.Context, actor store.Actor, f revocation.Filter) ([]revocation.Item, error)
	Receipt(ctx context.Context, actor store.Actor, v access.Version) (revocation.Receipt, error)
}

// Config is what the pages need.
type Config struct {
	Shell       *ui.Shell
	Revocations Revocations
	Now         func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config        Config
	list, receipt ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "revocations", Files: files, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"list.html": &p.list, "receipt.html": &p.receipt},
	})
}

// Path is the address of a receipt.
func Path(v access.Version) string { return fmt.Sprintf("/revocations/%d/%d", v.Epoch, v.N) }

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /revocations", Handle: p.showList},
		{Pattern: "GET /revocations/{epoch}/{n}", Handle: p.showReceipt},
	}
}

const pageRows = 50

// item is one entry in a list.
type item struct {
	revocation.Item
	Path string
	By   string
}

func newItem(i revocation.Item) item { return item{i, Path(i.Version), person(i.Actor)} }

// Whole reports whether everybody that it is for has confirmed.
func (i item) Whole() bool { return i.Confirmed >= i.Targets }

// Score is "2 / 3".
func (i item) Score() string { return score(i.Confirmed, i.Targets) }

func score(n, of int) string { return strconv.Itoa(n) + " / " + strconv.Itoa(of) }

// person is the login name of an account; other actors are written with their kind.
func person(actor string) string { return strings.TrimPrefix(actor, "account:") }

func (p *Pages) showList(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := revocation.Filter{Card: r.FormValue("card"), Limit: pageRows + 1}
	var err error
	if f.Before, err = parseBefore(r.FormValue("before")); err != nil {
		return err
	}
	found, err := p.config.Revocations.List(r.Context(), v.Actor(), f)
	if err != nil {
		return err
	}
	var data struct {
		List       []item
		Card, Next string
		Label      string // of the card asked for
		Renew      int
	}
	if data.Card = f.Card; f.Before.Epoch == 0 {
		data.Renew = 5
	}
	if len(found) > pageRows {
		found = found[:pageRows]
		data.Next = next(f.Card, found[pageRows-1].Version)
	}
	for _, i := range found {
		data.List = append(data.List, newItem(i))
		if f.Card != "" {
			data.Label = i.Label
		}
	}
	title := p.list.Text(ui.LangOf(r), "list.title")
	return p.config.Shell.Render(w, r, v, p.list, ui.Page{Title: title, Section: "revocations", Data: data})
}

func next(card string, v access.Version) string {
	q := url.Values{"before": {fmt.Sprintf("%d.%d", v.Epoch, v.N)}}
	if card != "" {
		q.Set("card", card)
	}
	return "/revocations?" + q.Encode()
}

// parseBefore reads "1.7"; empty is the zero version.
func parseBefore(s string) (access.Version, error) {
	if s == "" {
		return access.Version{}, nil
	}
	epoch, n, _ := strings.Cut(s, ".")
	v, ok := parseVersion(epoch, n)
	if !ok {
		return v, fault.BadField("before", "request.form", "not a version")
	}
	return v, nil
}

func parseVersion(epoch, n string) (access.Version, bool) {
	e, err := strconv.ParseUint(epoch, 10, 63)
	if err != nil {
		return access.Version{}, false
	}
	i, err := strconv.ParseUint(n, 10, 63)
	return access.Version{Epoch: e, N: i}, err == nil
}
