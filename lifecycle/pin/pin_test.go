package pin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

var securityManager = store.Actor{Kind: store.ActorAccount, ID: "head", Roles: []authz.Role{authz.SecurityManager}}

func own(person string) pin.Order {
	return pin.Order{Person: person, Reason: "新規", After: pin.NotAsked}
}

func alone(person, area string) pin.Order {
	return pin.Order{Person: person, Area: area, Reason: "新規", After: pin.NotAsked}
}

func set(tb testing.TB, city *lifecycletest.City, o pin.Order) pin.Issued {
	tb.Helper()
	made, err := city.PIN.Set(tb.Context(), lifecycletest.Manager, o)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

func code(tb testing.TB, digits string) credential.Code {
	tb.Helper()
	c, err := credential.NewCode(digits)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// found gives each database a city with its people.
func found(t *testing.T, fn func(t *testing.T, city *lifecycletest.City)) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		fn(t, city)
	})
}

// R44-1, R44-3: a PIN is drawn, shown to who had it drawn, and known afterwards by who, when and until when only.
func TestAPINIsDrawnShownOnceAndKnownByItsAge(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		o := own("1001")
		o.Duress = true
		made := set(t, city, o)
		now := city.Clock.Now()
		want := pin.PIN{
			ID: "1001", Person: "1001", PersonName: "佐藤 花子", State: pin.Set, Duress: true, SetAt: now, Expires: now.AddDate(0, 0, 180), Version: 1,
		}
		if made.PIN != want || made.Code.Len() != 4 || made.Duress.Len() != 4 || made.Code.Reveal() == made.Duress.Reveal() {
			t.Fatalf("%+v, want %+v", made.PIN, want)
		}
		pins, err := city.PIN.Of(t.Context(), securityManager, "1001")
		if err != nil || len(pins) != 1 || pins[0] != want {
			t.Fatalf("Of = %+v, %v", pins, err)
		}
		made = set(t, city, alone("1001", "archive"))
		want = pin.PIN{
			ID: "1001/archive", Person: "1001", PersonName: "佐藤 花子", Area: "archive", AreaName: "書庫", State: pin.Set, Digits: 4,
			SetAt: now, Expires: now.AddDate(0, 0, 180), Version: 1,
		}
		if made.PIN != want || made.Code.Len() != 4 || made.Duress.Len() != 0 {
			t.Fatalf("%+v, want %+v", made.PIN, want)
		}
	})
}

// R44-3: the evidence. Who, when, why, until when; nothing of the PIN.
func TestTheRotationLogHasEveryVersion(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx, began := t.Context(), city.Clock.Now()
		set(t, city, own("1001"))
		set(t, city, alone("1002", "archive"))
		city.Clock.Pass(90 * 24 * time.Hour)
		o := alone("1001", "archive")
		o.Duress, o.Reason = true, "定期変更"
		set(t, city, o)
		city.Clock.Pass(time.Hour)
		if _, err := city.PIN.Withdraw(ctx, securityManager, "1001", "", "漏れた"); err != nil {
			t.Fatal(err)
		}
		log, err := city.PIN.Log(ctx, securityManager, "1001")
		second := began.AddDate(0, 0, 90)
		want := []pin.Entry{
			{
				At: second.Add(time.Hour), Actor: "account:head", Reason: "漏れた", State: pin.Withdrawn,
				SetAt: began, Expires: began.AddDate(0, 0, 180), Version: 2,
			},
			{
				At: second, Actor: "account:manager", Reason: "定期変更", Area: "archive", AreaName: "書庫", State: pin.Set, Duress: true,
				SetAt: second, Expires: second.AddDate(0, 0, 180), Version: 1,
			},
			{At: began, Actor: "account:manager", Reason: "新規", State: pin.Set, SetAt: began, Expires: began.AddDate(0, 0, 180), Version: 1},
		}
		if err != nil || fmt.Sprint(log) != fmt.Sprint(want) {
			t.Fatalf("Log =\n%+v, %v, want\n%+v", log, err, want)
		}
	})
}

