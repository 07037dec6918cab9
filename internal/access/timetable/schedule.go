// Package timetable says when a schedule is open, in Japan Standard Time, to the minute. It is pure: a schedule and the calendar of
// holidays come in as data, and Compile turns them into something that answers for a moment at once (docs/access-rules.md, Time).
package timetable

import (
	"errors"
	"fmt"
	"time"
)

// Holiday is the Window.Day of the windows that apply on a holiday, after the weekdays 0–6.
const Holiday = 7

// MinutesOfDay of a day in Japan: each has as many, for there is no summer time.
const MinutesOfDay = 24 * 60

// Window is a span of one day of the week, in minutes from local midnight. Until ≤ From crosses midnight into the
// next day, whatever kind of day that is; 0–1440 is the whole day.
type Window struct {
	Day   int `json:"day"` // 0 Sunday … 6 Saturday, 7 a holiday
	From  int `json:"from"`
	Until int `json:"until"`
}

// Span is a Window of a day that is known already.
type Span struct {
	From  int `json:"from"`
	Until int `json:"until"`
}

// SpecialDay has hours of its own, whatever day of the week or holiday it is.
type SpecialDay struct {
	Date    string `json:"date"`              // "2027-03-28"
	Windows []Span `json:"windows,omitempty"` // none: closed
}

// Schedule is a weekly timetable with its exceptions.
type Schedule struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Windows  []Window     `json:"windows"`
	Holidays bool         `json:"holidays,omitempty"` // on a holiday the windows of day 7 apply and not the weekday's; false: it is a day like others
	Special  []SpecialDay `json:"special,omitempty"`
}

// Calendar says which days are holidays.
type Calendar struct {
	Holidays []string // dates, "2027-01-01"
	Until    string   // the first date of which it is not known; empty: it is known of none
}

// Day is a date: days since 1 January 1970. Its weekday and the moments in it are those of Japan.
type Day int64

// firstWeekday is that of 1 January 1970, a Thursday.
const firstWeekday = 4

// Date reads a date of the years 1970 to 9999, "2027-03-28".
func Date(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Unix() < 0 {
		return 0, fmt.Errorf("date %.20q, want one such as 2027-03-28", text)
	}
	return Day(t.Unix() / 86400), nil
}

// String is the date as Date reads it.
func (d Day) String() string { return time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly) }

// Weekday is 0 for Sunday … 6 for Saturday.
func (d Day) Weekday() int { return int(modulo(int64(d)+firstWeekday, 7)) }

// DayOf is the date on which a moment (Unix seconds) falls in Japan.
func DayOf(unix int64) Day {
	day, _ := local(unix)
	return day
}

// Validate checks that a window lies inside its day.
func (w Window) Validate() error {
	if w.Day < 0 || w.Day > Holiday {
		return fmt.Errorf("window on day %d out of range", w.Day)
	}
	return Span{w.From, w.Until}.Validate()
}

// Validate checks that a span begins inside its day and ends there or at the same minute of the next at the latest.
func (s Span) Validate() error {
	if s.From < 0 || s.From >= MinutesOfDay || s.Until < 0 || s.Until > MinutesOfDay {
		return fmt.Errorf("window %d–%d out of range", s.From, s.Until)
	}
	return nil
}

// Validate checks every window and date; a date twice, and windows for holidays where holidays are days like others, are errors too.
func (s Schedule) Validate() error {
	for _, w := range s.Windows {
		if err := w.Validate(); err != nil {
			return err
		}
		if w.Day == Holiday && !s.Holidays {
			return errors.New("windows of holidays without holidays")
		}
	}
	seen := make(map[string]bool, len(s.Special))
	for _, d := range s.Special {
		if seen[d.Date] {
			return fmt.Errorf("special day %q twice", d.Date)
		}
		seen[d.Date] = true
		if err := d.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks the date and the windows.
func (d SpecialDay) Validate() error {
	if _, err := Date(d.Date); err != nil {
		return err
	}
	for _, w := range d.Windows {
		if err := w.Validate(); err != nil {
			return fmt.Errorf("special day %q: %w", d.Date, err)
		}
	}
	return nil
}
