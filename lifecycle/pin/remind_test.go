package pin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/pin"
)

// R44-3: the managers, and nobody else, are told of a PIN once at 30, 14, 3 and 1 days before its end, of a new one anew, and of one that is over nothing.
func TestManagersAreToldOfEachPINOnceAtEveryWarning(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		inbox := notice.New(city.Store)
		roles := map[string]authz.Role{"boss": authz.SecurityManager, "admin": authz.SystemManager, "guard": authz.Guard, "clerk": authz.Operator}
		if n, err := city.PIN.Remind(t.Context()); err != nil || n != 0 {
			t.Fatalf("told of %d, %v", n, err)
		}
		set(t, city, own("1001"))
		city.Clock.Pass(24 * time.Hour)
		set(t, city, own("1002"))
		set(t, city, alone("1002", "archive"))
		city.Clock.Pass(149 * 24 * time.Hour) // 1001 has 30 days, 1002 has 31
		if n, err := city.PIN.Remind(t.Context()); err != nil || n != 0 {
			t.Fatalf("nobody was there to be told, and yet %d, %v", n, err)
		}
		for id, role := range roles {
			_, err := city.Accounts.Add(t.Context(), store.System("test"), account.Details{ID: id, Roles: []authz.Role{role}, Password: account.NewPassword("correct horse battery")})
			if err != nil {
				t.Fatal(err)
			}
		}
		// By the day: of how many somebody is told for the first time, and by days of the warning how many stand at it.
		for _, want := range []struct {
			day, fresh int
			says       string
		}{
			{150, 1, "30:1"},
			{151, 2, "30:3"},
			{165, 0, ""},
			{166, 1, "14:1"},
			{167, 2, "14:3"},
			{176, 0, ""},
			{178, 3, "3:3"}, // the centre was away on the 177th day
			{179, 1, "1:1"},
			{180, 2, "1:2"},
			{181, 0, ""},
			{200, 0, ""},
		} {
			city.Clock.Pass(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(want.day) * 24 * time.Hour).Sub(city.Clock.Now()))
			for i, fresh := range []int{want.fresh, 0} { // the second look finds nothing more to say
				if n, err := city.PIN.Remind(t.Context()); err != nil || n != fresh {
					t.Fatalf("day %d, look %d: told of %d, %v; want %d", want.day, i, n, err, fresh)
				}
			}
			for id, role := range roles {
				says := want.says
				if role != authz.SecurityManager && role != authz.SystemManager {
					says = ""
				}
				if got := readAll(t, inbox, store.Actor{Kind: store.ActorAccount, ID: id, Roles: []authz.Role{role}}); got != says {
					t.Errorf("day %d: %s was told %q, want %q", want.day, id, got, says)
				}
			}
		}
		set(t, city, own("1001"))
		city.Clock.Pass(150 * 24 * time.Hour)
		if n, err := city.PIN.Remind(t.Context()); err != nil || n != 1 {
			t.Errorf("of the new PIN: %d, %v", n, err)
		}
		report, err := city.Store.Verify(t.Context())
		if err != nil || !report.OK() {
			t.Errorf("Verify = %+v, %v", report, err)
		}
	})
}

// readAll returns what is unread, as days:count, and marks it as read.
func readAll(t *testing.T, r *notice.Register, who store.Actor) string {
	t.Helper()
	list, err := r.Inbox(t.Context(), who, notice.Filter{Unread: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range list {
		if n.Kind != pin.EndingNotice || n.Link != "/pins" || n.Subject != n.Params["days"] {
			t.Errorf("%+v", n)
		}
		if _, err := time.Parse(time.RFC3339, n.Params["first"]); err != nil {
			t.Error(err)
		}
		all = append(all, fmt.Sprintf("%s:%s", n.Params["days"], n.Params["count"]))
		if _, err := r.MarkRead(t.Context(), who, n.ID); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
