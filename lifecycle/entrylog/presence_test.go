package entrylog_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
)

func present(t *testing.T, city *lifecycletest.City, area string) entrylog.Presence {
	t.Helper()
	p, err := city.Entries.Present(t.Context(), lifecycletest.Guard, area)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func areaOf(t *testing.T, city *lifecycletest.City, area string) entrylog.PresentArea {
	t.Helper()
	return present(t, city, area).Areas[0]
}

// inside says in words who is inside.
func inside(t *testing.T, city *lifecycletest.City) string {
	t.Helper()
	var lines []string
	for _, a := range present(t, city, "").Areas {
		for _, p := range a.People {
			how := []string{string(p.Evidence)}
			if p.GrantOnly {
				how = append(how, "grant only")
			}
			if p.ExitUnknown {
				how = append(how, "exit unknown")
			}
			for _, n := range p.Also {
				how = append(how, "also "+n.ID+" "+n.Name)
			}
			lines = append(lines, fmt.Sprintf("%s in %s since %v (%s)", p.Person, a.ID, p.Since.Sub(nine), strings.Join(how, ", ")))
		}
	}
	return strings.Join(lines, "; ")
}

// through is a passage with its opening.
func through(person, area string, dir access.Direction, after time.Duration) []event.Event {
	grant := passage(person, area, dir, after)
	opening := grant
	opening.Kind, opening.Reason, opening.At = event.DoorOpened, "", grant.At.Add(time.Second)
	return []event.Event{grant, opening}
}

// R43-2, R76-1: in two areas at once is flagged where both are measured; the archive has no reader on the way out.
func TestPresenceFollowsTheLastPassage(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		city.Clock.Pass(2 * time.Hour)
		add(t, city, "ctl-1", slices.Concat(
			through("1001", "server-room", access.In, 0),
			through("1001", "server-room", access.Out, time.Minute),
			through("1001", "server-room", access.In, 2*time.Minute),
			through("1003", "server-room", access.In, 3*time.Minute),
			through("1003", "server-room", access.Out, 4*time.Minute),
			[]event.Event{passage("1002", "archive", access.In, 5*time.Minute)})...)
		// A backlog arrives late: it is older than what is known.
		add(t, city, "ctl-2", append(through("1001", "server-room", access.Out, time.Minute), event.Event{
			At: nine.Add(time.Hour), Kind: event.AccessDenied, Area: "server-room", Person: "1002", Direction: access.In, Reason: access.NoRight,
		})...)
		want := "1002 in archive since 5m0s (entry_only, grant only); 1001 in server-room since 2m0s (both)"
		if got := inside(t, city); got != want {
			t.Fatalf("inside: %s\n  want: %s", got, want)
		}
		room := areaOf(t, city, "server-room")
		if p := room.People[0]; p.PersonName != "佐藤 花子" || p.DoorName != "電算室 正面" || room.Name != "電子計算機室" || !room.BothWays || room.Inside() != 1 {
			t.Errorf("area %+v", room)
		}
		_, err := city.Entries.Present(t.Context(), lifecycletest.Guard, "nowhere")
		lifecycletest.WantFault(t, err, fault.NotFound, "area.unknown_area")
	})
}

func TestWhoDoesNotOpenTheDoorIsWhereTheyWere(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		city.Clock.Pass(10 * time.Minute)
		add(t, city, "ctl-1", through("1001", "server-room", access.In, 0)...)
		out := passage("1001", "server-room", access.Out, 10*time.Minute)
		add(t, city, "ctl-1", out)
		if got, want := inside(t, city), "1001 in server-room since 0s (both)"; got != want {
			t.Fatalf("before the door opens: %s, want %s", got, want)
		}
		city.Clock.Pass(time.Minute)
		if got := inside(t, city); got != "" {
			t.Fatalf("a minute later: %s, want nobody", got)
		}
		out.Kind, out.At = event.NotEntered, out.At.Add(6*time.Second)
		add(t, city, "ctl-1", out)
		if got, want := inside(t, city), "1001 in server-room since 0s (both)"; got != want {
			t.Fatalf("never opened: %s, want %s", got, want)
		}
	})
}

// A controller whose clock is years ahead must not decide for years who is inside.
func TestAPassageFromTheFutureDoesNotHideTheNextOne(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		add(t, city, "ctl-1", through("1001", "server-room", access.In, 10*365*24*time.Hour)...)
		city.Clock.Pass(time.Hour)
		add(t, city, "ctl-2", through("1001", "server-room", access.Out, 30*time.Minute)...)
		if got := inside(t, city); got != "" {
			t.Fatalf("inside: %s, want nobody", got)
		}
	})
}