// Nobody who reads the database, or the log of the program, finds a PIN in it.
func TestThePINIsNowhere(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		o := own("1001")
		o.Chosen, o.ChosenDuress = code(t, "86420975"), code(t, "97531086")
		made := set(t, city, o)
		if made.Code.Len() != 0 || made.Duress.Len() != 0 {
			t.Error("a chosen PIN is repeated")
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "order", o, "made", made)
		text := fmt.Sprintf("%v %+v %#v %v %+v", o, o, o, made, made) + log.String()
		err := city.Store.Read(t.Context(), func(q store.Queryer) error {
			for _, table := range []string{"pin", "pin_version", "pin_code"} {
				err := q.Query(t.Context(), func(row store.Cursor) error {
					values, err := row.SliceScan()
					text += fmt.Sprintf(" %s", values)
					return err
				}, `SELECT * FROM `+table)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || strings.Contains(text, "86420975") || strings.Contains(text, "97531086") {
			t.Fatalf("%v: found in %s", err, text)
		}
	})
}

// What the doors compare is made of what the register keeps: the hash in the scope of the person, or of the area.
func TestTheHashIsInTheScopeOfThePersonOrTheArea(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		mine, theirs := set(t, city, own("1001")), set(t, city, alone("1002", "archive"))
		key := lifecycletest.HashKey(t)
		for id, want := range map[string]access.Key{
			"1001":         mine.Code.Key(key, "person/1001"),
			"1002/archive": theirs.Code.Key(key, "area/archive"),
		} {
			var got []byte
			err := city.Store.Read(t.Context(), func(q store.Queryer) error {
				return q.Get(t.Context(), &got, `SELECT pin_key FROM pin_version WHERE id = ?`, id)
			})
			if err != nil || !bytes.Equal(got, want[:]) {
				t.Errorf("%s: %x, %v, want %x", id, got, err, want)
			}
		}
	})
}

func TestAnOrderIsChecked(t *testing.T) {
	const secret = "8642"
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		o := own("1001")
		o.Chosen = code(t, secret)
		set(t, city, o)
		for name, tt := range map[string]struct {
			change func(*pin.Order)
			kind   fault.Kind
			code   string
			field  string
		}{
			"no reason":                    {func(o *pin.Order) { o.Reason = " " }, fault.Invalid, "field.required", "reason"},
			"too few digits":               {func(o *pin.Order) { o.Digits = 3 }, fault.Invalid, "pin.digits", "digits"},
			"too many digits":              {func(o *pin.Order) { o.Digits = 9 }, fault.Invalid, "pin.digits", "digits"},
			"chosen for an area":           {func(o *pin.Order) { o.Area, o.Chosen = "archive", code(t, "4711") }, fault.Invalid, "pin.choose_own", "pin"},
			"chosen too short":             {func(o *pin.Order) { o.Chosen = code(t, "471") }, fault.Invalid, "pin.length", "pin"},
			"chosen too long":              {func(o *pin.Order) { o.Chosen = code(t, "471147114") }, fault.Invalid, "pin.length", "pin"},
			"trivial":                      {func(o *pin.Order) { o.Chosen = code(t, "1234") }, fault.Invalid, "pin.trivial", "pin"},
			"the person's number":          {func(o *pin.Order) { o.Chosen = code(t, "1001") }, fault.Invalid, "pin.trivial", "pin"},
			"trivial for threats":          {func(o *pin.Order) { o.Chosen, o.ChosenDuress = code(t, "4711"), code(t, "2222") }, fault.Invalid, "pin.trivial", "duress_pin"},
			"only one for threats":         {func(o *pin.Order) { o.ChosenDuress = code(t, "4711") }, fault.Invalid, "pin.length", "pin"},
			"the same for threats":         {func(o *pin.Order) { o.Chosen, o.ChosenDuress = code(t, "4711"), code(t, "4711") }, fault.Invalid, "pin.same", "duress_pin"},
			"the one before":               {func(o *pin.Order) { o.Chosen = code(t, secret) }, fault.Conflict, "pin.used_before", "pin"},
			"the one before, under threat": {func(o *pin.Order) { o.Chosen, o.ChosenDuress = code(t, "4711"), code(t, secret) }, fault.Conflict, "pin.used_before", "duress_pin"},
			"nobody":                       {func(o *pin.Order) { o.Person = "9999" }, fault.NotFound, "staff.unknown", ""},
			"nowhere":                      {func(o *pin.Order) { o.Area = "moon" }, fault.NotFound, "area.unknown_area", ""},
			"somebody was faster":          {func(o *pin.Order) { o.After = 0 }, fault.Conflict, "pin.moved", ""},
		} {
			o := own("1001")
			tt.change(&o)
			_, err := city.PIN.Set(ctx, lifecycletest.Manager, o)
			if fault.KindOf(err) != tt.kind || fault.CodeOf(err) != tt.code {
				t.Errorf("%s: %v (%s)", name, err, fault.CodeOf(err))
			}
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Field != tt.field {
				t.Errorf("%s: names %+v, want %q", name, e, tt.field)
			}
			if strings.Contains(fmt.Sprint(err), secret) {
				t.Errorf("%s: the error shows the PIN: %v", name, err)
			}
		}
		if log, err := city.PIN.Log(ctx, lifecycletest.Manager, "1001"); err != nil || len(log) != 1 {
			t.Errorf("what was refused left %+v, %v", log, err)
		}
		o.Person = "1002" // the same digits of another person are no news to anybody
		set(t, city, o)
	})
}

