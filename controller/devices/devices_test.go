package devices

import (
	"slices"
	"testing"

	"kanmon/internal/event"
	"kanmon/internal/wire"
)

// R121-1: tampering, loss of power, attacks on a line and lost devices are events, each once when it begins.
func TestWhatDevicesSayBecomesEventsOnce(t *testing.T) {
	table := New([]string{"IN-1", "RB-1"}, map[string]bool{"RB-1": true})
	var got []event.Kind
	take := func(events []event.Event, known bool) {
		t.Helper()
		if !known {
			t.Fatal("a device of the table is not known")
		}
		for _, e := range events {
			got = append(got, e.Kind)
		}
	}
	take(table.Up("IN-1"))
	take(table.Up("IN-1"))
	take(table.Attacked("IN-1", "mac_failed"))
	take(table.Local("IN-1", true, false))
	take(table.Local("IN-1", true, true))
	take(table.Local("IN-1", false, false))
	take(table.Up("RB-1"))
	take(table.Down("IN-1", "no answer"))
	want := []event.Kind{
		event.DeviceOnline, event.DeviceInsecure, event.DeviceTamper, event.DevicePower, event.DeviceOnline, event.DeviceOffline,
	}
	if !slices.Equal(got, want) {
		t.Fatalf("events %v, want %v", got, want)
	}
	status := []wire.DeviceStatus{{Name: "IN-1", Detail: "no answer"}, {Name: "RB-1", Online: true}}
	if s := table.Status(); !slices.Equal(s, status) {
		t.Fatalf("status %+v, want %+v", s, status)
	}
}

func TestADeviceThatNobodyConfiguredIsNotKnown(t *testing.T) {
	table := New([]string{"IN-1"}, nil)
	_, up := table.Up("XX")
	_, down := table.Down("XX", "")
	_, attacked := table.Attacked("XX", "")
	_, local := table.Local("XX", true, true)
	if up || down || attacked || local || table.Has("XX") || !table.Has("IN-1") {
		t.Fatal("the table knows a device that nobody configured")
	}
}
