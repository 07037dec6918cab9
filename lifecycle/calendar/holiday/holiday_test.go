package holiday_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/internal/access/timetable"
	"kanmon/lifecycle/calendar/holiday"
)

// R43-2: the holidays are those of the government's list, with those in the place of Sundays and those between two others.
func TestR43_2_HolidaysAreThoseOfTheGovernment(t *testing.T) {
	b, err := os.ReadFile("testdata/holidays.txt")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var year int
		if _, err := fmt.Sscan(line, &year); err != nil {
			t.Fatal(err)
		}
		days, err := holiday.Of(year)
		if err != nil {
			t.Fatal(err)
		}
		all := []string{strconv.Itoa(year)}
		for _, d := range days {
			all = append(all, short(t, d))
		}
		got := strings.Join(all, " ")
		if want := strings.TrimSpace(line); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		checked++
	}
	if checked < 25 {
		t.Errorf("%d years checked", checked)
	}
}

// short is a day as the table has it: "2/12s".
func short(t *testing.T, d holiday.Day) string {
	at, err := time.Parse(time.DateOnly, d.Date.String())
	if err != nil {
		t.Fatal(err)
	}
	return at.Format("1/2") + map[holiday.Kind]string{holiday.Substitute: "s", holiday.Between: "b"}[d.Kind]
}

func TestHolidaysHaveTheirNames(t *testing.T) {
	want := map[string]holiday.Kind{
		"2026-01-01": "new_year", "2026-01-12": "coming_of_age", "2026-02-11": "foundation", "2026-02-23": "emperors_birthday",
		"2026-03-20": "vernal_equinox", "2026-04-29": "showa", "2026-05-03": "constitution", "2026-05-04": "greenery", "2026-05-05": "childrens_day",
		"2026-05-06": "substitute", "2026-07-20": "marine", "2026-08-11": "mountain", "2026-09-21": "aged", "2026-09-22": "between",
		"2026-09-23": "autumnal_equinox", "2026-10-12": "sports", "2026-11-03": "culture", "2026-11-23": "labour",
		"2019-05-01": "enthronement", "2019-10-22": "enthronement_ceremony", "2018-12-23": "emperors_birthday",
		"2027-01-02": "year_end", "2027-01-03": "year_end", "2026-12-29": "year_end", "2026-12-30": "year_end", "2026-12-31": "year_end",
		"2023-01-02": "substitute", // New Year's Day was a Sunday
	}
	for text, kind := range want {
		if got := kindOn(t, text); got != kind {
			t.Errorf("%s is %q, want %q", text, got, kind)
		}
	}
	for _, text := range []string{"2026-12-28", "2027-01-04", "2019-12-23", "2026-05-07", "2020-08-11", "2020-10-12"} {
		if got := kindOn(t, text); got != "" {
			t.Errorf("%s is %q", text, got)
		}
	}
}

func kindOn(t *testing.T, text string) holiday.Kind {
	t.Helper()
	date, err := timetable.Date(text)
	if err != nil {
		t.Fatal(err)
	}
	var year int
	_, _ = fmt.Sscan(text[:4], &year)
	days, err := holiday.WithYearEnd(year)
	if err != nil {
		t.Fatal(err)
	}
	last := timetable.Day(0)
	found := holiday.Kind("")
	for _, d := range days {
		if d.Date <= last {
			t.Errorf("%d: %s out of order, or twice", year, d.Date)
		}
		if last = d.Date; d.Date == date {
			found = d.Kind
		}
	}
	return found
}

func TestEveryYearHasItsHolidays(t *testing.T) {
	for year := holiday.First; year <= holiday.Last; year++ {
		days, err := holiday.Of(year)
		if err != nil || len(days) < 16 || len(days) > 22 {
			t.Errorf("%d: %d days, %v", year, len(days), err)
		}
	}
	for _, year := range []int{holiday.First - 1, holiday.Last + 1, 0, -1} {
		if _, err := holiday.Of(year); err == nil {
			t.Errorf("%d was answered", year)
		}
		if _, err := holiday.WithYearEnd(year); err == nil {
			t.Errorf("%d was answered", year)
		}
	}
}

// The library's definitions write to themselves; run with -race.
func TestManyMayAskAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if days, err := holiday.Of(2026); err != nil || len(days) != 18 {
				t.Errorf("%d days, %v", len(days), err)
			}
		})
	}
	all.Wait()
}