func TestWhoLacksTheRightNeitherSetsNorReads(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		set(t, city, own("1001"))
		_, err := city.PIN.Set(ctx, lifecycletest.Guard, own("1001"))
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.PIN.Withdraw(ctx, lifecycletest.Guard, "1001", "", "漏れた")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.PIN.Of(ctx, lifecycletest.Guard, "1001")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.PIN.Log(ctx, lifecycletest.Guard, "1001")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.PIN.Attention(ctx, lifecycletest.Guard, "", 0)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}

// The order that a form sends twice, as when its answer is loaded again, sets one PIN.
func TestTheSameOrderSetsOnePIN(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		for after := range int64(2) {
			o := own("1001")
			o.After = after
			set(t, city, o)
			_, err := city.PIN.Set(t.Context(), lifecycletest.Manager, o)
			lifecycletest.WantFault(t, err, fault.Conflict, "pin.moved")
		}
	})
}

func wanted(tb testing.TB, city *lifecycletest.City) string {
	tb.Helper()
	var n [2]uint64
	for i, name := range []string{"ctl-1", "ctl-2"} {
		c, err := city.Device.Controller(tb.Context(), lifecycletest.Guard, name)
		if err != nil {
			tb.Fatal(err)
		}
		n[i] = c.Wanted.N
	}
	return fmt.Sprint(n[0], " ", n[1])
}

// R44-3: what leaked ends in the transaction that says so, and every controller concerned is told.
func TestAPINThatLeakedEndsAtOnceAndEveryControllerIsTold(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		var a, b uint64
		_, _ = fmt.Sscan(wanted(t, city), &a, &b)
		for i, step := range []struct {
			do           func() error
			first, other uint64 // how far the wanted versions rise
		}{
			{func() error { set(t, city, own("1001")); return nil }, 1, 1},
			{func() error { set(t, city, alone("1001", "server-room")); return nil }, 1, 0}, // its doors hang on ctl-1 alone
			{func() error { set(t, city, alone("1001", "archive")); return nil }, 1, 1},
			{func() error {
				_, err := city.PIN.Withdraw(ctx, securityManager, "1001", "server-room", "漏れた")
				return err
			}, 1, 0},
			{func() error { _, err := city.PIN.Withdraw(ctx, securityManager, "1001", "", "漏れた"); return err }, 1, 1},
		} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			a, b = a+step.first, b+step.other
			if got := wanted(t, city); got != fmt.Sprint(a, " ", b) {
				t.Errorf("step %d: wanted %s, want %d %d", i, got, a, b)
			}
		}
		_, err := city.PIN.Withdraw(ctx, securityManager, "1001", "", "漏れた")
		lifecycletest.WantFault(t, err, fault.Conflict, "pin.withdrawn")
		_, err = city.PIN.Withdraw(ctx, securityManager, "1002", "", "漏れた")
		lifecycletest.WantFault(t, err, fault.NotFound, "pin.unknown")
		_, err = city.PIN.Withdraw(ctx, securityManager, "1001", "archive", "")
		lifecycletest.WantFault(t, err, fault.Invalid, "field.required")
		pins, err := city.PIN.Of(ctx, securityManager, "1001")
		if err != nil || len(pins) != 3 || pins[0].State != pin.Withdrawn || pins[1].State != pin.Set || pins[2].State != pin.Withdrawn {
			t.Errorf("%+v, %v", pins, err)
		}
		set(t, city, own("1001")) // and another one takes its place
		report, err := city.Store.Verify(ctx)
		if err != nil || !report.OK() {
			t.Errorf("Verify = %+v, %v", report.Findings, err)
		}
	})
}