// An area without readers on the way out does not say who has left.
func TestAfterTheDayAnEntryWithoutAMeasuredExitMeansNoMore(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		add(t, city, "ctl-1", slices.Concat(through("1001", "archive", access.In, 0), through("1001", "server-room", access.In, 0))...)
		city.Clock.Pass(14 * time.Hour)
		want := "1001 in archive since 0s (entry_only, exit unknown); 1001 in server-room since 0s (both)"
		if got := inside(t, city); got != want || areaOf(t, city, "archive").Inside() != 0 {
			t.Fatalf("inside: %s, want %s", got, want)
		}
		city.Entries.Lasting(15 * time.Hour)
		if got := areaOf(t, city, "archive"); got.Inside() != 1 {
			t.Errorf("with 15 hours: %+v", got)
		}
	})
}

func TestPlacesAreResetAndMarkedDoubtful(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		city.Clock.Pass(time.Hour)
		add(t, city, "ctl-1", slices.Concat(
			through("1001", "server-room", access.In, 0), through("1002", "server-room", access.In, 0), through("1003", "archive", access.In, 0),
			[]event.Event{
				{At: nine.Add(time.Minute), Kind: event.PlacesReset, Person: "1001", Area: "server-room"},
				{At: nine.Add(time.Minute), Kind: event.PlacesDoubtful, Area: "server-room"},
			})...)
		if got, want := inside(t, city), "1003 in archive since 0s (entry_only); 1002 in server-room since 0s (doubtful)"; got != want {
			t.Fatalf("inside: %s, want %s", got, want)
		}
		add(t, city, "ctl-2", event.Event{At: nine.Add(2 * time.Minute), Kind: event.PlacesReset})
		if got, want := inside(t, city), "1002 in server-room since 0s (doubtful)"; got != want {
			t.Fatalf("after the reset of ctl-2, which has a door to the archive: %s, want %s", got, want)
		}
	})
}

// The list says up to when it is complete, and because of whom not further.
func TestAnAreaIsKnownUpToWhatItsControllersHaveTold(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		say := func(controller string, n uint64, online bool, last uint64, after time.Duration) {
			t.Helper()
			_, err := city.Device.RecordStatus(t.Context(), controller, device.Status{Online: online, Start: 1, N: n, Epoch: 1, LastSeq: last}, nine.Add(after))
			if err != nil {
				t.Fatal(err)
			}
		}
		sources := func(area string) string {
			t.Helper()
			p := present(t, city, area)
			var lines []string
			for _, s := range p.Areas[0].Sources {
				known := "never"
				if !s.KnownTo.IsZero() {
					known = s.KnownTo.Sub(nine).String()
				}
				lines = append(lines, fmt.Sprintf("%s %s behind %v", s.Controller, known, s.Behind(p.At)))
			}
			return strings.Join(lines, "; ")
		}
		if got, want := sources("archive"), "ctl-1 never behind true; ctl-2 never behind true"; got != want {
			t.Errorf("at first %s, want %s", got, want)
		}
		city.Clock.Pass(10 * time.Minute)
		add(t, city, "ctl-1", through("1001", "archive", access.In, 2*time.Minute)...) // received at 10 minutes
		say("ctl-1", 1, true, 2, 9*time.Minute)
		say("ctl-2", 1, true, 0, 9*time.Minute)
		if got, want := sources("archive"), "ctl-1 10m0s behind false; ctl-2 9m0s behind false"; got != want || !areaOf(t, city, "archive").KnownTo().Equal(nine.Add(9*time.Minute)) {
			t.Errorf("all told: %s, want %s", got, want)
		}
		city.Clock.Pass(5 * time.Minute)
		say("ctl-1", 2, true, 500, 15*time.Minute)               // a backlog
		say("ctl-2", 2, false, 0, 14*time.Minute)                // the broker has lost it
		want := "ctl-1 2m1s behind true; ctl-2 9m0s behind true" // an end says nothing of what was seen until then
		if got := sources("archive"); got != want {
			t.Errorf("a backlog, and offline: %s, want %s", got, want)
		}
		if got, want := sources("server-room"), "ctl-1 2m1s behind true"; got != want {
			t.Errorf("another area: %s, want %s", got, want)
		}
	})
}

