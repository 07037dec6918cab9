package calendar

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

func spans(t *rapid.T) (list []access.Span) {
	for range rapid.IntRange(0, 4).Draw(t, "spans") {
		list = append(list, access.Span{From: rapid.IntRange(0, 1439).Draw(t, "from"), Until: rapid.IntRange(0, 1440).Draw(t, "until")})
	}
	return list
}

// What the form shows of a schedule is read back as the same schedule.
func TestHoursAreReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := spans(t)
		got, err := readHours("x", writeHours(want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, %v, want %v", writeHours(want), got, err, want)
		}
		day := access.SpecialDay{Date: rapid.SampledFrom([]string{"2027-03-28", "2028-02-29", "2027-12-31"}).Draw(t, "date"), Windows: want}
		text := writeSpecial([]access.SpecialDay{day, day}, rapid.SampledFrom([]string{"閉", "closed", ""}).Draw(t, "closed"))
		if got, err := readSpecial(text); err != nil || !reflect.DeepEqual(got, []access.SpecialDay{day, day}) {
			t.Fatalf("%q: %v, %v", text, got, err)
		}
	})
}

// Whatever is typed is refused or lies inside its day.
func FuzzReadHours(f *testing.F) {
	for _, seed := range []string{"8:30-17:15", "２２：００〜６：００", "22:00-30:00, 1:00-2:00", "2027-03-28 9:00-12:00", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := readHours("x", text)
		for _, s := range list {
			if err := s.Validate(); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		if days, err := readSpecial(text); err == nil {
			for _, d := range days {
				if len(d.Date) != 10 {
					t.Errorf("%q: date %q", text, d.Date)
				}
			}
		}
	})
}
