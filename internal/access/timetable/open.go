package timetable

import (
	"cmp"
	"slices"
)

const (
	jst          = 9 * 3600 // seconds before UTC; Japan has no summer time
	secondsOfDay = 24 * 3600
)

// local is the date in Japan of a moment (Unix seconds) and the minute of that day.
func local(unix int64) (Day, int) {
	second := modulo(unix+jst, secondsOfDay)
	return Day((unix + jst - second) / secondsOfDay), int(second / 60)
}

// modulo is never below zero.
func modulo(n, by int64) int64 {
	n %= by
	if n < 0 {
		n += by
	}
	return n
}

// Moment is a second in Japan, taken apart once for all tables that are asked about it.
type Moment struct {
	day          Day
	minute       int
	weekday, eve int // of the day and of the day before
}

// At takes a moment (Unix seconds) apart.
func At(unix int64) Moment {
	day, minute := local(unix)
	weekday := day.Weekday()
	before := weekday - 1
	if before < 0 {
		before = 6
	}
	return Moment{day, minute, weekday, before}
}

// Open reports whether the schedule is open at a moment. It allocates nothing.
//
// A window belongs to the day on which it begins: what runs over midnight goes on into the next day, whatever kind of day that is.
func (t *Table) Open(m Moment) bool {
	if !t.dated {
		return t.weekly[m.weekday].own.has(m.minute) || t.weekly[m.eve].over.has(m.minute)
	}
	return t.of(m.day).own.has(m.minute) || t.of(m.day-1).over.has(m.minute)
}

// of finds the hours of a day: a special day's before a holiday's, and these before the weekday's. Where holidays count and it is not
// known whether the day is one, the day has none.
func (t *Table) of(day Day) hours {
	if n, is := slices.BinarySearchFunc(t.special, day, func(s special, d Day) int { return cmp.Compare(s.day, d) }); is {
		return t.special[n].hours
	}
	if t.holidays && day >= t.calendar.until {
		return hours{}
	}
	if t.holidays {
		if _, is := slices.BinarySearch(t.calendar.holidays, day); is {
			return t.weekly[Holiday]
		}
	}
	return t.weekly[day.Weekday()]
}

// Day lists the hours of one day, from midnight to midnight, in order: what windows of the day before leave over, too.
func (t *Table) Day(day Day) (open []Span) {
	own, over := t.of(day).own, t.of(day-1).over
	from := -1
	for m := range MinutesOfDay + 1 {
		is := m < MinutesOfDay && (own.has(m) || over.has(m))
		switch {
		case is && from < 0:
			from = m
		case !is && from >= 0:
			open = append(open, Span{from, m})
			from = -1
		}
	}
	return open
}