// A PIN ends with its person, and does not come back with them.
func TestAPINEndsWithItsPerson(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		leave := city.Clock.Now().Add(48 * time.Hour)
		for _, o := range []pin.Order{own("1001"), alone("1001", "archive"), own("1002")} {
			set(t, city, o)
		}
		if _, err := city.Staff.Change(ctx, lifecycletest.Manager, "1001", "退職", staff.Details{Name: "佐藤 花子", Period: period.Period{Until: leave}}); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			pass time.Duration
			want int
		}{{47 * time.Hour, 0}, {time.Hour, 2}, {time.Hour, 0}} {
			city.Clock.Pass(step.pass)
			if ended, err := city.PIN.EndWithPeople(ctx); err != nil || ended != step.want {
				t.Fatalf("ended %d, %v, want %d", ended, err, step.want)
			}
		}
		pins, err := city.PIN.Of(ctx, securityManager, "1001")
		if err != nil || len(pins) != 2 || pins[0].State != pin.Withdrawn || pins[1].State != pin.Withdrawn {
			t.Errorf("%+v, %v", pins, err)
		}
		_, err = city.PIN.Set(ctx, lifecycletest.Manager, own("1001"))
		lifecycletest.WantFault(t, err, fault.Conflict, "pin.person_over")
		log, err := city.PIN.Log(ctx, securityManager, "1001")
		if err != nil || log[0].Actor != "system:pins" {
			t.Errorf("%+v, %v", log, err)
		}
	})
}

// R44-3: holder and manager are warned 30, 14, 3 and 1 days before; at the limit itself the PIN is over.
func TestWarningsComeAtTheirDays(t *testing.T) {
	end := time.Date(2027, 9, 28, 3, 0, 0, 0, time.UTC)
	for before, want := range map[time.Duration]struct {
		days     int
		standing pin.Standing
	}{
		31 * 24 * time.Hour:   {0, pin.Good},
		30*24*time.Hour + 1:   {0, pin.Good},
		30 * 24 * time.Hour:   {30, pin.Ending},
		14*24*time.Hour + 1:   {30, pin.Ending},
		14 * 24 * time.Hour:   {14, pin.Ending},
		3 * 24 * time.Hour:    {3, pin.Ending},
		24 * time.Hour:        {1, pin.Ending},
		1:                     {1, pin.Ending},
		0:                     {0, pin.Expired},
		-400 * 24 * time.Hour: {0, pin.Expired},
	} {
		now := end.Add(-before)
		days, due := pin.Warning(end, now)
		if days != want.days || due != (want.days > 0) {
			t.Errorf("%v before: %d, %t, want %d", before, days, due, want.days)
		}
		if got := (pin.PIN{State: pin.Set, Expires: end}).Standing(now); got != want.standing {
			t.Errorf("%v before: %s, want %s", before, got, want.standing)
		}
		if got := (pin.PIN{State: pin.Withdrawn, Expires: end}).Standing(now); got != pin.Ended {
			t.Errorf("withdrawn: %s", got)
		}
	}
}

func attention(tb testing.TB, city *lifecycletest.City) string {
	tb.Helper()
	pins, err := city.PIN.Attention(tb.Context(), securityManager, "", 0)
	if err != nil {
		tb.Fatal(err)
	}
	var list []string
	for _, p := range pins {
		list = append(list, fmt.Sprint(p.ID, " ", p.Standing(city.Clock.Now()), " ", p.Short))
	}
	return strings.Join(list, ", ")
}

// R44-3: the manager's list of PINs to be renewed.
func TestOldAndShortPINsAreListed(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		day := 24 * time.Hour
		set(t, city, own("1001"))
		city.Clock.Pass(10 * day)
		set(t, city, alone("1002", "archive"))
		for _, step := range []struct {
			pass time.Duration
			want string
		}{
			{139 * day, ""},
			{1 * day, "1001 ending false"},
			{29 * day, "1001 ending false, 1002/archive ending false"},
			{1 * day, "1001 expired false, 1002/archive ending false"},
			{10 * day, "1001 expired false, 1002/archive expired false"},
		} {
			city.Clock.Pass(step.pass)
			if got := attention(t, city); got != step.want {
				t.Fatalf("%q, want %q", got, step.want)
			}
		}
		set(t, city, own("1001"))
		if _, err := city.PIN.Withdraw(t.Context(), securityManager, "1002", "archive", "退室"); err != nil {
			t.Fatal(err)
		}
		if got := attention(t, city); got != "" {
			t.Errorf("renewed and withdrawn: %q", got)
		}
	})
}

