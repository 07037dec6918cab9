package revocation_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// found is a city with its cards by label.
func found(t *testing.T, d *db.DB) (*lifecycletest.City, map[string]string) {
	t.Helper()
	city := lifecycletest.Open(t, d)
	city.Found(t)
	list, err := city.Card.List(t.Context(), lifecycletest.Guard, card.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, c := range list {
		ids[c.Label] = c.ID
	}
	return city, ids
}

// keyID is that of a controller's key.
func keyID(controller string) string {
	return wire.KeyID(lifecycletest.DeviceKey(controller).Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is
}

func revoke(t *testing.T, city *lifecycletest.City, id string) access.Version {
	t.Helper()
	_, v, err := city.Card.Revoke(t.Context(), lifecycletest.Manager, id, "紛失", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// says is a controller's word.
func says(city *lifecycletest.City, controller string, upto access.Version) revocation.Confirmation {
	return revocation.Confirmation{
		Controller: controller, Key: keyID(controller), Upto: upto, Hash: "aa", PublishedAt: city.Clock.Now(), AppliedAt: city.Clock.Now(),
		ReceivedAt: city.Clock.Now(), Payload: []byte(`{"of":"` + controller + `"}`),
	}
}

func confirm(t *testing.T, city *lifecycletest.City, ignored int, list ...revocation.Confirmation) {
	t.Helper()
	if got, err := city.Revocations.Confirm(t.Context(), list); err != nil || got != ignored {
		t.Fatalf("Confirm = %d ignored, %v, want %d", got, err, ignored)
	}
}

// receipts lists which entries which controller has confirmed: "1.2 ctl-1".
func receipts(t *testing.T, city *lifecycletest.City) string {
	t.Helper()
	var rows []string
	err := city.Store.Read(t.Context(), func(q store.Queryer) error {
		return q.Select(t.Context(), &rows, `SELECT epoch || '.' || n || ' ' || controller FROM revocation_receipt ORDER BY epoch, n, controller`)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(rows, ", ")
}

func behind(t *testing.T, city *lifecycletest.City) string {
	t.Helper()
	list, err := city.Revocations.Behind(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(list)
}

func verified(t *testing.T, city *lifecycletest.City) {
	t.Helper()
	report, err := city.Store.Verify(t.Context())
	if err != nil || !report.OK() {
		t.Fatalf("Verify: %+v, %v", report.Findings, err)
	}
}

// R75-3: from the loss to the last door, every step with its time; a door that has not confirmed is seen, with the end of its lease.
func TestTheReceiptShowsEveryDoorAndWhereTheCardWasUsedSinceTheLoss(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx, lostAt := t.Context(), city.Clock.Now()
		id := ids["K-1"]
		use(t, city, id, lostAt.Add(-time.Minute), event.AccessGranted)
		use(t, city, id, lostAt, event.AccessGranted)
		use(t, city, id, lostAt.Add(time.Minute), event.DoorOpened) // not a use
		use(t, city, id, lostAt.Add(2*time.Minute), event.AccessDenied)
		use(t, city, ids["K-2"], lostAt.Add(3*time.Minute), event.AccessGranted)
		city.Clock.Pass(time.Hour)
		leased := city.Clock.Now()
		status := device.Status{Online: true, Start: 1, N: 1, LeasedAt: leased}
		if _, err := city.Device.RecordStatus(ctx, "ctl-1", status, leased); err != nil {
			t.Fatal(err)
		}
		_, v, err := city.Card.Revoke(ctx, lifecycletest.Manager, id, "通勤中に紛失", lostAt)
		if err != nil {
			t.Fatal(err)
		}
		revoked := city.Clock.Now()
		city.Clock.Pass(40 * time.Millisecond)
		word := says(city, "ctl-2", v)
		confirm(t, city, 0, word)

		got, err := city.Revocations.Receipt(ctx, lifecycletest.Guard, v)
		if err != nil {
			t.Fatal(err)
		}
		want := revocation.Item{
			Version: access.Version{Epoch: 1, N: 1}, Card: id, Label: "K-1", Person: "1001", PersonName: "佐藤 花子", State: access.Revoked,
			At: revoked, Actor: "account:manager", Reason: "通勤中に紛失", LostAt: lostAt, Confirmed: 1, Targets: 2,
		}
		if got.Item != want {
			t.Errorf("item %+v, want %+v", got.Item, want)
		}
		lines := []revocation.ControllerLine{
			{
				Controller: "ctl-1", Place: "本庁舎 2階", Online: true, Doors: []string{"書庫 南", "電算室 正面"},
				LeaseEnds: leased.Add(access.StaffLease),
			},
			{
				Controller: "ctl-2", Place: "本庁舎 2階", Doors: []string{"書庫 北"}, Confirmed: true, PublishedAt: word.PublishedAt,
				AppliedAt: word.AppliedAt, ReceivedAt: word.ReceivedAt, Signature: keyID("ctl-2"), Payload: word.Payload,
			},
		}
		if fmt.Sprint(got.Doors) != fmt.Sprint(lines) {
			t.Errorf("doors %+v\nwant %+v", got.Doors, lines)
		}
		if len(got.Uses) != 2 || got.Uses[0].Kind != event.AccessDenied || !got.Uses[1].At.Equal(lostAt) {
			t.Errorf("uses %+v", got.Uses)
		}
		list, err := city.Revocations.List(ctx, lifecycletest.Guard, revocation.Filter{})
		if err != nil || len(list) != 1 || list[0] != want {
			t.Errorf("List = %+v, %v", list, err)
		}
		_, err = city.Revocations.Receipt(ctx, lifecycletest.Guard, access.Version{Epoch: 1, N: 2})
		lifecycletest.WantFault(t, err, fault.NotFound, "revocation.unknown")
		verified(t, city)
	})
}

// use puts a card into the entry log.
func use(t *testing.T, city *lifecycletest.City, id string, at time.Time, kind event.Kind) {
	t.Helper()
	err := city.Store.Write(t.Context(), store.System("test"), "", func(tx *store.Tx) error {
		head, err := entrylog.HeadOf(t.Context(), tx, "ctl-1", 1)
		if err != nil {
			return err
		}
		e := event.Event{Epoch: 1, Seq: head.Seq + 1, At: at, Kind: kind, Door: "D-1", Card: id}
		raw, err := event.Encode(e)
		if err != nil {
			return err
		}
		_, _, err = entrylog.Append(t.Context(), tx, "ctl-1", head, []event.Event{e}, [][]byte{raw})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestConfirmationsCoverWhatTheySayAndNothingTwice(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		v1, v2 := revoke(t, city, ids["K-1"]), revoke(t, city, ids["K-2"])
		if v1 != (access.Version{Epoch: 1, N: 1}) || v2 != (access.Version{Epoch: 1, N: 2}) {
			t.Fatalf("versions %v, %v", v1, v2)
		}
		if got := behind(t, city); got != "[{ctl-1 0 0} {ctl-2 0 0}]" {
			t.Fatalf("behind %s", got)
		}
		confirm(t, city, 0, says(city, "ctl-1", v1), says(city, "ctl-2", v2), says(city, "ctl-1", v1)) // one comes twice
		if got, want := receipts(t, city), "1.1 ctl-1, 1.1 ctl-2, 1.2 ctl-2"; got != want {
			t.Fatalf("receipts %s, want %s", got, want)
		}
		if got := behind(t, city); got != "[{ctl-1 1 1}]" {
			t.Fatalf("behind %s", got)
		}
		confirm(t, city, 0, says(city, "ctl-2", v1)) // lower than before
		v3 := revoke(t, city, ids["K-3"])
		confirm(t, city, 0, says(city, "ctl-1", v3)) // two at once
		if got, want := receipts(t, city), "1.1 ctl-1, 1.1 ctl-2, 1.2 ctl-1, 1.2 ctl-2, 1.3 ctl-1"; got != want {
			t.Fatalf("receipts %s, want %s", got, want)
		}
		if got := behind(t, city); got != "[{ctl-2 1 2}]" {
			t.Fatalf("behind %s", got)
		}
		otherKey, unknown := says(city, "ctl-2", v3), says(city, "ctl-2", v3)
		otherKey.Key, unknown.Controller = "00", "ctl-9"
		confirm(t, city, 4, otherKey, unknown,
			says(city, "ctl-2", access.Version{Epoch: 1, N: 4}), // beyond the newest
			says(city, "ctl-2", access.Version{Epoch: 2, N: 3}))
		if got := behind(t, city); got != "[{ctl-2 1 2}]" {
			t.Fatalf("behind %s", got)
		}
		confirm(t, city, 0)
		verified(t, city)
	})
}

// Whoever must be told is told, and who is told finds the entry.
func TestSubscribersAreWokenAfterTheCommitAndOnlyThen(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		wake, cancel := city.Revocations.Subscribe()
		failed := errors.New("changed my mind")
		err := city.Store.Write(t.Context(), lifecycletest.Manager, "x", func(tx *store.Tx) error {
			if _, err := city.Revocations.Add(t.Context(), tx, revocation.Entry{Card: "C", Key: lifecycletest.Key("C"), State: access.Revoked}); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) || len(wake) != 0 {
			t.Fatalf("%v, %d tokens for an entry that was not made", err, len(wake))
		}
		revoke(t, city, ids["K-1"])
		revoke(t, city, ids["K-2"])
		if len(wake) != 1 {
			t.Fatalf("%d tokens", len(wake))
		}
		<-wake
		cancel()
		revoke(t, city, ids["K-3"])
		if len(wake) != 0 {
			t.Fatal("woken after cancel")
		}
	})
}

func TestTheSetIsWhatIsInForceAndSinceWhatIsNew(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx := t.Context()
		step := func(_ card.Card, _ access.Version, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		step(city.Card.Suspend(ctx, lifecycletest.Guard, ids["K-1"], "届出", time.Time{}))
		step(city.Card.Suspend(ctx, lifecycletest.Guard, ids["K-2"], "届出", time.Time{}))
		step(city.Card.Lift(ctx, lifecycletest.Manager, ids["K-2"], "発見"))
		step(city.Card.Revoke(ctx, lifecycletest.Manager, ids["K-1"], "紛失", time.Time{}))
		err := city.Store.Read(ctx, func(q store.Queryer) error {
			set, err := revocation.Set(ctx, q)
			if err != nil {
				return err
			}
			if got, want := brief(set), "1.3 "+ids["K-2"]+" active, 1.4 "+ids["K-1"]+" revoked"; got != want {
				t.Errorf("Set = %s, want %s", got, want)
			}
			since, err := revocation.Since(ctx, q, 1)
			if err != nil {
				return err
			}
			want := "1.2 " + ids["K-2"] + " suspended, 1.3 " + ids["K-2"] + " active, 1.4 " + ids["K-1"] + " revoked"
			if got := brief(since); got != want {
				t.Errorf("Since = %s, want %s", got, want)
			}
			entry, there, err := revocation.InForce(ctx, q, []access.Key{lifecycletest.Key("1001")})
			if !there || entry.State != access.Revoked {
				t.Errorf("InForce = %v, %v", entry, there)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func brief(list []access.Revocation) string {
	all := make([]string, len(list))
	for i, r := range list {
		all[i] = fmt.Sprintf("%d.%d %s %s", r.Version.Epoch, r.Version.N, r.Card, r.State)
	}
	return strings.Join(all, ", ")
}

func TestTheListIsNarrowedAndPaged(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx := t.Context()
		revoke(t, city, ids["K-1"])
		revoke(t, city, ids["K-2"])
		if _, err := city.Device.OpenEpoch(ctx, 0, "restored"); err != nil {
			t.Fatal(err)
		}
		revoke(t, city, ids["K-3"])
		for _, tt := range []struct {
			name string
			f    revocation.Filter
			want string
		}{
			{"all, newest first", revocation.Filter{}, "[K-3 K-2 K-1]"},
			{"one card", revocation.Filter{Card: ids["K-2"]}, "[K-2]"},
			{"page", revocation.Filter{Before: access.Version{Epoch: 2, N: 1}, Limit: 1}, "[K-2]"},
			{"last page", revocation.Filter{Before: access.Version{Epoch: 1, N: 2}}, "[K-1]"},
		} {
			list, err := city.Revocations.List(ctx, lifecycletest.Guard, tt.f)
			labels := []string{}
			for _, i := range list {
				labels = append(labels, i.Label)
			}
			if err != nil || fmt.Sprint(labels) != tt.want {
				t.Errorf("%s: %v, %v, want %s", tt.name, labels, err, tt.want)
			}
		}
		_, err := city.Revocations.List(ctx, lifecycletest.Nobody, revocation.Filter{})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Revocations.Receipt(ctx, lifecycletest.Nobody, access.Version{Epoch: 1, N: 1})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}

// Another box in the place of one has nothing of what that one confirmed.
func TestAnotherBoxIsAskedAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		v := revoke(t, city, ids["K-1"])
		confirm(t, city, 0, says(city, "ctl-1", v), says(city, "ctl-2", v))
		if got := behind(t, city); got != "[]" {
			t.Fatalf("behind %s", got)
		}
		spare := lifecycletest.DeviceKey("spare").Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is
		hash := lifecycletest.TokenHash("spare")
		if err := city.Device.NewToken(t.Context(), lifecycletest.Manager, "ctl-1", hash, city.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		e := device.Enrolment{Controller: "ctl-1", TokenHash: hash, Public: spare, BoxKey: make([]byte, 32)}
		if err := city.Device.Enroll(t.Context(), e, city.Certificate("2")); err != nil {
			t.Fatal(err)
		}
		if got := behind(t, city); got != "[{ctl-1 0 0}]" {
			t.Fatalf("behind after another box came: %s", got)
		}
		confirm(t, city, 1, says(city, "ctl-1", v)) // with the key of the old box
		word := says(city, "ctl-1", v)
		word.Key = wire.KeyID(spare)
		confirm(t, city, 0, word)
		if got := behind(t, city); got != "[]" {
			t.Fatalf("behind %s", got)
		}
		if got, want := receipts(t, city), "1.1 ctl-1, 1.1 ctl-2"; got != want {
			t.Fatalf("receipts %s, want %s", got, want)
		}
	})
}

// A controller that came later has the card's end from its first policy: it is not on the receipt, and is not asked.
func TestWhoCameLaterConfirmsWithoutAReceipt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx := t.Context()
		v := revoke(t, city, ids["K-1"])
		if _, err := city.Device.AddController(ctx, lifecycletest.Manager, device.NewController{Name: "ctl-3", Place: "倉庫"}); err != nil {
			t.Fatal(err)
		}
		city.Enroll(t, "ctl-3")
		confirm(t, city, 0, says(city, "ctl-3", v))
		confirm(t, city, 0, says(city, "ctl-1", v), says(city, "ctl-3", v))
		if got, want := receipts(t, city), "1.1 ctl-1"; got != want {
			t.Fatalf("receipts %s, want %s", got, want)
		}
		reader := device.Reader{Controller: "ctl-3", Name: "IN", Kind: device.OSDPReader}
		if _, err := city.Device.AddReader(ctx, lifecycletest.Manager, reader); err != nil {
			t.Fatal(err)
		}
		door := area.Door{ID: "D-9", Name: "倉庫", Area: "archive", Controller: "ctl-3", EntryReaders: []string{"IN"}, ReleaseMS: 5_000, HeldMS: 30_000}
		if _, err := city.Area.AddDoor(ctx, lifecycletest.Manager, door); err != nil {
			t.Fatal(err)
		}
		if got := behind(t, city); got != "[{ctl-2 0 0}]" {
			t.Fatalf("behind %s", got)
		}
	})
}

// A revoked controller may still hold a policy: it is shown, red, but not waited for.
func TestARevokedControllerIsShownAndNotAsked(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		if _, err := city.Device.AddController(t.Context(), lifecycletest.Manager, device.NewController{Name: "ctl-3", Place: "倉庫"}); err != nil {
			t.Fatal(err) // no door, no key
		}
		if err := city.Device.RevokeController(t.Context(), lifecycletest.Manager, "ctl-2", "盗難"); err != nil {
			t.Fatal(err)
		}
		v := revoke(t, city, ids["K-1"])
		if got := behind(t, city); got != "[{ctl-1 0 0}]" {
			t.Fatalf("behind %s", got)
		}
		confirm(t, city, 1, says(city, "ctl-1", v), says(city, "ctl-2", v))
		got, err := city.Revocations.Receipt(t.Context(), lifecycletest.Guard, v)
		if err != nil || len(got.Doors) != 2 || !got.Doors[0].Confirmed || got.Doors[1].Confirmed || got.Doors[1].Controller != "ctl-2" {
			t.Fatalf("Receipt = %+v, %v", got.Doors, err)
		}
	})
}
