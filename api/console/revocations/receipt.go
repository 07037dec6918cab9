package revocations

import (
	"net/http"
	"slices"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/revocation"
)

// How many seconds until a receipt asks for itself again: while somebody is missing, and afterwards, when only uses may still come in.
const (
	renewOpen = 1
	renewDone = 15
)

// receipt is what the page shows.
type receipt struct {
	item
	Lines       []line
	Doors       int // of all controllers
	DoorsSure   int // of those that confirmed
	Missing     int // controllers
	DoorsOpen   int
	Last        string    // how long after the action the last confirmation came
	Newer       *item     // what was done to the card since; nil: nothing
	Since       time.Time // from when on uses are listed
	Uses        []use
	ShowUses    bool
	MayStaff    bool
	Made        time.Time
	Renew       int
	Lost        bool // a loss was reported
	Stops       bool // it refuses the card; false: it lifts a suspension
	Unreachable bool // a controller that did not confirm is not connected: uses there come later
}

// line is one controller. The texts are how long after the action it was.
type line struct {
	revocation.ControllerLine
	Published, Applied, Received string
	Lapsed                       bool // its lease is over: it refuses by itself by now
}

type use struct {
	entrylog.Entry
	In bool // let in: the door opened for it
}

func (p *Pages) showReceipt(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	version, ok := parseVersion(r.PathValue("epoch"), r.PathValue("n"))
	if !ok {
		return fault.New(fault.NotFound, "revocation.unknown", "not a version")
	}
	found, err := p.config.Revocations.Receipt(r.Context(), v.Actor(), version)
	if err != nil {
		return err
	}
	data := p.receiptOf(r, found)
	data.ShowUses, data.MayStaff = v.May(authz.EntryRead), v.May(authz.StaffRead)
	newest, err := p.config.Revocations.List(r.Context(), v.Actor(), revocation.Filter{Card: found.Card, Limit: 1})
	if err != nil {
		return err
	}
	if len(newest) > 0 && version.Less(newest[0].Version) {
		i := newItem(newest[0])
		data.Newer = &i
	}
	title := p.receipt.Text(ui.LangOf(r), "receipt.title."+string(found.State))
	return p.config.Shell.Render(w, r, v, p.receipt, ui.Page{Title: title, Section: "revocations", Data: &data})
}

func (p *Pages) receiptOf(r *http.Request, found revocation.Receipt) receipt {
	now := p.config.Now()
	out := receipt{
		item: newItem(found.Item), Made: now, Renew: renewDone, Since: found.LostAt, Lost: !found.LostAt.IsZero(), Stops: found.State != access.Active,
	}
	if !out.Lost {
		out.Since = found.At
	}
	lang, last := ui.LangOf(r), found.At
	after := func(t time.Time) string { return p.after(lang, found.At, t) }
	for _, l := range found.Doors {
		out.count(l)
		last = later(last, l.ReceivedAt)
		out.Lines = append(out.Lines, line{
			ControllerLine: l, Published: after(l.PublishedAt), Applied: after(l.AppliedAt), Received: after(l.ReceivedAt),
			Lapsed: !l.LeaseEnds.IsZero() && l.LeaseEnds.Before(now),
		})
	}
	slices.SortStableFunc(out.Lines, func(a, b line) int { return rank(a) - rank(b) })
	if out.Missing > 0 {
		out.Renew = renewOpen
	}
	out.Last = p.span(lang, last.Sub(found.At))
	for _, e := range found.Uses {
		out.Uses = append(out.Uses, use{e, e.Kind == event.AccessGranted && e.Direction != access.Out})
	}
	return out
}

// count adds one controller to the figures.
func (r *receipt) count(l revocation.ControllerLine) {
	r.Doors += len(l.Doors)
	if l.Sure() {
		r.DoorsSure += len(l.Doors)
		return
	}
	r.Missing++
	r.DoorsOpen += len(l.Doors)
	r.Unreachable = r.Unreachable || !l.Online
}

// rank puts who is missing on top.
func rank(l line) int {
	if l.Sure() {
		return 1
	}
	return 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Whole replaces item's: it counts the lines that are shown.
func (r *receipt) Whole() bool { return r.Missing == 0 }

// Controllers is "2 / 3", DoorScore the same of doors.
func (r *receipt) Controllers() string { return score(len(r.Lines)-r.Missing, len(r.Lines)) }

// DoorScore is how many doors are sure, of all.
func (r *receipt) DoorScore() string { return score(r.DoorsSure, r.Doors) }
