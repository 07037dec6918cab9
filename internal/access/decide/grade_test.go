package decide

import (
	"slices"
	"testing"

	"kanmon/internal/access"
)

func TestAPolicySaysTheGradeBehindADoorAndItsReaders(t *testing.T) {
	p, err := Compile(access.Spec{
		Version: access.Version{Epoch: 1, N: 1},
		Areas:   []access.Area{{ID: "A-1", Grade: 3, Record: access.Strict}, {ID: "A-2", Grade: 1, Record: access.Strict}},
		Doors: []access.Door{
			{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1#1"}, ReleaseMS: 5000, HeldMS: 30000},
			{ID: "D-2", Area: "A-2", ReleaseMS: 5000, HeldMS: 30000},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for door, want := range map[string]int{"D-1": 3, "D-2": 1, "D-3": 0} {
		if got := p.Grade(door); got != want {
			t.Errorf("%s: grade %d, want %d", door, got, want)
		}
	}
	if got := p.Readers(); !slices.Equal(got, []string{"IN-1", "OUT-1#1"}) {
		t.Errorf("readers %q", got)
	}
	var none *Policy
	if none.Grade("D-1") != 0 || none.Readers() != nil {
		t.Error("no policy has a grade or a reader")
	}
}
