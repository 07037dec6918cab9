package devices

import (
	"testing"

	"kanmon/lifecycle/device"
)

// A reader that works is not shown in red for want of a channel that its kind does not have; an OSDP device, and one that nobody registered, are.
func TestOnlyDevicesOnOSDPLinesMissASecureChannel(t *testing.T) {
	c := device.Controller{Name: "ctl-1", Devices: []device.Attached{{Name: "IN-1", Online: true}, {Name: "PC-1", Online: true}, {Name: "X", Online: true}}}
	registered := []device.Reader{{Name: "IN-1", Controller: "ctl-1", Kind: device.OSDPReader}, {Name: "PC-1", Controller: "ctl-1", Kind: device.PCSCReader}}
	want := map[string]bool{"IN-1": false, "PC-1": true, "X": false}
	for _, l := range lines(c, registered) {
		if l.Bare() != want[l.Name] {
			t.Errorf("%s: bare %t", l.Name, l.Bare())
		}
	}
}
