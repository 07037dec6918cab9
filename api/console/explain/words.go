package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/explain"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// check is one question in words.
type check struct {
	N          int
	Question   string
	Tone, Icon string
	Outcome    string
	Seen       []string
	Decided    bool
}

func (p *Pages) checks(l message.Lang, all []explain.Check, d decide.Decision) []check {
	list := make([]check, len(all))
	for i, c := range all {
		list[i] = check{N: c.N, Question: p.why.Text(l, fmt.Sprintf("question.%d", c.N)), Tone: "ok", Icon: "granted", Outcome: p.why.Text(l, "explain."+string(c.Outcome))}
		switch {
		case c.Outcome == explain.Passed:
		case d.Allow: // on the way out
			list[i].Tone, list[i].Icon, list[i].Outcome = "warn", "other", p.why.Text(l, "explain.out")
		case c.Outcome == explain.Waits:
			list[i].Tone, list[i].Icon, list[i].Decided = "warn", "waiting", true
		default:
			list[i].Tone, list[i].Icon, list[i].Decided = "bad", "denied", true
		}
		for _, s := range c.Seen {
			list[i].Seen = append(list[i].Seen, p.seen(l, s))
		}
	}
	return list
}

// seen is what a question looked at: its words, with validity and hours where it has them.
func (p *Pages) seen(l message.Lang, s explain.Seen) string {
	name := s.Text
	switch {
	case s.Text != "":
	case strings.HasPrefix(s.Code, "right"):
		name = p.why.Text(l, "seen.always")
	case s.Code == "person_valid":
		name = p.why.Text(l, "explain.erased")
	}
	text := p.why.Text(l, "seen."+s.Code)
	if strings.Contains(text, "%") {
		text = fmt.Sprintf(text, name, s.N)
	}
	parts := []string{text}
	if s.Code == "right_open" && s.Hours != nil {
		parts = append(parts, p.hours(l, *s.Hours))
	}
	if strings.HasSuffix(s.Code, "valid") || s.Code == "right" {
		parts = append(parts, p.valid(l, s.From, s.Until))
	}
	return strings.Join(parts, "　")
}

func (p *Pages) valid(l message.Lang, from, until time.Time) string {
	var parts []string
	if !from.IsZero() {
		parts = append(parts, p.why.Text(l, "seen.from", ui.From(l, from)))
	}
	if !until.IsZero() {
		parts = append(parts, p.why.Text(l, "seen.until", ui.Until(l, until)))
	}
	if len(parts) == 0 {
		return p.why.Text(l, "seen.unlimited")
	}
	return strings.Join(parts, " ")
}

// hours are a timetable in one line: 月–金 8:30–17:15、祝日 閉.
func (p *Pages) hours(l message.Lang, s access.Schedule) string {
	var parts []string
	week := []int{1, 2, 3, 4, 5, 6, 0}
	for i := 0; i < len(week); {
		spans, last := on(s, week[i]), i
		for last+1 < len(week) && on(s, week[last+1]) == spans {
			last++
		}
		name := p.why.Text(l, fmt.Sprintf("weekday.%d", week[i]))
		if last > i {
			name += "–" + p.why.Text(l, fmt.Sprintf("weekday.%d", week[last]))
		}
		if spans != "" {
			parts = append(parts, name+" "+spans)
		}
		i = last + 1
	}
	if s.Holidays {
		spans := on(s, access.Holiday)
		if spans == "" {
			spans = p.why.Text(l, "seen.closed")
		}
		parts = append(parts, p.why.Text(l, "seen.holidays")+" "+spans)
	}
	if n := len(s.Special); n > 0 {
		parts = append(parts, p.why.Text(l, "seen.special", n))
	}
	return strings.Join(parts, p.why.Text(l, "and"))
}

// on are the windows of a day of the week as text.
func on(s access.Schedule, day int) string {
	var spans []string
	windows := slices.Clone(s.Windows)
	slices.SortFunc(windows, func(a, b access.Window) int { return a.From - b.From })
	for _, w := range windows {
		if w.Day == day {
			spans = append(spans, clock(w.From)+"–"+clock(w.Until))
		}
	}
	return strings.Join(spans, " ")
}

func clock(minute int) string { return fmt.Sprintf("%d:%02d", minute/60, minute%60) }
