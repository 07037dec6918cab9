package grade_test

import (
	"errors"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/lifecycletest"
)

// R43-1, R14-1: what the city asks of a grade is changed by two people, and no area asks less.
func TestWhatAGradeAsksIsChangedByTwoAndHoldsForEveryArea(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		city.Account(t, lifecycletest.Manager, "1001")
		city.Account(t, lifecycletest.Second, "1002")
		approve := func(err error) {
			t.Helper()
			w, ok := errors.AsType[*approval.WaitingError](err)
			if !ok {
				t.Fatalf("%v, want a request that waits", err)
			}
			if _, err := city.Approvals.Approve(ctx, lifecycletest.Second, "", w.Request.ID); err != nil {
				t.Fatal(err)
			}
		}
		strong := premises.Least{Grade: 3, Factors: access.FactorsCardPIN, Trust: access.TrustMemory}
		lifecycletest.WantFault(t, city.Grades.Set(ctx, lifecycletest.Manager, "強化", strong), fault.Conflict, "area.grade_in_use")
		room := area.Area{ID: "server-room", Name: "電子計算機室", Grade: 3, Record: access.Strict, Owner: "1001", Rules: access.Rules{Factors: access.FactorsCardPIN, Trust: access.TrustMutual}}
		approve(city.Area.ChangeArea(ctx, lifecycletest.Manager, "強化", room))
		approve(city.Grades.Set(ctx, lifecycletest.Manager, "強化", strong))
		all, err := city.Grades.List(ctx, lifecycletest.Guard)
		strong.Version = 1
		if err != nil || len(all) != 3 || all[2] != strong || all[0] != (premises.Least{Grade: 1, Factors: access.FactorsCard, Trust: access.TrustNumber, PlainRoute: true}) {
			t.Fatalf("List = %+v, %v", all, err)
		}
		room.Factors = access.FactorsTwoCards
		err = city.Area.ChangeArea(ctx, lifecycletest.Manager, "弱く", room)
		lifecycletest.WantFault(t, err, fault.Invalid, "area.weaker")
		lifecycletest.WantField(t, err, "factors")
		changes, err := city.Grades.History(ctx, lifecycletest.Guard, 3)
		if err != nil || len(changes) != 1 || changes[0].ApprovedBy != "account:second" {
			t.Errorf("History = %+v, %v", changes, err)
		}
		for _, bad := range []struct {
			l    premises.Least
			code string
		}{
			{premises.Least{Grade: 4, Factors: "card", Trust: "number"}, "area.grade"},
			{premises.Least{Grade: 1, Factors: "face", Trust: "number"}, "area.factors"},
			{premises.Least{Grade: 1, Factors: "card", Trust: "blind"}, "area.trust"},
		} {
			lifecycletest.WantFault(t, city.Grades.Set(ctx, lifecycletest.Manager, "x", bad.l), fault.Invalid, bad.code)
		}
		lifecycletest.WantFault(t, city.Grades.Set(ctx, lifecycletest.Guard, "x", strong), fault.Denied, "auth.denied")
	})
}
