package harness

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"kanmon/api"
	"kanmon/controller"
	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/world"
)

// The demo writes its programs' configuration without importing them; here they read it.
func TestEveryProgramTakesTheConfigurationThatTheDemoWrites(t *testing.T) {
	city, err := demo.Make(t.TempDir(), "127.0.0.1:8580", "127.0.0.1:18930")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := api.ReadSettings(city.Files.CentreConfig())
	if err != nil {
		t.Fatal(err)
	}
	if settings.ConsoleListen != "127.0.0.1:8580" || settings.Broker.Listen != "127.0.0.1:18930" || settings.Database.Driver != "sqlite" {
		t.Errorf("centre: %+v", settings)
	}
	edge, err := controller.LoadConfig(city.Files.ControllerConfig())
	if err != nil {
		t.Fatal(err)
	}
	line, err := world.Load(city.Files.SimConfig())
	if err != nil {
		t.Fatal(err)
	}
	if edge.Broker.URL != "tls://127.0.0.1:18930" || len(edge.Lines) != 1 || edge.Lines[0].Port != line.Line {
		t.Errorf("controller: %+v, the simulated line is %s", edge, line.Line)
	}
	for _, d := range edge.Lines[0].Devices { // the two ends of the line agree
		i := slices.IndexFunc(line.Devices, func(o world.DeviceConfig) bool {
			return o.Name == d.Name && o.Address == byte(d.Address) && o.SCBKFile != d.SCBKFile // the controller's is gone after its first start
		})
		if i < 0 {
			t.Errorf("the simulated line has no device like %+v: %+v", d, line.Devices)
			continue
		}
		ours, err := os.ReadFile(d.SCBKFile)
		theirs, missing := os.ReadFile(line.Devices[i].SCBKFile)
		if err != nil || missing != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("key of %s: %v, %v, the same: %t", d.Name, err, missing, bytes.Equal(ours, theirs))
		}
	}
}
