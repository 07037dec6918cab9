// Package holiday says which days are holidays (休日) in Japan, by the Act on National Holidays (国民の祝日に関する法律, 昭和23年法律第178号), and which
// are the days around the new year on which public offices are closed. It is the only importer of github.com/rickar/cal, whose definitions say on which
// date each named holiday falls; the two rules of Article 3 about other days are ours, and so are corrections of the library
// (docs/decisions/0011-holidays.md).
package holiday

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/jp"

	"kanmon/internal/access/timetable"
)

// First and Last are the years that the package knows: before the first other laws held, and after the last the equinoxes are not computed any more.
const (
	First = 2016
	Last  = 2099
)

// Kind names a holiday. It is stable, for catalogues.
type Kind string

// Kinds that the Act does not name. The named ones are in the table below.
const (
	Substitute Kind = "substitute" // 振替休日, Article 3(2): in the place of one that falls on a Sunday
	Between    Kind = "between"    // 国民の休日, Article 3(3): a day between two holidays
	YearEnd    Kind = "year_end"   // 年末年始, 29 December to 3 January but for New Year's Day
)

// Day is one holiday.
type Day struct {
	Date timetable.Day
	Kind Kind
}

// named are the holidays of Article 2 and the two of 2019 that a law of their own made such.
var named = []struct {
	kind Kind
	day  *cal.Holiday
}{
	{"new_year", jp.NewYear},
	{"coming_of_age", jp.ComingOfAgeDay},
	{"foundation", jp.NationalFoundationDay},
	{"emperors_birthday", jp.TheEmperorsBirthday},
	{"vernal_equinox", jp.VernalEquinoxDay},
	{"showa", jp.ShowaDay},
	{"constitution", jp.ConstitutionMemorialDay},
	{"greenery", jp.GreeneryDay},
	{"childrens_day", jp.ChildrensDay},
	{"marine", jp.MarineDay},
	{"mountain", jp.MountainDay},
	{"aged", jp.RespectForTheAgedDay},
	{"autumnal_equinox", jp.AutumnalEquinoxDay},
	{"sports", jp.SportsDay},
	{"culture", jp.CultureDay},
	{"labour", jp.LaborThanksgivingDay},
	{"enthronement", jp.TheNewEmperorEnthronementDay},
	{"enthronement_ceremony", jp.TheNewEmperorEnthronementCeremony},
}

// corrected are dates where the library is not right: in 2019 the Emperor's birthday was none, and Mountain Day moved twice for the Olympic Games
// (平成32年東京オリンピック競技大会・東京パラリンピック競技大会特別措置法). An empty date: no such holiday in that year.
var corrected = map[int]map[Kind]string{
	2019: {"emperors_birthday": ""},
	2020: {"mountain": "2020-08-10"},
	2021: {"mountain": "2021-08-08"},
}

// Kinds lists every kind that Of may answer, for catalogues.
func Kinds() []Kind {
	kinds := []Kind{Substitute, Between, YearEnd}
	for _, n := range named {
		kinds = append(kinds, n.kind)
	}
	return kinds
}

// years are the named holidays of all years, worked out once: a definition of the library changes itself while it is asked.
var years = sync.OnceValue(func() map[int][]Day {
	all := make(map[int][]Day, Last-First+1)
	for year := First; year <= Last; year++ {
		all[year] = namedIn(year)
	}
	return all
})

func namedIn(year int) (days []Day) {
	for _, n := range named {
		date, _ := n.day.Calc(year)
		text := date.Format(time.DateOnly)
		if better, wrong := corrected[year][n.kind]; wrong {
			text = better
		}
		if d, err := timetable.Date(text); err == nil && !date.IsZero() { // else not in this year
			days = append(days, Day{d, n.kind})
		}
	}
	return days
}

// Of returns the holidays of the Act in a year from First to Last, in order. Equinoxes beyond those that the government has announced, each February
// for the year after, are computed and may yet change.
func Of(year int) ([]Day, error) {
	if year < First || year > Last {
		return nil, fmt.Errorf("holidays of %d, known from %d to %d", year, First, Last)
	}
	return complete(years()[year]), nil
}

// complete adds the days of Article 3(2) and (3) to named holidays of one year, and puts them in order. No rule reaches over the year's end:
// 31 December is no holiday and 2 January next to none of the year before.
func complete(days []Day) []Day {
	is := make(map[timetable.Day]bool, len(days))
	for _, d := range days {
		is[d.Date] = true
	}
	all := slices.Clone(days)
	add := func(date timetable.Day, kind Kind) {
		if !slices.ContainsFunc(all, func(d Day) bool { return d.Date == date }) {
			all = append(all, Day{date, kind})
		}
	}
	for _, d := range days {
		if d.Date.Weekday() == int(time.Sunday) { // (2): the nearest day after it that is no holiday itself
			next := d.Date + 1
			for is[next] {
				next++
			}
			add(next, Substitute)
		}
	}
	for _, d := range days {
		if !is[d.Date+1] && is[d.Date+2] { // (3)
			add(d.Date+1, Between)
		}
	}
	slices.SortFunc(all, func(a, b Day) int { return cmp.Compare(a.Date, b.Date) })
	return all
}

// WithYearEnd is Of with 1–3 January and 29–31 December, on which offices of a city are closed by its ordinance (地方自治法第4条の2第2項第3号; these
// days are the usual ones).
func WithYearEnd(year int) ([]Day, error) {
	days, err := Of(year)
	if err != nil {
		return nil, err
	}
	first, err := timetable.Date(fmt.Sprintf("%d-01-01", year))
	if err != nil {
		return nil, err
	}
	last, err := timetable.Date(fmt.Sprintf("%d-12-31", year))
	if err != nil {
		return nil, err
	}
	for _, date := range []timetable.Day{first + 1, first + 2, last - 2, last - 1, last} {
		if !slices.ContainsFunc(days, func(d Day) bool { return d.Date == date }) {
			days = append(days, Day{date, YearEnd})
		}
	}
	slices.SortFunc(days, func(a, b Day) int { return cmp.Compare(a.Date, b.Date) })
	return days, nil
}
