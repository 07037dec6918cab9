package timetable

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Table is a compiled Schedule. It is never changed after Compile, so any number of goroutines may read it.
type Table struct {
	weekly   [Holiday + 1]hours
	dated    bool // it is not the same every week
	holidays bool
	special  []special // by day
	calendar *calendar
}

// calendar is what the tables of one policy have in common.
type calendar struct {
	holidays []Day // ascending
	until    Day
}

// hours are what the windows of one day open: of the day itself and, over midnight, of the next. Nil is nothing.
type hours struct{ own, over *minutes }

type special struct {
	day Day
	hours
}

// minutes is one bit for each minute of a day.
type minutes [(MinutesOfDay + 63) / 64]uint64

func (m *minutes) set(minute int) { m[minute/64] |= 1 << (minute % 64) }

func (m *minutes) has(minute int) bool { return m != nil && m[minute/64]&(1<<(minute%64)) != 0 }

// Compile checks schedules and their calendar. The tables are in the order of the schedules.
func Compile(schedules []Schedule, c Calendar) ([]Table, error) {
	b := builder{calendar: &calendar{until: math.MinInt64}, known: map[minutes]*minutes{{}: nil}}
	if err := b.days(c); err != nil {
		return nil, err
	}
	tables := make([]Table, len(schedules))
	for i, s := range schedules {
		if err := s.Validate(); err != nil {
			return nil, fmt.Errorf("schedule %q: %w", s.ID, err)
		}
		tables[i] = b.table(s)
	}
	return tables, nil
}

type builder struct {
	calendar *calendar
	known    map[minutes]*minutes // each once, however many schedules and days have it
}

func (b *builder) days(c Calendar) error {
	if c.Until != "" {
		until, err := Date(c.Until)
		if err != nil {
			return fmt.Errorf("calendar: %w", err)
		}
		b.calendar.until = until
	}
	for _, text := range c.Holidays {
		day, err := Date(text)
		switch {
		case err != nil:
			return fmt.Errorf("calendar: %w", err)
		case day >= b.calendar.until:
			return fmt.Errorf("calendar: a holiday on %s, known until %q", text, c.Until)
		}
		b.calendar.holidays = append(b.calendar.holidays, day)
	}
	slices.Sort(b.calendar.holidays)
	if len(slices.Compact(slices.Clone(b.calendar.holidays))) < len(b.calendar.holidays) {
		return errors.New("calendar: a holiday twice")
	}
	return nil
}

// table compiles a valid Schedule.
func (b *builder) table(s Schedule) Table {
	t := Table{dated: s.Holidays || len(s.Special) > 0, holidays: s.Holidays, calendar: b.calendar}
	var days [len(t.weekly)][]Span
	for _, w := range s.Windows {
		days[w.Day] = append(days[w.Day], Span{w.From, w.Until})
	}
	for day, windows := range days {
		t.weekly[day] = b.hours(windows)
	}
	for _, d := range s.Special {
		day, _ := Date(d.Date) // valid
		t.special = append(t.special, special{day, b.hours(d.Windows)})
	}
	slices.SortFunc(t.special, func(x, y special) int { return cmp.Compare(x.day, y.day) })
	return t
}

func (b *builder) hours(windows []Span) hours {
	var own, over minutes
	for _, w := range windows {
		end := w.Until
		if w.Until <= w.From {
			end = MinutesOfDay
			for m := range w.Until {
				over.set(m)
			}
		}
		for m := w.From; m < end; m++ {
			own.set(m)
		}
	}
	return hours{b.once(own), b.once(over)}
}

func (b *builder) once(m minutes) *minutes {
	kept, known := b.known[m]
	if !known {
		kept = &m
		b.known[m] = kept
	}
	return kept
}
