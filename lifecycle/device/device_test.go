package device_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

func TestBadInputNamesTheField(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		controller := func(n device.NewController) func() error {
			return func() error { _, err := city.Device.AddController(ctx, lifecycletest.Manager, n); return err }
		}
		reader := func(r device.Reader) func() error {
			return func() error { _, err := city.Device.AddReader(ctx, lifecycletest.Manager, r); return err }
		}
		tests := map[string]struct {
			do   func() error
			kind fault.Kind
			code string
		}{
			"upper case controller": {controller(device.NewController{Name: "CTL", Place: "x"}), fault.Invalid, "device.controller_name"},
			"wildcard in its name":  {controller(device.NewController{Name: "ctl-+", Place: "x"}), fault.Invalid, "device.controller_name"},
			"everybody's name":      {controller(device.NewController{Name: "all", Place: "x"}), fault.Invalid, "device.controller_name"},
			"the centre's name":     {controller(device.NewController{Name: "centre", Place: "x"}), fault.Invalid, "device.controller_name"},
			"no place":              {controller(device.NewController{Name: "ctl-9"}), fault.Invalid, "field.required"},
			"controller twice":      {controller(device.NewController{Name: "ctl-1", Place: "x"}), fault.Conflict, "device.name_taken"},
			"reader's name":         {reader(device.Reader{Name: "a/b", Controller: "ctl-1", Kind: device.OSDPReader}), fault.Invalid, "field.device"},
			"reader's kind":         {reader(device.Reader{Name: "R", Controller: "ctl-1", Kind: "magic"}), fault.Invalid, "device.kind"},
			"address 127":           {reader(device.Reader{Name: "R", Controller: "ctl-1", Kind: device.OSDPIO, Address: 127}), fault.Invalid, "device.address"},
			"unknown controller":    {reader(device.Reader{Name: "R", Controller: "ctl-9", Kind: device.OSDPIO}), fault.NotFound, "device.unknown_controller"},
			"reader twice":          {reader(device.Reader{Name: "IN-1", Controller: "ctl-1", Kind: device.OSDPIO}), fault.Conflict, "device.reader_taken"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) { lifecycletest.WantFault(t, tt.do(), tt.kind, tt.code) })
		}
		readers, err := city.Device.Readers(ctx, lifecycletest.Guard, "ctl-2")
		want := []device.Reader{{Name: "IN-1", Controller: "ctl-2", Kind: device.OSDPReader, Address: 3, Version: 1}}
		if err != nil || !reflect.DeepEqual(readers, want) {
			t.Fatalf("Readers = %+v, %v", readers, err)
		}
		if all, err := city.Device.Readers(ctx, lifecycletest.Guard, ""); err != nil || len(all) != 4 {
			t.Fatalf("Readers = %+v, %v", all, err)
		}
	})
}

func TestWhoLacksTheRightNeitherWritesNorReads(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		ctx, guard, nobody := t.Context(), lifecycletest.Guard, lifecycletest.Nobody
		for name, do := range map[string]func() error{
			"AddController": func() error {
				_, err := city.Device.AddController(ctx, guard, device.NewController{Name: "c", Place: "x"})
				return err
			},
			"NewToken":         func() error { return city.Device.NewToken(ctx, guard, "c", "h", city.Clock.Now().Add(time.Hour)) },
			"RevokeController": func() error { return city.Device.RevokeController(ctx, guard, "c", "r") },
			"IdentityHistory":  func() error { _, err := city.Device.IdentityHistory(ctx, nobody, "c"); return err },
			"AddReader": func() error {
				_, err := city.Device.AddReader(ctx, guard, device.Reader{Name: "R", Controller: "c", Kind: device.OSDPIO})
				return err
			},
			"Controllers": func() error { _, err := city.Device.Controllers(ctx, nobody); return err },
			"Controller":  func() error { _, err := city.Device.Controller(ctx, nobody, "c"); return err },
			"Readers":     func() error { _, err := city.Device.Readers(ctx, nobody, ""); return err },
			"History":     func() error { _, err := city.Device.History(ctx, nobody, "c"); return err },
		} {
			t.Run(name, func(t *testing.T) { lifecycletest.WantFault(t, do(), fault.Denied, "auth.denied") })
		}
	})
}

