package calendar_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"kanmon/api/console/calendar"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
)

// room is the pages over registers in memory. Their clock stands in September 2026.
type room struct {
	days      *consoletest.Days
	schedules *consoletest.Schedules
}

func open() room { return room{consoletest.SomeDays(""), consoletest.SomeSchedules()} }

func (o room) do(t *testing.T, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := calendar.New(calendar.Config{Shell: shell, Days: o.days, Schedules: o.schedules, Now: consoletest.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func (o room) get(t *testing.T, path, lang string) pagetest.Page {
	t.Helper()
	p := o.do(t, authz.SystemManager, pagetest.Get(path, lang))
	p.Sound(t)
	return p
}

// R43-2: holidays, the city's own days and the hours of each schedule are in sight.
func TestThePagesAreSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{
			"year": "/calendar", "day": "/calendar?year=2026&day=2026-09-25", "schedule": "/schedules/weekdays?month=2026-09&done=changed", "new": "/schedules/new",
		} {
			p := open().get(t, path, lang)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R43-2: holidays have their names, with those in the place of Sundays and between others; the city's own stand beside them.
func TestAYearNamesItsHolidays(t *testing.T) {
	p := open().get(t, "/calendar?year=2026", "ja")
	months := p.Find("section.month")
	if len(months) != 12 {
		t.Fatalf("%d months", len(months))
	}
	for month, want := range map[int]string{
		1: "1日 元日 2–3日 年末年始 12日 成人の日", 5: "3日 憲法記念日 4日 みどりの日 5日 こどもの日 6日 振替休日",
		9: "21日 敬老の日 22日 国民の休日 23日 窓口開庁（開庁） 25日 電気設備点検（閉庁）", 12: "29–31日 年末年始", 6: "29 30",
	} {
		if got := pagetest.Text(months[month-1]); !strings.HasSuffix(got, want) {
			t.Errorf("month %d: %q, want %q at its end", month, got, want)
		}
	}
	p.Has(t, "td[aria-current]", "18")
	p.Has(t, ".note-line", "2028年3月31日")
	for path, year := range map[string]string{"/calendar": "2026年", "/calendar?year=2027": "2027年", "/calendar?year=1900": "2026年", "/calendar?year=x": "2026年"} {
		open().get(t, path, "ja").Has(t, ".turn b", year)
	}
	open().get(t, "/calendar?year=2099", "ja").Count(t, ".turn a", 1)
	open().get(t, "/calendar?year=2016", "ja").Count(t, ".turn a", 1)
	nothing := open()
	nothing.days.Until = ""
	nothing.get(t, "/calendar", "ja").Has(t, ".note-line", "まだ祝休日を知りません")
}

// R14-1: a day that waits for a second person leads to its request.
func TestADayOfTheCitysOwnIsPutAndTakenBack(t *testing.T) {
	form := url.Values{"date": {"2026-12-28"}, "kind": {"closed"}, "name": {"点検"}, "reason": {"法定の点検"}}.Encode()
	for path, want := range map[string]string{"/calendar/days": "/calendar?year=2026&done=put", "/calendar/days/remove": "/calendar?year=2026&done=removed"} {
		o := open()
		p := o.do(t, authz.SystemManager, pagetest.Post(path, form))
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != want || o.days.Last.Date != "2026-12-28" || o.days.Reason != "法定の点検" {
			t.Errorf("%s: %d to %q: %+v", path, p.Status, p.Header.Get("Location"), o.days.Last)
		}
		open().get(t, want, "ja").Count(t, ".notice.good", 1)
	}
	waits := open()
	waits.days.Fail = approval.Wait(&approval.Request{ID: "A-1"}, nil)
	for _, path := range []string{"/calendar/days", "/calendar/days/remove"} {
		if p := waits.do(t, authz.SystemManager, pagetest.Post(path, form)); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/approvals/A-1?asked" {
			t.Errorf("%s: what waits leads to %q with %d", path, p.Header.Get("Location"), p.Status)
		}
	}
	o := open()
	o.days.Fail = fault.BadField("date", "calendar.holiday", "a holiday")
	p := o.do(t, authz.SystemManager, pagetest.Post("/calendar/days", form))
	p.Sound(t)
	p.Has(t, "[role=alert]", "もともと祝休日です")
	p.Count(t, "#f-date[aria-invalid]", 1)
	if got := pagetest.Attr(p.Find("#f-name")[0], "value"); got != "点検" || p.Status != http.StatusUnprocessableEntity {
		t.Errorf("%d, name %q", p.Status, got)
	}
	p = open().get(t, "/calendar?year=2026&day=2026-09-25", "ja")
	p.Count(t, "button[formaction=/calendar/days/remove]", 1)
	if got := pagetest.Attr(p.Find("#f-name")[0], "value"); got != "電気設備点検" {
		t.Errorf("name %q", got)
	}
	open().get(t, "/calendar?year=2026&day=2026-09-24", "ja").Count(t, "button[formaction=/calendar/days/remove]", 0)
}

// R43-2: when a schedule opens is shown as a door works it out: holidays, special days, and nights that run into the next day and month.
func TestTheHoursOfEveryDayOfAMonth(t *testing.T) {
	o := open()
	p := o.get(t, "/schedules/weekdays?month=2026-09", "ja")
	days := map[string]string{}
	for _, cell := range p.Find("table.hours td") {
		number, rest, _ := strings.Cut(pagetest.Text(cell), " ")
		days[number] = rest
	}
	for day, want := range map[string]string{
		"18": "8:30–17:15", "19": "閉", "20": "特別な日 8:30–12:00", "21": "敬老の日 9:00–12:00", "22": "国民の休日 9:00–12:00", "23": "窓口開庁 8:30–17:15",
		"25": "電気設備点検 9:00–12:00", "30": "特別な日 閉",
	} {
		if days[day] != want {
			t.Errorf("%s September: %q, want %q", day, days[day], want)
		}
	}
	p.Count(t, "[role=note]", 0)
	night := o.get(t, "/schedules/night?month=2026-11", "ja") // Saturday 31 October, 22:00 to 6:00
	if got := pagetest.Text(night.Find("table.hours td")[6]); got != "1 0:00–6:00" {
		t.Errorf("1 November: %q", got)
	}
	o.get(t, "/schedules/weekdays?month=2028-04", "ja").Has(t, "[role=note]", "2028年3月31日")
	o.get(t, "/schedules/night?month=2028-04", "ja").Count(t, "[role=note]", 0) // looks at no holidays
	for path, month := range map[string]string{"": "2026年9月", "?month=x": "2026年9月", "?month=1999-01": "2026年9月", "?month=2026-12": "2026年12月"} {
		o.get(t, "/schedules/weekdays"+path, "ja").Has(t, ".turn b", month)
	}
	o.get(t, "/schedules/weekdays?month=2016-01", "ja").Count(t, ".turn a", 1)
	if p := o.do(t, authz.SystemManager, pagetest.Get("/schedules/tea", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("an unknown schedule: %d", p.Status)
	}
}

func values(pairs ...string) url.Values {
	v := url.Values{"name": {"窓口"}, "reason": {"延長"}, "id": {"desk"}, "holidays": {"1"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func TestAScheduleIsEnteredAndChangedAsTyped(t *testing.T) {
	typed := values("day1", "8:30-12:00、１３：００〜17:15", "day5", "22:00-30:00", "day7", "0:00-24:00", "special", "2027/3/28 9:00-12:00\r\n\n2027年5月10日\n2027-05-11 閉")
	want := area.Schedule{
		ID: "desk", Name: "窓口", Holidays: true,
		Windows: []access.Window{{Day: 1, From: 510, Until: 720}, {Day: 1, From: 780, Until: 1035}, {Day: 5, From: 1320, Until: 360}, {Day: 7, Until: 1440}},
		Special: []access.SpecialDay{{Date: "2027-03-28", Windows: []access.Span{{From: 540, Until: 720}}}, {Date: "2027-05-10"}, {Date: "2027-05-11"}},
	}
	o := open()
	p := o.do(t, authz.SystemManager, pagetest.Post("/schedules", typed.Encode()))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/schedules/desk?done=added" || !reflect.DeepEqual(o.schedules.Last, want) {
		t.Errorf("%d to %q: %+v", p.Status, p.Header.Get("Location"), o.schedules.Last)
	}
	p = o.do(t, authz.SystemManager, pagetest.Post("/schedules/weekdays", typed.Encode()))
	want.ID = "weekdays" // whatever the form says
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/schedules/weekdays?done=changed" || !reflect.DeepEqual(o.schedules.Last, want) || o.schedules.Reason != "延長" {
		t.Errorf("%d to %q: %+v", p.Status, p.Header.Get("Location"), o.schedules.Last)
	}
}

func TestWhatCannotBeReadIsShownAtItsPlace(t *testing.T) {
	for name, x := range map[string]struct {
		path  string
		form  url.Values
		fail  error
		field string
	}{
		"no hours":                {"/schedules/weekdays", values("day2", "朝から"), nil, "day2"},
		"minute 60":               {"/schedules/weekdays", values("day2", "8:60-9:00"), nil, "day2"},
		"25 hours":                {"/schedules/weekdays", values("day2", "8:00-33:00"), nil, "day2"},
		"from 24:00":              {"/schedules/weekdays", values("day0", "24:00-25:00"), nil, "day0"},
		"a bad line":              {"/schedules/weekdays", values("special", "来週 9:00-12:00"), nil, "special"},
		"bad hours in a line":     {"/schedules/weekdays", values("special", "2027-03-28 9-12"), nil, "special"},
		"no reason":               {"/schedules/weekdays", values("reason", ""), nil, "reason"},
		"no name":                 {"/schedules", values("name", ""), nil, "name"},
		"an id in use":            {"/schedules", values(), fault.New(fault.Conflict, "area.id_taken", "taken"), "id"},
		"holidays not told apart": {"/schedules", values("day7", "9:00-12:00"), fault.BadField("windows", "area.holiday_window", "x"), "day7"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open()
			o.schedules.Fail = x.fail
			p := o.do(t, authz.SystemManager, pagetest.Post(x.path, x.form.Encode()))
			p.Sound(t)
			p.Count(t, "#f-"+x.field+"[aria-invalid]", 1)
			p.Count(t, "#e-"+x.field, 1)
			for field, typed := range x.form {
				if inputs := p.Find("#f-" + field); len(inputs) == 1 && inputs[0].Data == "input" && pagetest.Attr(inputs[0], "value") != typed[0] {
					t.Errorf("%s: typed %q, shown %q", field, typed[0], pagetest.Attr(inputs[0], "value"))
				}
			}
		})
	}
}

func TestOnlyWhoMayWriteIsOfferedForms(t *testing.T) {
	for _, path := range []string{"/calendar", "/schedules/weekdays"} {
		p := open().do(t, authz.Guard, pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Count(t, "main form", 0)
		p.Count(t, "main a[href=/schedules/new]", 0)
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	o := room{consoletest.SomeDays(pagetest.Hostile), consoletest.SomeSchedules()}
	o.schedules.All[0].Name = pagetest.Hostile
	for path, n := range map[string]int{"/calendar?year=2026&day=2026-09-25": 6, "/schedules/weekdays?month=2026-09": 4} {
		p := o.get(t, path, "ja")
		p.Harmless(t, n)
	}
	p := o.do(t, authz.SystemManager, pagetest.Post("/schedules/weekdays", values("special", pagetest.Hostile, "day1", pagetest.Hostile).Encode()))
	p.Sound(t)
	p.Harmless(t, 3)
}
