package rest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/calendar"
)

// R43-2: programs read the calendar, and enter the city's own days and timetables with holidays and special days.
func TestR43_2_TheCalendarAndTimetablesThroughTheInterface(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	year := time.Now().Year() + 1 // days that are past are not entered
	if _, err := calendar.New(b.store, approval.New(b.store)).Extend(t.Context(), store.System("calendar"), time.Now()); err != nil {
		t.Fatal(err)
	}
	day := func(rest string) string { return fmt.Sprint("/calendar/days/", year, rest) }
	b.want(204, "", boss, "PUT", day("-04-29"), `{"kind":"open","name":"窓口開庁","reason":"異動の季節"}`)
	b.want(204, "", boss, "PUT", day("-06-15"), `{"kind":"closed","name":"電気設備点検","reason":"法定の点検"}`)
	b.want(422, "calendar.no_holiday", boss, "PUT", day("-06-16"), `{"kind":"open","name":"x","reason":"x"}`)
	b.want(422, "calendar.past", boss, "PUT", "/calendar/days/2020-06-15", `{"kind":"closed","name":"x","reason":"x"}`)
	got := b.call(boss, "GET", fmt.Sprintf("/calendar?from=%d-04-29&to=%d-06-30", year, year), "")
	for _, want := range []string{
		fmt.Sprintf(`{"date":"%d-04-29","holiday":false,"law":"showa","own":"open","name":"窓口開庁","version":1}`, year),
		fmt.Sprintf(`{"date":"%d-05-05","holiday":true,"law":"childrens_day"}`, year),
		fmt.Sprintf(`{"date":"%d-06-15","holiday":true,"own":"closed","name":"電気設備点検","version":1}`, year), fmt.Sprintf(`"until":"%d-04-01"`, year+1),
	} {
		if !strings.Contains(got.text, want) {
			t.Errorf("%d %s\nwant %s", got.status, got.text, want)
		}
	}
	b.want(204, "", boss, "DELETE", day("-06-15?reason=x"), "")
	b.want(404, "calendar.unknown_day", boss, "DELETE", day("-06-15?reason=x"), "")
	b.want(422, "calendar.range", boss, "GET", "/calendar?from=2027-01-01&to=2030-12-31", "")
	b.want(422, "calendar.year", boss, "GET", "/calendar?from=2000-01-01&to=2000-12-31", "")

	const hours = `"windows":[{"day":1,"from":510,"until":1035}],"holidays":true,"special":[{"date":"2027-03-28","windows":[{"from":540,"until":720}]},{"date":"2027-05-10"}]`
	b.want(201, "", boss, "POST", "/schedules", `{"id":"office","name":"執務時間",`+hours+`}`)
	b.want(204, "", boss, "PUT", "/schedules/office", `{"name":"開庁時間",`+hours+`,"reason":"改称"}`)
	b.want(404, "area.unknown_schedule", boss, "PUT", "/schedules/tea", `{"name":"開庁時間",`+hours+`,"reason":"改称"}`)
	b.want(422, "area.special_twice", boss, "PUT", "/schedules/office", `{"name":"x","windows":[],"special":[{"date":"2027-03-28"},{"date":"2027-03-28"}],"reason":"x"}`)
	if got := b.call(boss, "GET", "/schedules", ""); !strings.Contains(got.text, `"name":"開庁時間",`+hours+`,"version":2`) {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// R43-1, R14-1: a day that opens a graded area for longer is answered with 202 and the request, and takes effect once somebody else approves it.
func TestADayThatOpensAGradedAreaForLongerIsSaidByTwo(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	b.want(201, "", boss, "POST", "/staff", `{"no":"S1","name":"山田"}`)
	b.want(201, "", boss, "POST", "/areas", `{"id":"srv","name":"電子計算機室","grade":3,"record":"strict","owner":"S1"}`)
	b.want(201, "", boss, "POST", "/schedules", `{"id":"duty","name":"休日当番","windows":[{"day":7,"from":540,"until":720}],"holidays":true}`)
	b.want(201, "", boss, "POST", "/rights", `{"person":"S1","area":"srv","schedule":"duty"}`)
	second := b.add("second", authz.SecurityManager)
	day := fmt.Sprintf("%d-06-15", time.Now().Year()+1)
	path := "/calendar/days/" + day

	put := b.want(202, "", boss, "PUT", path, `{"kind":"closed","name":"電気設備点検","reason":"法定の点検"}`)
	id, _ := put.json["id"].(string)
	change, _ := put.json["change"].(string)
	if put.json["kind"] != "calendar.put" || put.json["subject"] != day || !strings.Contains(change, `"areas":[{"id":"srv","name":"電子計算機室"}],"before":null,"after":[{"from":540,"until":720}]`) {
		t.Errorf("202 with %s", put.text)
	}
	b.want(403, "approval.own", boss, "POST", "/approvals/"+id+"/approve", `{}`)
	b.want(404, "calendar.unknown_day", boss, "DELETE", path+"?reason=x", "")
	b.want(200, "", second, "POST", "/approvals/"+id+"/approve", `{}`)
	other := b.want(202, "", boss, "PUT", fmt.Sprintf("/calendar/days/%d-06-16", time.Now().Year()+1), `{"kind":"closed","name":"予備日","reason":"法定の点検"}`)
	b.want(204, "", boss, "DELETE", path+"?reason=x", "") // the duty falls away: nobody has to approve that
	b.want(200, "", boss, "POST", "/approvals/"+fmt.Sprint(other.json["id"])+"/withdraw", `{}`)
}