// R121-1: clocks in step across devices, and drift reported.
func TestTheLastStatusIsShownWithTheClockOffset(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, now := t.Context(), city.Clock.Now()
		s := device.Status{
			Online: true, At: now.Add(-1500 * time.Millisecond), Epoch: 3, LastSeq: 100, Acked: 90, Policy: access.Version{Epoch: 1, N: 2},
			PolicyHash: "abcd", Software: "kanmon-controller 0.1", Trouble: []string{"clock"}, Start: 4, N: 9, Kept: 120, FillPerMil: 300,
			Revoked: access.Version{Epoch: 1, N: 7}, RevokedHash: "ef01", LeaseAge: 20 * time.Second, LeasedAt: now,
			Devices: []device.Attached{{Name: "IN-1", Online: true, Secure: true}, {Name: "IO-1", Detail: "no answer"}},
			Doors:   []device.DoorState{{ID: "D-1", State: "locked"}},
		}
		record(t, city, "ctl-1", s, now, true)
		got, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil {
			t.Fatal(err)
		}
		want := device.Controller{
			Name: "ctl-1", Place: "本庁舎 2階", Version: 1, Identity: got.Identity, Online: true, LastSeen: now, Offset: -1500 * time.Millisecond, OffsetOK: true,
			Backlog: 10, Applied: s.Policy, Wanted: got.Wanted, PolicyHash: "abcd", Software: s.Software, Devices: s.Devices, Doors: s.Doors,
			Trouble: s.Trouble, Start: 4, N: 9, Kept: 120, FillPerMil: 300, Revoked: s.Revoked, RevokedHash: "ef01", LeaseAge: 20 * time.Second,
			LeasedAt: now,
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("Controller = %+v, want %+v", got, want)
		}
		_, err = city.Device.RecordStatus(ctx, "ctl-9", s, now)
		lifecycletest.WantFault(t, err, fault.NotFound, "device.unknown_controller")
		s.LastSeq = math.MaxUint64
		_, err = city.Device.RecordStatus(ctx, "ctl-1", s, now)
		lifecycletest.WantFault(t, err, fault.Invalid, "device.status")
	})
}

func TestAStatusThatSaysTooMuchIsCut(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		long := strings.Repeat("あ", 5000) + "\x00"
		s := device.Status{Online: true, Software: "\x00" + long, Trouble: make([]string, 1000), Doors: make([]device.DoorState, 1000)}
		for range 1000 {
			s.Devices = append(s.Devices, device.Attached{Name: long, Detail: long})
		}
		record(t, city, "ctl-1", s, city.Clock.Now(), true)
		got, err := city.Device.Controller(t.Context(), lifecycletest.Guard, "ctl-1")
		if err != nil || len(got.Devices) != 64 || got.Software != strings.Repeat("あ", 128) || len(got.Trouble) != 16 || len(got.Doors) != 32 {
			t.Fatalf("%d devices, %d doors, %d troubles, %v", len(got.Devices), len(got.Doors), len(got.Trouble), err)
		}
	})
}

func TestASilentControllerIsMarkedOffline(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, now := t.Context(), city.Clock.Now()
		for name, heard := range map[string]time.Time{"ctl-1": now, "ctl-2": now.Add(-time.Minute)} {
			record(t, city, name, device.Status{Online: true}, heard, true)
		}
		names, err := city.Device.MarkSilent(ctx, now.Add(-45*time.Second))
		if err != nil || fmt.Sprint(names) != "[ctl-2]" {
			t.Fatalf("MarkSilent = %v, %v", names, err)
		}
		list, err := city.Device.Controllers(ctx, lifecycletest.Guard)
		if err != nil || len(list) != 2 || !list[0].Online || list[1].Online {
			t.Fatalf("Controllers = %+v, %v", list, err)
		}
		if names, err = city.Device.MarkSilent(ctx, now.Add(-45*time.Second)); err != nil || len(names) != 0 {
			t.Fatalf("MarkSilent again = %v, %v", names, err)
		}
	})
}

// record keeps a status and checks whether it was news.
func record(t *testing.T, city *lifecycletest.City, name string, s device.Status, at time.Time, news bool) {
	t.Helper()
	if got, err := city.Device.RecordStatus(t.Context(), name, s, at); err != nil || got != news {
		t.Fatalf("RecordStatus = %v, %v, want %v", got, err, news)
	}
}

// A broker, or who holds it, can send an old signed status again; it must not hide what is true now.
func TestAnOldStatusIsNoNews(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, now := t.Context(), city.Clock.Now()
		at := func(start, n uint64) device.Status {
			return device.Status{Online: true, Start: start, N: n, Software: fmt.Sprint(start, ".", n)}
		}
		record(t, city, "ctl-1", at(2, 5), now, true)
		record(t, city, "ctl-1", device.Status{}, now, true) // the last will
		for _, old := range []device.Status{at(2, 5), at(2, 4), at(1, 99), at(0, 0)} {
			record(t, city, "ctl-1", old, now, false)
		}
		c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil || c.Online || c.Software != fmt.Sprint(2, ".", 5) {
			t.Fatalf("after old ones %+v, %v", c, err)
		}
		record(t, city, "ctl-1", at(2, 6), now, true)
		record(t, city, "ctl-1", at(3, 1), now, true)
		if c, err = city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1"); err != nil || !c.Online || c.Start != 3 || c.N != 1 {
			t.Fatalf("after new ones %+v, %v", c, err)
		}
	})
}

func TestAStatusWithoutALeaseLeavesTheLastOne(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		leased := city.Clock.Now()
		record(t, city, "ctl-1", device.Status{Online: true, Start: 1, N: 1, LeasedAt: leased}, leased, true)
		record(t, city, "ctl-1", device.Status{Online: true, Start: 1, N: 2}, leased.Add(time.Minute), true)
		c, err := city.Device.Controller(t.Context(), lifecycletest.Guard, "ctl-1")
		if err != nil || !c.LeasedAt.Equal(leased) {
			t.Fatalf("LeasedAt = %v, %v", c.LeasedAt, err)
		}
	})
}
