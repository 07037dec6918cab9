package controller

import (
	"errors"
	"testing"

	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/controller/wiring"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// The small site of these tests: D-1 leads into a strict area, D-2 into one that opens when nothing can be recorded. P-1 may enter both.
var keyAlways = access.Key{1}

var errDisk = errors.New("disk full")

// allQuiet is the report of an I/O device with every door shut and no button pressed.
var allQuiet = inputsOf(inputs.Inactive, inputs.Inactive, inputs.Inactive, inputs.Inactive)

func inputsOf(levels ...inputs.Level) core.InputsReported {
	return core.InputsReported{Device: "IO-1", Levels: levels}
}

func siteSpec(n uint64) access.Spec {
	return access.Spec{
		Version: access.Version{Epoch: 1, N: n},
		Areas:   []access.Area{{ID: "A-1", Grade: 2, Record: access.Strict}, {ID: "A-2", Grade: 1, Record: access.BestEffort}},
		Doors: []access.Door{
			{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1"}, ReleaseMS: 5000, HeldMS: 30000},
			{ID: "D-2", Area: "A-2", EntryReads: []string{"IN-2"}, ReleaseMS: 3000, HeldMS: 20000},
		},
		People:      []access.Person{{ID: "P-1"}},
		Credentials: []access.Credential{{Key: keyAlways, Card: "C-1", Person: "P-1", State: access.Active}},
		Rights:      []access.Right{{Person: "P-1", Area: "A-1"}, {Person: "P-1", Area: "A-2"}},
	}
}

func sitePolicy(t testing.TB, n uint64) *decide.Policy {
	t.Helper()
	p, err := decide.Compile(siteSpec(n))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func siteWiring() core.Wiring {
	return core.Wiring{
		Software: "test",
		Devices:  []string{"IN-1", "OUT-1", "IN-2", "IO-1"},
		Doors: []wiring.Door{
			{ID: "D-1", Contact: &inputs.Wire{Device: "IO-1", Input: 0}, OpenWhen: inputs.Active, ExitButton: &inputs.Wire{Device: "IO-1", Input: 1}},
			{ID: "D-2", Contact: &inputs.Wire{Device: "IO-1", Input: 2}, OpenWhen: inputs.Active, ExitButton: &inputs.Wire{Device: "IO-1", Input: 3}},
		},
	}
}
