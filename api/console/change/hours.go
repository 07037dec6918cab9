package change

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
)

// Hours are those of a timetable, a row for each day of the week, holidays and special days.
func (w Words) Hours(l message.Lang, s access.Schedule) Block {
	return Block{Title: w.or(l, "hours.of", "%s", s.Name), Rows: w.schedule(l, nil, s)}
}

// scheduleBlock compares two timetables, as their register keeps them in a request.
func (w Words) scheduleBlock(l message.Lang, before, body string) Block {
	var was, is access.Schedule
	if json.Unmarshal([]byte(before), &was) != nil || json.Unmarshal([]byte(body), &is) != nil {
		return Block{Compared: true}
	}
	rows := w.schedule(l, &was, is)
	return Block{Compared: true, Rows: append([]Row{{w.Label(l, "name"), was.Name, is.Name}}, rows...)}
}

// schedule lists the hours day by day. Days of the week that stay as they are stand there too, for hours say something only together; special days do not.
func (w Words) schedule(l message.Lang, before *access.Schedule, after access.Schedule) (rows []Row) {
	for _, day := range []int{1, 2, 3, 4, 5, 6, 0, access.Holiday} {
		r := Row{Label: w.or(l, "long."+strconv.Itoa(day), ""), After: w.onWeekday(l, after, day)}
		if before != nil {
			r.Before = w.onWeekday(l, *before, day)
		}
		rows = append(rows, r)
	}
	was, is := map[string]string{}, w.special(l, after)
	if before != nil {
		was = w.special(l, *before)
	}
	dates := maps.Clone(is)
	maps.Copy(dates, was)
	for _, date := range slices.Sorted(maps.Keys(dates)) {
		usual := w.value(l, "special", nil)
		r := Row{Label: w.Label(l, "special") + " " + w.date(l, date), After: cmp.Or(is[date], usual)}
		if before != nil {
			r.Before = cmp.Or(was[date], usual)
		}
		if r.Before != r.After {
			rows = append(rows, r)
		}
	}
	return rows
}

func (w Words) onWeekday(l message.Lang, s access.Schedule, day int) string {
	if day == access.Holiday && !s.Holidays {
		return w.or(l, "hours.weekly", "")
	}
	var spans []access.Span
	for _, window := range s.Windows {
		if window.Day == day {
			spans = append(spans, access.Span{From: window.From, Until: window.Until})
		}
	}
	return w.spans(l, spans)
}

func (w Words) special(l message.Lang, s access.Schedule) map[string]string {
	days := map[string]string{}
	for _, d := range s.Special {
		days[d.Date] = w.spans(l, d.Windows)
	}
	return days
}

// spans are hours in their order: "8:30–12:00、22:00–翌6:00".
func (w Words) spans(l message.Lang, spans []access.Span) string {
	if len(spans) == 0 {
		return w.or(l, "hours.shut", "—")
	}
	parts := make([]string, len(spans))
	for i, s := range slices.SortedFunc(slices.Values(spans), func(a, b access.Span) int { return cmp.Compare(a.From, b.From) }) {
		parts[i] = minute(s.From) + "–" + minute(s.Until)
		if s.Until <= s.From {
			parts[i] = w.or(l, "hours.over", "", minute(s.From), minute(s.Until))
		}
	}
	return strings.Join(parts, w.or(l, "comma", ", "))
}

// date is one of a calendar, with its day of the week.
func (w Words) date(l message.Lang, date string) string {
	t, err := ui.Midnight(date)
	if err != nil {
		return date
	}
	return ui.Date(l, t)
}

// day is what the city says of a day, as its register keeps it in a request.
type day struct {
	Date, Own, Name string
	Holiday         bool
	Timetables      []struct {
		Name          string
		Areas         []struct{ Name string }
		Before, After []access.Span
	}
}

// dayBlocks are what becomes of a day, and the timetables of graded areas that have other hours then.
func (w Words) dayBlocks(l message.Lang, before, body string) []Block {
	var was, is day
	if json.Unmarshal([]byte(before), &was) != nil || json.Unmarshal([]byte(body), &is) != nil {
		return []Block{{Compared: true}}
	}
	of := func(key string, value func(day) string) Row { return Row{w.Label(l, key), value(was), value(is)} }
	said := []Row{
		of("date", func(d day) string { return w.date(l, d.Date) }),
		of("own", func(d day) string { return w.text(l, "own", d.Own) }),
		of("name", func(d day) string { return w.text(l, "name", d.Name) }),
		of("holiday", func(d day) string { return w.or(l, "value.holiday."+strconv.FormatBool(d.Holiday), "") }),
	}
	var touched []Row
	for _, t := range is.Timetables {
		names := make([]string, len(t.Areas))
		for i, a := range t.Areas {
			names[i] = a.Name
		}
		label := fmt.Sprintf(w.or(l, "used_by", "%s: %s"), t.Name, strings.Join(names, w.or(l, "comma", ", ")))
		touched = append(touched, Row{label, w.spans(l, t.Before), w.spans(l, t.After)})
	}
	return []Block{{Compared: true, Rows: said}, {Title: w.or(l, "hours.touched", ""), Compared: true, Rows: touched}}
}
