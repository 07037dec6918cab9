// Package change puts into words what a register keeps as JSON: what an area asks, and what a change turns into what. Pages of areas and of requests
// (承認待ち) share it, so that both say the same.
package change

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/lifecycle/history"
)

//go:embed ja.json en.json
var files embed.FS

// Words are the sentences of the package.
type Words struct{ catalogue message.Catalogue }

// Load reads them.
func Load() (Words, error) {
	c, err := message.Load(files)
	if err != nil {
		return Words{}, fmt.Errorf("change: %w", err)
	}
	return Words{c}, nil
}

// Row is one value that changes.
type Row struct{ Label, Before, After string }

// order of the values in a list; others follow by name.
var order = []string{
	"id", "person", "name", "area", "grade", "owner", "record", "factors", "trust", "in_out", "passback", "passback_s", "reset_at", "two_person", "most", "first", "window_s",
	"visitors", "unlock", "unlock_by", "recovery", "controller", "entry_readers", "exit_readers", "release_ms", "held_ms", "interlock", "doors", "schedule", "windows",
	"holidays", "special", "from", "until", "escort", "first_in", "lockdown", "state", "reader", "frames", "plain_route",
}

func rank(key string) int {
	if i := slices.Index(order, key); i >= 0 {
		return i
	}
	return len(order)
}

// Blocks are the values that a change sets: one block for each thing in it, for a list of rights one each. before is empty for something new. What
// does not change is left out.
func (w Words) Blocks(l message.Lang, before, body string) [][]Row {
	var things []map[string]any
	if json.Unmarshal([]byte(body), &things) == nil {
		blocks := make([][]Row, len(things))
		for i, thing := range things {
			delete(thing, "id") // made, and nobody's word
			blocks[i] = w.rows(l, nil, thing)
		}
		return blocks
	}
	return [][]Row{w.rows(l, object(before), object(body))}
}

func object(text string) map[string]any {
	var m map[string]any
	_ = json.Unmarshal([]byte(text), &m) // what cannot be read is shown as nothing
	return m
}

// rows compares two things. A value that is left out counts as the one it stands for.
func (w Words) rows(l message.Lang, before, after map[string]any) []Row {
	keys := map[string]bool{}
	for _, m := range []map[string]any{before, after} {
		for key := range m {
			keys[key] = true
		}
	}
	var rows []Row
	for _, key := range slices.SortedFunc(maps.Keys(keys), func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) }) {
		r := Row{Label: w.Label(l, key), After: w.value(l, key, after[key])}
		if before != nil {
			r.Before = w.value(l, key, before[key])
		}
		if r.Before != r.After {
			rows = append(rows, r)
		}
	}
	return rows
}

// Label is the name of a value.
func (w Words) Label(l message.Lang, key string) string { return w.or(l, "key."+key, key) }

func (w Words) or(l message.Lang, key, otherwise string, args ...any) string {
	text, ok := w.catalogue.Lookup(l, key)
	if !ok {
		return otherwise
	}
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	return text
}

// value puts a value of JSON into words.
func (w Words) value(l message.Lang, key string, v any) string {
	switch v := v.(type) {
	case nil:
		return w.or(l, "none."+key, w.or(l, "none", "—"))
	case bool:
		return w.or(l, "is."+strconv.FormatBool(v), "")
	case float64:
		if v == 0 {
			return w.value(l, key, nil)
		}
		return w.number(l, key, int(v))
	case string:
		return w.text(l, key, v)
	case []any:
		return w.list(l, key, v)
	}
	b, _ := json.Marshal(v) //nolint:errchkjson // was JSON
	return string(b)
}

func (w Words) number(l message.Lang, key string, n int) string {
	switch key {
	case "reset_at":
		return minute(n)
	case "release_ms", "held_ms":
		return w.or(l, "unit.s", "%s", strconv.FormatFloat(float64(n)/1000, 'f', -1, 64))
	}
	return w.or(l, "unit."+key, strconv.Itoa(n), n)
}

func minute(n int) string { return fmt.Sprintf("%d:%02d", n/60, n%60) }

func (w Words) text(l message.Lang, key, s string) string {
	if s == "" {
		return w.value(l, key, nil)
	}
	if key == "from" || key == "until" {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return ui.Minute(l, t)
		}
	}
	return w.or(l, "value."+key+"."+s, s)
}

