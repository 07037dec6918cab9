package explain_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kanmon/api/explain"
	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/lifecycletest"
)

// R43-7: the answer is that of the door, and the questions are those of docs/access-rules.md up to the one that decided.
func TestWhatADoorWouldDo(t *testing.T) {
	monday := time.Date(2027, 4, 5, 1, 0, 0, 0, time.UTC) // 10:00 in Japan
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		x := explain.New(city.Store, city.Forms)
		for name, c := range map[string]struct {
			ask    explain.Question
			allow  bool
			reason access.Reason
			asked  []int
			last   explain.Outcome
		}{
			"card by its label":        {explain.Question{Card: "K-2", Door: "D-3", At: monday}, true, access.Granted, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17}, explain.Passed},
			"person, by their card":    {explain.Question{Person: "1002", Door: "D-3", At: monday.Add(12 * time.Hour)}, false, access.OutsideSchedule, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, explain.Refused},
			"no right":                 {explain.Question{Card: "K-3", Door: "D-1", At: monday}, false, access.NoRight, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, explain.Refused},
			"the way out is free":      {explain.Question{Card: "K-3", Door: "D-1", Way: access.Out, At: monday}, true, access.NoRight, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, explain.Refused},
			"grade 3 asks the output":  {explain.Question{Card: "K-1", Door: "D-1", At: monday}, true, access.Granted, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 22}, explain.Passed},
			"a person without a right": {explain.Question{Person: "1003", Door: "D-2", At: monday}, false, access.NoRight, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, explain.Refused},
		} {
			w, err := x.Would(t.Context(), lifecycletest.Guard, c.ask)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var asked []int
			for _, check := range w.Checks {
				asked = append(asked, check.N)
			}
			if w.Made.Allow != c.allow || w.Made.Reason != c.reason || !slices.Equal(asked, c.asked) || w.Checks[len(w.Checks)-1].Outcome != c.last {
				t.Errorf("%s: %v %s, questions %v, the last %+v; want %v %s, %v, %s", name, w.Made.Allow, w.Made.Reason, asked, w.Checks[len(w.Checks)-1], c.allow, c.reason, c.asked, c.last)
			}
		}
		for field, ask := range map[string]explain.Question{
			"who":   {Door: "D-1", At: monday},
			"door":  {Card: "K-1", Door: "D-9", At: monday},
			"at":    {Card: "K-1", Door: "D-1"},
			"pin":   {Card: "K-1", Door: "D-1", At: monday, Typed: access.TypedDuress},
			"trust": {Card: "K-1", Door: "D-1", At: monday, Trust: "much"},
		} {
			_, err := x.Would(t.Context(), lifecycletest.Guard, ask)
			if f, is := errors.AsType[*fault.Error](err); !is || f.Kind != fault.Invalid || f.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		for _, ask := range []explain.Question{{Card: "K-9", Door: "D-1", At: monday}, {Person: "9999", Door: "D-1", At: monday}, {Card: "K-1", Door: "D-2", Way: access.Out, At: monday}} {
			if _, err := x.Would(t.Context(), lifecycletest.Guard, ask); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v: %v", ask, err)
			}
		}
		if _, err := x.Would(t.Context(), lifecycletest.Nobody, explain.Question{Card: "K-1", Door: "D-1", At: monday}); fault.KindOf(err) != fault.Denied {
			t.Errorf("somebody who may not: %v", err)
		}
	})
}

// What a question looked at is in the answer, so that a person can put it into words.
func TestAnAnswerSaysWhatItLookedAt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		w, err := explain.New(city.Store, city.Forms).Would(t.Context(), lifecycletest.Guard, explain.Question{
			Card: "K-2", Door: "D-3", At: time.Date(2027, 4, 5, 1, 0, 0, 0, time.UTC),
		})
		if err != nil || w.DoorName != "書庫 北" || w.AreaName != "書庫" || w.Name != "鈴木 一郎" || w.Label != "K-2" {
			t.Fatalf("%+v, %v", w, err)
		}
		seen := map[int]explain.Seen{}
		for _, c := range w.Checks {
			if len(c.Seen) > 0 {
				seen[c.N] = c.Seen[0]
			}
		}
		for n, code := range map[int]string{2: "door", 3: "card", 4: "card_active", 7: "card_valid", 8: "person_valid", 9: "right", 10: "right_open", 11: "no_gas", 12: "no_lockdown", 13: "takes_card", 17: "other_shut"} {
			if seen[n].Code != code {
				t.Errorf("question %d looked at %+v, want %s", n, seen[n], code)
			}
		}
		if hours := seen[10].Hours; hours == nil || hours.Name != "執務時間" || len(hours.Windows) != 5 {
			t.Errorf("hours %+v", hours)
		}
	})
}