// R43-2: what a guard sees counts besides what the doors measure; the later counts.
func TestAGuardEntersByHandWhoIsInside(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, guard := t.Context(), lifecycletest.Guard
		add(t, city, "ctl-1", through("1001", "server-room", access.In, 0)...)
		city.Clock.Pass(10 * time.Minute)
		if err := city.Entries.EnterByHand(ctx, guard, "1003", "server-room", "カード忘れ、立会い確認"); err != nil {
			t.Fatal(err)
		}
		if err := city.Entries.LeaveByHand(ctx, guard, "1001", "server-room", "非常口から退室"); err != nil {
			t.Fatal(err)
		}
		if got, want := inside(t, city), "1003 in server-room since 10m0s (hand)"; got != want {
			t.Fatalf("inside: %s, want %s", got, want)
		}
		city.Clock.Pass(10 * time.Minute)
		add(t, city, "ctl-1", slices.Concat(through("1003", "server-room", access.Out, 12*time.Minute), through("1001", "server-room", access.In, 13*time.Minute))...)
		if got, want := inside(t, city), "1001 in server-room since 13m0s (both)"; got != want {
			t.Fatalf("after the doors have spoken: %s, want %s", got, want)
		}
		for _, tt := range []struct {
			err  error
			kind fault.Kind
			code string
		}{
			{city.Entries.EnterByHand(ctx, lifecycletest.Nobody, "1001", "archive", "x"), fault.Denied, "auth.denied"},
			{city.Entries.EnterByHand(ctx, guard, "9999", "archive", "x"), fault.NotFound, "staff.unknown"},
			{city.Entries.EnterByHand(ctx, guard, "1001", "nowhere", "x"), fault.NotFound, "area.unknown_area"},
			{city.Entries.EnterByHand(ctx, guard, "1001", "archive", " "), fault.Invalid, "field.required"},
			{city.Entries.LeaveByHand(ctx, guard, "1003", "server-room", "x"), fault.Conflict, "presence.not_inside"},
		} {
			lifecycletest.WantFault(t, tt.err, tt.kind, tt.code)
		}
		if report, err := city.Store.Verify(ctx); err != nil || !report.OK() {
			t.Errorf("verify: %+v, %v", report, err)
		}
	})
}

// anyBatch draws the next events of a controller.
func anyBatch(t *rapid.T, after time.Duration) []event.Event {
	kinds := []event.Kind{
		event.AccessGranted, event.AccessGranted, event.AccessGranted, event.DoorOpened, event.DoorClosed, event.NotEntered, event.ClockStepped,
		event.PlacesReset, event.PlacesDoubtful, event.AccessDenied,
	}
	var events []event.Event
	for range rapid.IntRange(1, 8).Draw(t, "events") {
		after += time.Duration(rapid.SampledFrom([]int{0, 1, 20, 61, -3000, 90_000}).Draw(t, "pause")) * time.Second
		e := passage(rapid.SampledFrom([]string{"1001", "1002", "", "\x00"}).Draw(t, "person"), rapid.SampledFrom([]string{"server-room", "archive"}).Draw(t, "area"),
			rapid.SampledFrom([]access.Direction{access.In, access.Out}).Draw(t, "way"), after)
		e.Kind, e.Reason = rapid.SampledFrom(kinds).Draw(t, "kind"), ""
		events = append(events, e)
	}
	return events
}

// tables is everything that presence is made of, as text.
func tables(t *testing.T, city *lifecycletest.City) string {
	t.Helper()
	var all []string
	err := city.Store.Read(t.Context(), func(q store.Queryer) error {
		for _, table := range []string{
			`SELECT * FROM presence ORDER BY person, area`, `SELECT * FROM presence_waiting ORDER BY controller`,
			`SELECT * FROM presence_mark ORDER BY controller, person, area, doubt`,
		} {
			err := q.Query(t.Context(), func(c store.Cursor) error {
				row, err := c.SliceScan()
				all = append(all, fmt.Sprint(row...))
				return err
			}, table)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// What was made event by event is what is made again from the whole log.
func TestPresenceMadeAgainIsTheSame(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		n := int64(0)
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 3).Draw(rt, "batches") {
				city.Clock.Pass(time.Minute)
				batch := anyBatch(rt, city.Clock.Now().Sub(nine))
				n += int64(len(batch))
				add(t, city, rapid.SampledFrom([]string{"ctl-1", "ctl-2"}).Draw(rt, "controller"), batch...)
			}
			before := tables(t, city)
			if read, err := city.Entries.Rebuild(t.Context()); err != nil || read != n {
				rt.Fatalf("%d of %d events, %v", read, n, err)
			}
			if after := tables(t, city); after != before {
				rt.Fatalf("event by event\n%s\nagain\n%s", before, after)
			}
		})
	})
}

func TestPresenceMadeByOlderRulesIsMadeAgainOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		add(t, city, "ctl-1", through("1001", "server-room", access.In, 0)...)
		alter := func(statement string) {
			t.Helper()
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), statement)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range []struct{ before, want string }{
			{`DELETE FROM presence`, "1001 in server-room since 0s (both)"},
			{`DELETE FROM presence`, ""}, // by the same rules: it is believed
			{`UPDATE presence_rules SET rules = 0`, "1001 in server-room since 0s (both)"},
		} {
			alter(x.before)
			if err := city.Entries.Ready(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			if got := inside(t, city); got != x.want {
				t.Errorf("after %s, inside: %s, want %s", x.before, got, x.want)
			}
		}
	})
}
