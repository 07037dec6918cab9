package device_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

// R103-1: every controller is identified by a key; an unknown one is refused.
func TestAControllerIsKnownByTheSecretItWasGivenAndByNoOther(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		ctx := t.Context()
		c, secret, err := city.Device.AddController(ctx, lifecycletest.Manager, device.NewController{Name: "ctl-1", Place: "本庁舎"})
		if err != nil || c.Name != "ctl-1" || c.Online || c.Wanted != (access.Version{Epoch: 1, N: 1}) || len(secret.Reveal()) != 64 {
			t.Fatalf("AddController = %+v, %v", c, err)
		}
		_, other, err := city.Device.AddController(ctx, lifecycletest.Manager, device.NewController{Name: "ctl-2", Place: "分館"})
		if err != nil || other.Reveal() == secret.Reveal() {
			t.Fatal("two controllers, one secret", err)
		}
		if err := city.Device.CheckSecret(ctx, "ctl-1", secret.Reveal()); err != nil {
			t.Fatal(err)
		}
		for name, tried := range map[string]string{"ctl-1": other.Reveal(), "ctl-2": "", "ctl-9": secret.Reveal(), "": ""} {
			lifecycletest.WantFault(t, city.Device.CheckSecret(ctx, name, tried), fault.Unauthenticated, "device.secret")
		}
		renewed, err := city.Device.RenewSecret(ctx, lifecycletest.Manager, "ctl-1", "盗難のおそれ")
		if err != nil {
			t.Fatal(err)
		}
		lifecycletest.WantFault(t, city.Device.CheckSecret(ctx, "ctl-1", secret.Reveal()), fault.Unauthenticated, "device.secret")
		if err := city.Device.CheckSecret(ctx, "ctl-1", renewed.Reveal()); err != nil {
			t.Fatal(err)
		}
		changes, err := city.Device.History(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil || len(changes) != 2 || changes[1].Reason != "盗難のおそれ" || len(changes[1].Fields) != 1 {
			t.Fatalf("History = %+v, %v", changes, err)
		}
	})
}

func TestASecretIsNotPrinted(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	_, secret, err := city.Device.AddController(t.Context(), lifecycletest.Manager, device.NewController{Name: "ctl-1", Place: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret)
	text, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q %x %d", secret, secret, secret, secret, secret, secret, secret), string(text), log.String(),
	} {
		if strings.Contains(out, secret.Reveal()) || strings.Contains(out, fmt.Sprintf("%x", secret.Reveal())) {
			t.Errorf("printed: %s", out)
		}
	}
	var rows []string
	err = city.Store.Read(t.Context(), func(q store.Queryer) error {
		return q.Select(t.Context(), &rows, `SELECT secret_sha256 FROM controller_version`)
	})
	if err != nil || len(rows) != 1 || rows[0] == secret.Reveal() {
		t.Fatalf("stored %v, %v", rows, err)
	}
}

func TestBadInputNamesTheField(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		controller := func(n device.NewController) func() error {
			return func() error { _, _, err := city.Device.AddController(ctx, lifecycletest.Manager, n); return err }
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
				_, _, err := city.Device.AddController(ctx, guard, device.NewController{Name: "c", Place: "x"})
				return err
			},
			"RenewSecret": func() error { _, err := city.Device.RenewSecret(ctx, guard, "c", "r"); return err },
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
			PolicyHash: "abcd", Software: "kanmon-controller 0.1", Trouble: []string{"clock"},
			Devices: []device.Attached{{Name: "IN-1", Online: true, Secure: true}, {Name: "IO-1", Detail: "no answer"}},
			Doors:   []device.DoorState{{ID: "D-1", State: "locked"}},
		}
		if err := city.Device.RecordStatus(ctx, "ctl-1", s, now); err != nil {
			t.Fatal(err)
		}
		got, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil {
			t.Fatal(err)
		}
		want := device.Controller{
			Name: "ctl-1", Place: "本庁舎 2階", Version: 1, Online: true, LastSeen: now, Offset: -1500 * time.Millisecond, OffsetOK: true,
			Backlog: 10, Applied: s.Policy, Wanted: got.Wanted, PolicyHash: "abcd", Software: s.Software, Devices: s.Devices, Doors: s.Doors,
			Trouble: s.Trouble,
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("Controller = %+v, want %+v", got, want)
		}
		lifecycletest.WantFault(t, city.Device.RecordStatus(ctx, "ctl-9", s, now), fault.NotFound, "device.unknown_controller")
		s.LastSeq = math.MaxUint64
		lifecycletest.WantFault(t, city.Device.RecordStatus(ctx, "ctl-1", s, now), fault.Invalid, "device.status")
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
		if err := city.Device.RecordStatus(t.Context(), "ctl-1", s, city.Clock.Now()); err != nil {
			t.Fatal(err)
		}
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
			if err := city.Device.RecordStatus(ctx, name, device.Status{Online: true}, heard); err != nil {
				t.Fatal(err)
			}
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
