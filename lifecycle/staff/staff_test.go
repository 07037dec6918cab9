package staff_test

import (
	"fmt"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

func TestAMemberIsReadAsEntered(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		until := time.Date(2028, 3, 31, 15, 0, 0, 0, time.UTC)
		want := staff.Member{
			ID: "1001", Name: "髙橋 𠮷子", Kana: "タカハシ ヨシコ", Section: "総務課", Class: access.Staff, Period: period.Period{Until: until}, Version: 1,
		}
		got, err := city.Staff.Add(t.Context(), lifecycletest.Manager, staff.Details{
			No: "1001", Name: "  髙橋 𠮷子 ", Kana: want.Kana, Section: want.Section, Period: want.Period,
		})
		if err != nil || got != want {
			t.Fatalf("Add = %+v, %v, want %+v", got, err, want)
		}
		got, err = city.Staff.Get(t.Context(), lifecycletest.Guard, "1001")
		if err != nil || got != want {
			t.Fatalf("Get = %+v, %v, want %+v", got, err, want)
		}
	})
}

func TestANumberIsMadeWhereNoneIsGiven(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		for range 3 {
			m, err := city.Staff.Add(t.Context(), lifecycletest.Manager, staff.Details{Name: "佐藤"})
			if err != nil || len(m.ID) != 10 || m.ID[:2] != "S-" {
				t.Fatalf("Add = %+v, %v", m, err)
			}
		}
	})
}

func TestBadInputNamesTheFieldAndKeepsNothing(t *testing.T) {
	long := "あ"
	for len(long) < 65*3 {
		long += "あ"
	}
	good := staff.Details{No: "1001", Name: "佐藤"}
	tests := map[string]struct {
		change func(*staff.Details)
		field  string
		code   string
	}{
		"no name":             {func(d *staff.Details) { d.Name = " " }, "name", "field.required"},
		"long name":           {func(d *staff.Details) { d.Name = long }, "name", "field.too_long"},
		"control character":   {func(d *staff.Details) { d.Kana = "a\x00b" }, "kana", "field.control"},
		"direction override":  {func(d *staff.Details) { d.Name = "a\u202eb" }, "name", "field.control"},
		"not UTF-8":           {func(d *staff.Details) { d.Section = "\xff" }, "section", "field.encoding"},
		"number not ASCII":    {func(d *staff.Details) { d.No = "１００１" }, "no", "field.id"},
		"number with a slash": {func(d *staff.Details) { d.No = "../1" }, "no", "field.id"},
		"ends before it begins": {func(d *staff.Details) {
			d.From, d.Until = time.Date(2027, 4, 2, 0, 0, 0, 0, time.UTC), time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
		}, "until", "period.order"},
		"year 1900": {func(d *staff.Details) { d.From = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC) }, "from", "period.range"},
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				bad := good
				tt.change(&bad)
				_, err := city.Staff.Add(t.Context(), lifecycletest.Manager, bad)
				lifecycletest.WantFault(t, err, fault.Invalid, tt.code)
				lifecycletest.WantField(t, err, tt.field)
			})
		}
		all, err := city.Staff.List(t.Context(), lifecycletest.Manager, staff.Filter{})
		if err != nil || len(all) != 0 {
			t.Fatalf("List = %v, %v", all, err)
		}
	})
}

func TestWhoLacksTheRightNeitherWritesNorReads(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		_, err := city.Staff.Add(ctx, lifecycletest.Guard, staff.Details{No: "2001", Name: "佐藤"})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Staff.Change(ctx, lifecycletest.Guard, "1001", "異動", staff.Details{Name: "佐藤"})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Staff.Get(ctx, lifecycletest.Nobody, "1001")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Staff.List(ctx, lifecycletest.Nobody, staff.Filter{})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Staff.History(ctx, lifecycletest.Nobody, "1001")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}

// R112-1: what changed, by whom, when, from what to what.
func TestAChangeKeepsWhatWasBefore(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		ctx := t.Context()
		details := staff.Details{No: "1001", Name: "佐藤 花子", Section: "総務課"}
		if _, err := city.Staff.Add(ctx, lifecycletest.Manager, details); err != nil {
			t.Fatal(err)
		}
		added := city.Clock.Now()
		city.Clock.Pass(time.Hour)
		details.Name, details.Section = "田中 花子", "税務課"
		m, err := city.Staff.Change(ctx, lifecycletest.Manager, "1001", "婚姻と異動", details)
		if err != nil || m.Name != "田中 花子" || m.Version != 2 {
			t.Fatalf("Change = %+v, %v", m, err)
		}
		changes, err := city.Staff.History(ctx, lifecycletest.Guard, "1001")
		if err != nil || len(changes) != 2 {
			t.Fatalf("History = %+v, %v", changes, err)
		}
		second := changes[1]
		if !changes[0].At.Equal(added) || second.At.Sub(added) != time.Hour || second.Actor != "account:manager" || second.Reason != "婚姻と異動" {
			t.Fatalf("History = %+v", changes)
		}
		var moved []string
		for _, f := range second.Fields {
			if f.Changed {
				moved = append(moved, fmt.Sprintf("%s: %s → %s", f.Name, f.Before, f.Value))
			}
		}
		want := "[name: 佐藤 花子 → 田中 花子 section: 総務課 → 税務課]"
		if fmt.Sprint(moved) != want {
			t.Fatalf("changed %v, want %v", moved, want)
		}
	})
}

func TestANumberInUseIsAConflict(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		_, err := city.Staff.Add(t.Context(), lifecycletest.Manager, staff.Details{No: "1001", Name: "別人"})
		lifecycletest.WantFault(t, err, fault.Conflict, "staff.no_taken")
		_, err = city.Staff.Change(t.Context(), lifecycletest.Manager, "9999", "誤り", staff.Details{Name: "誰"})
		lifecycletest.WantFault(t, err, fault.NotFound, "staff.unknown")
	})
}

func TestAListIsSearchedAndPaged(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		if _, err := city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: "A-100%", Name: "x"}); fault.KindOf(err) != fault.Invalid {
			t.Fatalf("a percent sign in a number: %v", err)
		}
		if _, err := city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: "2001", Name: "100%_Name", Section: "総務課"}); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"":      "[1001 1002 1003 2001]",
			"鈴木":    "[1002]",
			"カナ":    "[1001 1002 1003]",
			"総務":    "[2001]",
			"%":     "[2001]",
			"_":     "[2001]",
			"%_nAM": "[2001]",
			`\`:     "[]",
			"100":   "[1001 1002 1003 2001]",
			"居ない":   "[]",
		} {
			got := ids(t, city, staff.Filter{Query: query})
			if got != want {
				t.Errorf("query %q: %v, want %v", query, got, want)
			}
		}
		if got := ids(t, city, staff.Filter{Limit: 2}); got != "[1001 1002]" {
			t.Errorf("first page %v", got)
		}
		if got := ids(t, city, staff.Filter{Limit: 2, After: "1002"}); got != "[1003 2001]" {
			t.Errorf("second page %v", got)
		}
		m, err := city.Staff.Get(ctx, lifecycletest.Guard, "1001")
		if err != nil || m.Cards != 1 {
			t.Errorf("cards of 1001: %+v, %v", m, err)
		}
	})
}

func ids(t *testing.T, city *lifecycletest.City, f staff.Filter) string {
	t.Helper()
	members, err := city.Staff.List(t.Context(), lifecycletest.Guard, f)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, m := range members {
		list = append(list, m.ID)
	}
	return fmt.Sprint(list)
}
