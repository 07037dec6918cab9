package area_test

import (
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// R14-1: what two people granted a visitor, an operator alone does not turn into what a member of staff may do, nor extend.
func TestAnOperatorDoesNotWidenWhatTwoPeopleGranted(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		operator := store.Actor{Kind: store.ActorAccount, ID: "operator", Roles: []authz.Role{authz.Operator}}
		until := c.Clock.Now().Add(240 * time.Hour)
		guest := staff.Details{No: "9001", Name: "客", Class: access.Visitor, Period: period.Period{Until: until}}
		if _, err := c.Staff.Add(ctx, operator, guest); err != nil {
			t.Fatal(err)
		}
		_, err := c.Area.GrantAll(ctx, lifecycletest.Manager, "工事", []area.Right{{Person: "9001", Area: "server-room"}})
		if _, err := c.Approvals.Approve(ctx, lifecycletest.Second, "", waits(t, err)); err != nil {
			t.Fatal(err)
		}
		become := func(class access.Class, until time.Time) error {
			to := guest
			to.Class, to.Until = class, until
			_, err := c.Staff.Change(ctx, operator, "9001", "異動", to)
			return err
		}
		lifecycletest.WantFault(t, become(access.Staff, until), fault.Conflict, "staff.class_graded")
		lifecycletest.WantFault(t, become(access.Contractor, until), fault.Conflict, "staff.class_graded")
		lifecycletest.WantFault(t, become(access.Visitor, until.Add(time.Hour)), fault.Conflict, "staff.until_graded")
		lifecycletest.WantFault(t, become(access.Visitor, time.Time{}), fault.Conflict, "staff.until_graded")
		if err := become(access.Visitor, until.Add(-time.Hour)); err != nil {
			t.Errorf("a shorter period: %v", err)
		}
		if err := c.Area.Withdraw(ctx, lifecycletest.Manager, rightOf(t, c, "9001").ID, "終了"); err != nil {
			t.Fatal(err)
		}
		if err := become(access.Staff, until.Add(time.Hour)); err != nil {
			t.Errorf("once the right is withdrawn: %v", err)
		}
	})
}
