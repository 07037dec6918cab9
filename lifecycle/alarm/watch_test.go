package alarm

import (
	"cmp"
	"strings"
	"testing"
	"time"
)

var nine = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)

func TestEscalationComesInTimeAndOnceAnHour(t *testing.T) {
	limits := Limits{}.filled()
	raised := nine.Format("2006-01-02T15:04:05.000000Z")
	later := nine.Add(20 * time.Minute).Format("2006-01-02T15:04:05.000000Z")
	for _, tt := range []struct {
		name  string
		o     openRow
		after time.Duration
		want  bool
	}{
		{"urgent, before 3 minutes", openRow{State: Raised, Severity: Urgent, RaisedAt: raised}, 3*time.Minute - time.Second, false},
		{"urgent, at 3 minutes", openRow{State: Raised, Severity: Urgent, RaisedAt: raised}, 3 * time.Minute, true},
		{"normal, before 15 minutes", openRow{State: Raised, Severity: Normal, RaisedAt: raised}, 15*time.Minute - time.Second, false},
		{"normal, at 15 minutes", openRow{State: Raised, Severity: Normal, RaisedAt: raised}, 15 * time.Minute, true},
		{"acknowledged", openRow{State: Acknowledged, Severity: Urgent, RaisedAt: raised}, time.Hour, false},
		{"again, before an hour", openRow{State: Raised, Severity: Urgent, RaisedAt: raised, Escalations: 1, EscalatedAt: later}, 80*time.Minute - time.Second, false},
		{"again, after an hour", openRow{State: Raised, Severity: Urgent, RaisedAt: raised, Escalations: 1, EscalatedAt: later}, 80 * time.Minute, true},
	} {
		if got, err := limits.due(tt.o, nine.Add(tt.after)); got != tt.want || err != nil {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

// R121-1: silence and clocks.
func TestWhoIsSilentAndWhoseClockIsOff(t *testing.T) {
	limits := Limits{}.filled()
	seen := nine.Format("2006-01-02T15:04:05.000000Z")
	ms := func(n int64) *int64 { return &n }
	for _, tt := range []struct {
		name    string
		h       heard
		started time.Duration
		now     time.Duration
		want    string
	}{
		{"online", heard{Online: true, Seen: seen}, -time.Hour, time.Hour, ""},
		{"gone for 59 s", heard{Seen: seen}, -time.Hour, 59 * time.Second, ""},
		{"gone for 60 s", heard{Seen: seen}, -time.Hour, 60 * time.Second, "controller_silent"},
		{"the centre was not there", heard{Seen: seen}, 50 * time.Second, 109 * time.Second, ""},
		{"nor came it since", heard{Seen: seen}, 50 * time.Second, 110 * time.Second, "controller_silent"},
		{"10 s ahead", heard{Online: true, Seen: seen, OffsetMS: ms(10_000)}, 0, 0, ""},
		{"more", heard{Online: true, Seen: seen, OffsetMS: ms(10_001)}, 0, 0, "clock_off"},
		{"behind", heard{Online: true, Seen: seen, OffsetMS: ms(-10_001)}, 0, 0, "clock_off"},
		{"silent, and was off", heard{Seen: seen, OffsetMS: ms(-10_001)}, 0, time.Hour, "controller_silent"},
	} {
		got, err := limits.states(tt.h, nine.Add(tt.started), nine.Add(tt.now))
		words := make([]string, len(got))
		for i, k := range got {
			words[i] = string(k)
		}
		if strings.Join(words, " ") != tt.want || err != nil {
			t.Errorf("%s: %v, %v, want %s", tt.name, got, err, cmp.Or(tt.want, "nothing"))
		}
	}
}
