package ui

import (
	"fmt"
	"time"

	"kanmon/api/message"
)

// jst is Japan Standard Time. Japan has no summer time, so a fixed offset is exact and needs no zone file.
var jst = time.FixedZone("JST", 9*3600)

// Clock is the time of day with seconds: 14:03:12.
func Clock(t time.Time) string { return t.In(jst).Format("15:04:05") }

// Exact is the time of day with milliseconds: 14:03:12.041.
func Exact(t time.Time) string { return t.In(jst).Format("15:04:05.000") }

// Minute is the day and the time of day in words: 9月18日(金) 14時03分, 18 Sep (Fri) 14:03.
func Minute(l message.Lang, t time.Time) string {
	if l == message.EN {
		return Day(l, t) + t.In(jst).Format(" 15:04")
	}
	return Day(l, t) + " " + t.In(jst).Format("15時04分")
}

// Day is the date without the year: 9月18日(金), 18 Sep (Fri).
func Day(l message.Lang, t time.Time) string {
	t = t.In(jst)
	if l == message.EN {
		return t.Format("2 Jan (Mon)")
	}
	return fmt.Sprintf("%d月%d日(%s)", t.Month(), t.Day(), weekday(t.Weekday()))
}

// Date is the date with the year: 2026年9月18日(金), 18 Sep 2026 (Fri). A zero time is an open end: "—".
func Date(l message.Lang, t time.Time) string {
	if t.IsZero() {
		return "—"
	}
	if l == message.EN {
		return t.In(jst).Format("2 Jan 2006 (Mon)")
	}
	return fmt.Sprintf("%d年%s", t.In(jst).Year(), Day(l, t))
}

// Stamp is date and time of day. A zero time is "—".
func Stamp(l message.Lang, t time.Time) string {
	if t.IsZero() {
		return "—"
	}
	return Date(l, t) + " " + Clock(t)
}

// From is the beginning of a validity: the day when it begins at midnight, else day and time; zero: "".
func From(l message.Lang, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case midnight(t):
		return Date(l, t)
	default:
		return Stamp(l, t)
	}
}

// Until is the end of a validity, which itself is no longer valid: the last valid day when it ends at midnight,
// else day and time; zero: "".
func Until(l message.Lang, t time.Time) string {
	if !t.IsZero() && midnight(t) {
		return Date(l, t.Add(-time.Nanosecond))
	}
	return From(l, t)
}

func midnight(t time.Time) bool { return Clock(t) == "00:00:00" }

func iso(t time.Time) string { return t.In(jst).Format("2006-01-02T15:04:05.000-07:00") }

func weekday(d time.Weekday) string {
	return [...]string{"日", "月", "火", "水", "木", "金", "土"}[d]
}

// Midnight reads the value of a date input, "2026-09-18", as the start of that day in Japan, UTC. An empty value
// is the zero time.
func Midnight(value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, value, jst)
	return t.UTC(), err
}

// DateInput is the day in Japan as a date input has it: "2026-09-18". A zero time is empty.
func DateInput(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(jst).Format(time.DateOnly)
}

const minuteInput = "2006-01-02T15:04"

// Moment reads the value of a date and time input, "2026-09-18T14:03", as that minute in Japan, UTC. An empty value is the zero time.
func Moment(value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	form := minuteInput
	if len(value) > len(form) { // some browsers send the seconds too
		form += ":05"
	}
	t, err := time.ParseInLocation(form, value, jst)
	return t.UTC(), err
}
