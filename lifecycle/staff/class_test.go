package staff_test

import (
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/staff"
)

// R44-1: the number that is typed before a PIN is one person's.
func TestAKeypadNumberIsOnePersons(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		ctx := t.Context()
		add := func(no, number string) error {
			_, err := city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: no, Name: "x", Number: number})
			return err
		}
		for _, bad := range []string{"123", "123456789", "12a4", "１２３４", " 1234"} {
			lifecycletest.WantFault(t, add("1", bad), fault.Invalid, "staff.number")
		}
		for no, number := range map[string]string{"1": "0471", "2": "", "3": ""} {
			if err := add(no, number); err != nil {
				t.Fatal(err)
			}
		}
		err := add("4", "0471")
		lifecycletest.WantFault(t, err, fault.Invalid, "staff.number_taken")
		lifecycletest.WantField(t, err, "number")
		if m, err := city.Staff.Change(ctx, lifecycletest.Manager, "1", "そのまま", staff.Details{Name: "y", Number: "0471"}); err != nil || m.Number != "0471" || m.Class != access.Staff {
			t.Fatalf("Change = %+v, %v", m, err)
		}
		if _, err := city.Staff.Change(ctx, lifecycletest.Manager, "1", "返上", staff.Details{Name: "y"}); err != nil {
			t.Fatal(err)
		}
		if err := add("4", "0471"); err != nil {
			t.Errorf("a number given back: %v", err)
		}
		_, err = city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: "5", Name: "x", Class: "robot"})
		lifecycletest.WantFault(t, err, fault.Invalid, "staff.class")
	})
}
