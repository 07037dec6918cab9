package fit

import (
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

func policy(t *testing.T, grade int) *decide.Policy {
	t.Helper()
	p, err := decide.Compile(access.Spec{
		Version: access.Version{Epoch: 1, N: 1},
		Areas:   []access.Area{{ID: "A-1", Grade: grade, Record: access.Strict}, {ID: "A-2", Grade: 1, Record: access.Strict}},
		Doors: []access.Door{
			{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1#1"}, ReleaseMS: 5000, HeldMS: 30000},
			{ID: "D-2", Area: "A-2", EntryReads: []string{"IN-2"}, ReleaseMS: 5000, HeldMS: 30000},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// R43-2: the lock of an area of grade 3 is out of reach from outside, and locks when the controller dies.
func TestADoorOfGrade3IsWiredOnTheSecureSide(t *testing.T) {
	for name, c := range map[string]struct {
		grade int
		door  Door
		want  string
	}{
		"an I/O device":                     {3, Door{"D-1", "IO-1", true}, ""},
		"its own entry reader":              {3, Door{"D-1", "IN-1", true}, OnReader},
		"another door's reader":             {3, Door{"D-1", "IN-2", true}, OnReader},
		"the device of a second reader":     {3, Door{"D-1", "OUT-1", true}, OnReader},
		"a reader that only the wiring has": {3, Door{"D-1", "OUT-9", true}, OnReader},
		"no timer":                          {3, Door{"D-1", "IO-1", false}, NoTimer},
		"grade 2, on the reader":            {2, Door{"D-1", "IN-1", false}, ""},
		"a door of grade 1 beside it":       {3, Door{"D-2", "IN-2", false}, ""},
		"a door the policy does not know":   {3, Door{"D-7", "IN-1", false}, ""},
	} {
		if got := Check(policy(t, c.grade), []Door{c.door}, []string{"OUT-9"}); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := Check(nil, []Door{{"D-1", "IN-1", false}}, nil); got[0] != "" {
		t.Errorf("without a policy: %q", got)
	}
}