func (w Words) list(l message.Lang, key string, list []any) string {
	if len(list) == 0 {
		return w.value(l, key, nil)
	}
	parts := make([]string, len(list))
	for i, v := range list {
		m, ok := v.(map[string]any)
		switch {
		case ok && key == "frames":
			parts[i] = frame(m)
		case ok:
			parts[i] = w.window(l, m)
		default:
			parts[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(parts, w.or(l, "comma", ", "))
}

// frame is a kind of read that a reader takes: "bits:26:parity".
func frame(m map[string]any) string {
	text := fmt.Sprint(m["format"])
	if bits, ok := m["bits"].(float64); ok && bits > 0 {
		text += ":" + strconv.Itoa(int(bits))
	}
	if m["parity"] == true {
		text += ":parity"
	}
	return text
}

// window is one of a schedule, or a special day.
func (w Words) window(l message.Lang, m map[string]any) string {
	if date, ok := m["date"].(string); ok {
		spans, _ := m["windows"].([]any)
		return date + " " + w.list(l, "spans", spans)
	}
	from, _ := m["from"].(float64)
	until, _ := m["until"].(float64)
	span := minute(int(from)) + "–" + minute(int(until))
	if day, ok := m["day"].(float64); ok {
		span = w.or(l, "day."+strconv.Itoa(int(day)), "") + " " + span
	}
	return span
}

// Version is one row of a history in words.
type Version struct {
	history.Change
	By, Second string // who asked; who approved, "set-up", or empty
	Rows       []Row
}

// Versions puts a history into words, newest first. Rules, which a register keeps as one JSON, count one by one.
func (w Words) Versions(l message.Lang, changes []history.Change) []Version {
	list := make([]Version, len(changes))
	for i, c := range changes {
		before, after := map[string]any{}, map[string]any{}
		for _, f := range c.Fields {
			spread(before, f.Name, f.Before)
			spread(after, f.Name, f.Value)
		}
		if i == 0 {
			before = nil
		}
		list[len(changes)-1-i] = Version{Change: c, By: Person(c.Actor), Second: Person(c.ApprovedBy), Rows: w.rows(l, before, after)}
	}
	return list
}

// spread puts a field of a history among the others as JSON would have it.
func spread(into map[string]any, name, value string) {
	var v any
	switch {
	case name == "rules":
		maps.Copy(into, object(value))
	case strings.HasPrefix(value, "[") && json.Unmarshal([]byte(value), &v) == nil, strings.HasSuffix(name, "_ms") && json.Unmarshal([]byte(value), &v) == nil:
		into[name] = v
	case value == "null" || value == "":
	default:
		into[name] = value
	}
}

// Person is who stands in a register, without the kind: "yamada".
func Person(actor string) string { return strings.TrimPrefix(actor, "account:") }

// Rules are what an area asks, a sentence each; none for an area that asks for a card and nothing else.
func (w Words) Rules(l message.Lang, r access.Rules, schedule string) []string {
	var say []string
	add := func(there bool, key string, args ...any) {
		if there {
			say = append(say, w.or(l, "say."+key, key, args...))
		}
	}
	add(true, "factors."+string(cmp.Or(r.Factors, access.FactorsCard)))
	add(r.Trust != "" && r.Trust != access.TrustNumber, "trust."+string(r.Trust))
	add(r.InOut, "in_out")
	add(r.Passback == access.PassbackSoft || r.Passback == access.PassbackHard, "passback."+string(r.Passback))
	add(r.Passback == access.PassbackTimed, "passback.timed", r.PassbackS)
	add(r.ResetAt > 0, "reset_at", minute(r.ResetAt))
	add(r.TwoPerson, "two_person")
	add(r.Most > 0, "most", r.Most)
	add(r.First, "first")
	add(r.WindowS > 0, "window_s", r.WindowS)
	add(r.Visitors > 0, "visitors", r.Visitors)
	add(r.Unlock != "" && !r.UnlockBy, "unlock", schedule)
	add(r.Unlock != "" && r.UnlockBy, "unlock_by", schedule)
	add(len(r.Recovery) > 0, "recovery", strings.Join(r.Recovery, w.or(l, "comma", ", ")))
	return say
}