// R44-1: eleven codes are too many for four digits. Those who come then have five; who has four is listed, and goes on until their limit.
func TestShortPINsAreListedWhenThePopulationGrows(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		for i := range 6 {
			no := strconv.Itoa(2001 + i)
			if _, err := city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: no, Name: "名"}); err != nil {
				t.Fatal(err)
			}
			o := alone(no, "archive")
			o.Duress = i < 5
			want := 4
			if i == 5 { // the eleventh code
				want = 5
				o.Digits = 4
				_, err := city.PIN.Set(ctx, lifecycletest.Manager, o)
				lifecycletest.WantFault(t, err, fault.Invalid, "pin.short")
				o.Digits = 0
			}
			if made := set(t, city, o); made.Digits != want || made.Code.Len() != want || (o.Duress && made.Duress.Len() != want) {
				t.Fatalf("person %d: %+v", i, made.PIN)
			}
		}
		want := "2001/archive good true, 2002/archive good true, 2003/archive good true, 2004/archive good true, 2005/archive good true"
		if got := attention(t, city); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		pins, err := city.PIN.Attention(ctx, securityManager, "2002/archive", 2)
		if err != nil || len(pins) != 2 || pins[0].ID != "2003/archive" {
			t.Errorf("a page: %+v, %v", pins, err)
		}
		if made := set(t, city, alone("2001", "archive")); made.Digits != 4 { // one code fewer: ten
			t.Errorf("%+v", made.PIN)
		}
		if got := attention(t, city); got != "" {
			t.Errorf("with ten codes: %q", got)
		}
		if made := set(t, city, alone("1001", "server-room")); made.Digits != 4 {
			t.Errorf("another area: %+v", made.PIN)
		}
		o := alone("1002", "server-room")
		o.Digits = 8
		if made := set(t, city, o); made.Digits != 8 || made.Code.Len() != 8 {
			t.Errorf("more than needed: %+v", made.PIN)
		}
	})
}

// few draws out of a few PINs, so that many want the same.
func few(city *lifecycletest.City, tb testing.TB, n int) *pin.Register {
	var mu sync.Mutex
	next := 0
	return pin.New(city.Store, pin.Config{HashKey: lifecycletest.HashKey(tb), Draw: func(digits int) string {
		mu.Lock()
		defer mu.Unlock()
		next++
		return fmt.Sprintf("%0*d", digits, 4700+next/3%n) // each three times
	}})
}

// R44-1: where a PIN alone says who it is, no two people have the same, however many are set at once.
func TestNoTwoPeopleHaveOnePINInAnArea(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		register := few(city, t, 12)
		var codes sync.Map
		var group sync.WaitGroup
		fail := make(chan error, 100)
		for i := range 5 {
			no := strconv.Itoa(2001 + i)
			if _, err := city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: no, Name: "名"}); err != nil {
				t.Fatal(err)
			}
			group.Go(func() {
				o := alone(no, "archive")
				o.Duress = true
				made, err := register.Set(ctx, lifecycletest.Manager, o)
				if err != nil {
					fail <- err
					return
				}
				for _, c := range []credential.Code{made.Code, made.Duress} {
					if _, double := codes.LoadOrStore(c.Reveal(), no); double {
						fail <- fmt.Errorf("%s is drawn twice", c.Reveal())
					}
				}
			})
		}
		group.Wait()
		close(fail)
		for err := range fail {
			t.Error(err)
		}
	})
}

// What was a PIN in an area is none again, so that it runs out; then it is said so.
func TestWhatWasAPINComesToNobodyAgain(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		register := few(city, t, 12)
		seen := map[string]bool{}
		for range 12 {
			made, err := register.Set(t.Context(), lifecycletest.Manager, alone("1001", "archive"))
			if err != nil || seen[made.Code.Reveal()] {
				t.Fatalf("%v, or a second time", err)
			}
			seen[made.Code.Reveal()] = true
		}
		_, err := register.Set(t.Context(), lifecycletest.Manager, alone("1002", "archive"))
		lifecycletest.WantFault(t, err, fault.Conflict, "pin.no_room")
		if _, err := register.Set(t.Context(), lifecycletest.Manager, alone("1002", "server-room")); err != nil {
			t.Errorf("another area: %v", err)
		}
	})
}

