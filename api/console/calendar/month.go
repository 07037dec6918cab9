package calendar

import (
	"fmt"
	"strconv"
	"time"

	"kanmon/api/message"
	"kanmon/internal/access/timetable"
	"kanmon/lifecycle/calendar"
)

// Kinds of days, as the style sheet knows them.
const (
	lawful = "law"  // a holiday, or closed around the new year
	closed = "own"  // closed in this city alone
	works  = "work" // a holiday on which the city works
)

// month is one month of a year, in weeks that begin on Monday.
type month struct {
	Number int
	Weeks  [][]cell
	Notes  []note
}

// cell is a day; Number 0 is an empty place before or after the month.
type cell struct {
	Number int
	Class  string
	Today  bool
}

// note names a day, or several that follow one another.
type note struct {
	Name, Class string
	first, last int // of the month
}

func classOf(d calendar.Day) string {
	switch d.Own {
	case calendar.Closed:
		return closed
	case calendar.Open:
		return works
	default:
		return lawful
	}
}

func (p *Pages) months(l message.Lang, year int, days []calendar.Day) []month {
	by := make(map[timetable.Day]calendar.Day, len(days))
	for _, d := range days {
		by[d.Date] = d
	}
	out := make([]month, 12)
	for i := range out {
		m := &out[i]
		m.Number = i + 1
		first, last := dateOf(year, i+1, 1), dateOf(year, i+2, 1)-1
		m.Weeks = weeks(first, last, func(d timetable.Day) cell {
			c := cell{Number: int(d-first) + 1, Class: weekend(d), Today: d == p.today()}
			if special, is := by[d]; is {
				c.Class = classOf(special)
				m.note(c.Number, p.nameOf(l, special), c.Class)
			}
			return c
		})
	}
	return out
}

// Days is "29", or "29–31".
func (n note) Days() string {
	if n.first == n.last {
		return strconv.Itoa(n.first)
	}
	return fmt.Sprintf("%d–%d", n.first, n.last)
}

func (m *month) note(number int, name, class string) {
	if n := len(m.Notes) - 1; n >= 0 && m.Notes[n].last == number-1 && m.Notes[n].Name == name && m.Notes[n].Class == class {
		m.Notes[n].last = number
		return
	}
	m.Notes = append(m.Notes, note{name, class, number, number})
}

// weeks lays the days from first to last out from Monday to Sunday.
func weeks[T any](first, last timetable.Day, of func(timetable.Day) T) [][]T {
	var out [][]T
	place := (first.Weekday() + 6) % 7
	week := make([]T, place, 7)
	for d := first; d <= last; d++ {
		week = append(week, of(d))
		if len(week) == 7 || d == last {
			out = append(out, append(week, make([]T, 7-len(week))...))
			week = make([]T, 0, 7)
		}
	}
	return out
}

func weekend(d timetable.Day) string {
	switch time.Weekday(d.Weekday()) {
	case time.Saturday:
		return "sat"
	case time.Sunday:
		return "sun"
	default:
		return ""
	}
}
