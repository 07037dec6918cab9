package live

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/lifecycle/entrylog"
)

// late is how much later than it happened an entry may arrive before the row says when it came.
const late = 30 * time.Second

// row is one entry in the words of the visitor's language.
type row struct {
	Key        string // the element's id
	Early      bool   // shown before its turn: no record yet
	Show       string // granted, denied, alarm, other
	Tone       string // of the chip
	Icon       string
	What       string // 入室を許可
	Why        string
	Explain    string // address of the page that works a refusal out again; empty: none
	At         time.Time
	Came       time.Time // zero: when it happened
	Unsure     bool
	Place      string // the door, or the device
	In         string // the area, or the controller
	Who        string
	WhoLink    string // empty: no link
	With       string // the card
	Unknown    bool   // Who is a card nobody knows
	Say        string // the row as one sentence
	Direction  access.Direction
	Provenance string // controller and number, for the row's title
}

func (p *Pages) row(l message.Lang, v ui.Visitor, e entrylog.Entry) row {
	t := func(key string, args ...any) string { return p.view.Text(l, key, args...) }
	r := row{
		Key: "e" + strconv.FormatInt(e.ID, 10), Early: e.Provisional, Show: showOf(e.Kind), At: e.At, Unsure: e.Unsure, Direction: e.Direction,
		Place: first(e.DoorName, e.Door, e.Device, e.Reader, e.Controller), In: first(e.AreaName, e.Area, e.Controller),
		Who: first(e.PersonName, e.Person), With: first(e.CardLabel, e.Card),
		What: p.what(l, e), Why: p.why(l, e),
	}
	r.Tone, r.Icon = look(r.Show, e)
	if e.Provisional {
		r.Key = fmt.Sprintf("p-%s-%d-%d", e.Controller, e.Epoch, e.Seq)
	}
	if e.Received.Sub(e.At) > late {
		r.Came = e.Received
	}
	if e.Person != "" && v.May(authz.StaffRead) {
		r.WhoLink = "/staff/" + e.Person
	}
	if (e.Kind == event.AccessDenied || e.Kind == event.AccessPending) && !e.Provisional {
		r.Explain = "/events/" + strconv.FormatInt(e.ID, 10)
	}
	if e.Kind == event.RemoteRelease {
		r.Icon = "insecure"
	}
	if e.Reason == access.UnknownCredential {
		r.Who, r.With, r.Unknown = t("who.unknown"), e.Credential, true
	}
	r.Say = strings.Join(present(ui.Clock(e.At), r.Place, r.Who, r.What, r.Why), " ")
	return r
}

func look(show string, e entrylog.Entry) (tone, icon string) {
	switch show {
	case showGranted:
		if e.Direction == access.Out {
			return "ok", "out"
		}
		return "ok", "granted"
	case showDenied:
		return "bad", "denied"
	case showAlarm:
		return "alarm", "alarm"
	default:
		return "plain", "other"
	}
}

// what is the short name of what happened.
func (p *Pages) what(l message.Lang, e entrylog.Entry) string {
	if e.Kind == event.AccessGranted && e.Direction == access.Out {
		return p.view.Text(l, "kind.access_granted.out")
	}
	return p.word(l, "kind.", string(e.Kind))
}

// word is the text of a stable value; one that a newer controller invented is shown as it is.
func (p *Pages) word(l message.Lang, prefix, value string) string {
	key := prefix + value
	if s := p.view.Text(l, key); s != key {
		return s
	}
	return value
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func present(values ...string) []string {
	var list []string
	for _, v := range values {
		if v != "" {
			list = append(list, v)
		}
	}
	return list
}
