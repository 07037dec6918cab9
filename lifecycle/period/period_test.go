package period_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/lifecycle/period"
)

func TestAPeriodReadsBackAsWritten(t *testing.T) {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "open") {
			return time.Time{}
		}
		return time.UnixMicro(rapid.Int64Range(946684800e6, 4102444800e6).Draw(t, "us")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		want := period.Period{From: moment.Draw(t, "from"), Until: moment.Draw(t, "until")}
		got, err := period.Parse(want.Texts())
		if err != nil || !got.From.Equal(want.From) || !got.Until.Equal(want.Until) {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
	})
}

func TestSecondsNeverWidenAPeriod(t *testing.T) {
	second := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		p           period.Period
		from, until int64
	}{
		"open":        {period.Period{}, 0, 0},
		"on a second": {period.Period{From: second, Until: second.Add(time.Hour)}, second.Unix(), second.Unix() + 3600},
		"between": {
			period.Period{From: second.Add(time.Microsecond), Until: second.Add(time.Hour + 999*time.Millisecond)},
			second.Unix() + 1, second.Unix() + 3600,
		},
	}
	for name, tt := range tests {
		if from, until := tt.p.Unix(); from != tt.from || until != tt.until {
			t.Errorf("%s: %d, %d, want %d, %d", name, from, until, tt.from, tt.until)
		}
	}
}

func TestCheck(t *testing.T) {
	at := func(year int) time.Time { return time.Date(year, 4, 1, 0, 0, 0, 0, time.UTC) }
	for name, tt := range map[string]struct {
		p    period.Period
		good bool
	}{
		"open":             {period.Period{}, true},
		"from only":        {period.Period{From: at(2027)}, true},
		"until only":       {period.Period{Until: at(2027)}, true},
		"both":             {period.Period{From: at(2027), Until: at(2028)}, true},
		"empty":            {period.Period{From: at(2027), Until: at(2027)}, false},
		"turned around":    {period.Period{From: at(2028), Until: at(2027)}, false},
		"an old century":   {period.Period{From: at(1999)}, false},
		"a far millennium": {period.Period{Until: at(3000)}, false},
	} {
		if err := tt.p.Check(); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNotATimeIsAnError(t *testing.T) {
	for _, text := range []string{"x", "2027-04-01", "2027-04-01T00:00:00Z", "2027-13-01T00:00:00.000000Z"} {
		if _, err := period.Time(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