// model is what the register should hold: lists, searched from front to back.
type model struct {
	pins map[string]pin.Issued // in force
	used map[string]bool       // scope and digits
}

func (m *model) codes(area, but string) (n int) {
	for id, p := range m.pins {
		if p.Area == area && id != but {
			n++
			if p.PIN.Duress {
				n++
			}
		}
	}
	return n
}

// enough is the shortest length, by counting zeros.
func enough(codes int) int {
	n := 4
	for _, most := range []int{10, 100, 1_000, 10_000} {
		if codes > most {
			n++
		}
	}
	return n
}

// R44-1: under any orders, a PIN that is taken alone is unique in its area and long enough for the area's population.
func TestAnyOrdersLeaveUniqueAndLongEnoughPINs(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx, people := t.Context(), []string{"1001", "1002", "1003"}
		for i := range 9 {
			no := strconv.Itoa(3001 + i)
			if _, err := city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: no, Name: "名"}); err != nil {
				t.Fatal(err)
			}
			people = append(people, no)
		}
		m := model{pins: map[string]pin.Issued{}, used: map[string]bool{}}
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				person, place := rapid.SampledFrom(people).Draw(rt, "person"), rapid.SampledFrom([]string{"", "archive", "archive", "server-room"}).Draw(rt, "area")
				id := strings.TrimSuffix(person+"/"+place, "/")
				if rapid.IntRange(0, 4).Draw(rt, "what") == 0 {
					_, err := city.PIN.Withdraw(ctx, securityManager, person, place, "不要")
					if _, there := m.pins[id]; there != (err == nil) {
						rt.Fatalf("withdraw %s: %v", id, err)
					}
					delete(m.pins, id)
					continue
				}
				o := alone(person, place)
				o.Duress = rapid.Bool().Draw(rt, "duress")
				made := set(t, city, o)
				more, scope := 1, "person "+person
				if o.Duress {
					more = 2
				}
				if place != "" {
					scope = "area " + place
					if want := enough(m.codes(place, id) + more); made.Digits != want || made.Code.Len() != want {
						rt.Fatalf("%s: %d digits, want %d", id, made.Digits, want)
					}
				}
				for _, c := range []credential.Code{made.Code, made.Duress}[:more] {
					if key := scope + " " + c.Reveal(); m.used[key] || pin.Trivial(c.Reveal()) || strings.Contains(person, c.Reveal()) {
						rt.Fatalf("%s: a PIN that was one, or is weak", id)
					} else {
						m.used[key] = true
					}
				}
				m.pins[id] = made
			}
			m.compare(rt, t, city)
		})
	})
}

// compare holds the list of short PINs against the model.
func (m *model) compare(rt *rapid.T, t *testing.T, city *lifecycletest.City) {
	pins, err := city.PIN.Attention(t.Context(), securityManager, "", 500)
	if err != nil {
		rt.Fatal(err)
	}
	listed := map[string]bool{}
	for _, p := range pins {
		listed[p.ID] = true
	}
	for id, p := range m.pins {
		if short := p.Area != "" && p.Digits < enough(m.codes(p.Area, "")); short != listed[id] {
			rt.Fatalf("%s of %d digits: short %t, listed %t", id, p.Digits, short, listed[id])
		}
		delete(listed, id)
	}
	if len(listed) > 0 {
		rt.Fatalf("listed and not there: %v", listed)
	}
}

// stopper ends a program at its first warning, which it keeps.
type stopper struct {
	slog.Handler
	stop func()
}

func (s stopper) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		s.stop()
	}
	return s.Handler.Handle(ctx, r)
}

// R44-3: the program ends PINs with their people by itself, and says how many are to be renewed.
func TestTheProgramEndsPINsAndReminds(t *testing.T) {
	found(t, func(t *testing.T, city *lifecycletest.City) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for _, no := range []string{"1001", "1002", "1003"} {
			set(t, city, own(no))
			city.Clock.Pass(10 * 24 * time.Hour)
		}
		_, err := city.Staff.Change(ctx, lifecycletest.Manager, "1003", "退職", staff.Details{Name: "高橋", Period: period.Period{Until: city.Clock.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		city.Clock.Pass(155 * 24 * time.Hour) // 1001: 185 days old, 1002: 175
		var log bytes.Buffer
		if err := city.PIN.Run(ctx, slog.New(stopper{slog.NewTextHandler(&log, nil), stop})); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); !strings.Contains(text, "pins=1") {
			t.Errorf("%s", text)
		}
	})
}
