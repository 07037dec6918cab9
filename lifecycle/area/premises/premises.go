// Package premises is what areas and their doors are, and which rules they can keep. It is pure: the register of areas (package area) asks it inside its
// transactions.
package premises

import (
	"fmt"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/field"
)

// Area is a controlled area.
type Area struct {
	ID     string            `json:"id"`              // chosen, ASCII
	Name   string            `json:"name"`            // at most 64 characters
	Grade  int               `json:"grade"`           // レベル 1–3
	Record access.RecordMode `json:"record"`          // what its doors do when the decision cannot be written down
	Owner  string            `json:"owner,omitempty"` // 責任者, a member of staff; a graded area has one
	access.Rules
	Why string `json:"-"` // of a new one: the reason; may be empty

	// In answers:
	OwnerName string   `json:"-"`
	Doors     int      `json:"-"` // how many lead into it
	Lockdown  Lockdown `json:"-"`
	Version   int64    `json:"-"` // from 1; a lockdown has versions of its own
}

// Lockdown is whether an area is locked down (封鎖): only who has a right to pass then comes in.
type Lockdown struct {
	On     bool
	At     time.Time // of the last change; zero: never
	By     string    // kind and id, such as "account:yamada"
	Reason string
}

// Door leads into one area and hangs on one controller.
type Door struct {
	ID           string   `json:"id"`   // chosen, ASCII
	Name         string   `json:"name"` // at most 64 characters
	Area         string   `json:"area"`
	Controller   string   `json:"controller"`
	EntryReaders []string `json:"entry_readers"`          // registered readers of the same controller, at least one
	ExitReaders  []string `json:"exit_readers,omitempty"` // empty: the way out is not measured
	ReleaseMS    int      `json:"release_ms"`             // how long the strike stays released, 500–30,000
	HeldMS       int      `json:"held_ms"`                // open longer than this is "held", 1,000–600,000
	Why          string   `json:"-"`                      // of a new one: the reason; may be empty

	// In answers:
	AreaName  string `json:"-"`
	Interlock string `json:"-"` // the group of doors of which one at most is open; set by Register.Interlock
	Version   int64  `json:"-"` // from 1
}

// Bounds of a door's times in milliseconds; access.Compile has the same lower ones.
const (
	leastRelease, mostRelease = 500, 30_000
	leastHeld, mostHeld       = 1_000, 600_000
)

// Check refuses what is out of form or range by itself.
func (a *Area) Check() error {
	err := field.ID("id", a.ID)
	if err == nil {
		a.Name, err = field.Text("name", a.Name, 64)
	}
	switch {
	case err != nil:
		return err
	case a.Grade < 1 || a.Grade > 3:
		return fault.BadField("grade", "area.grade", fmt.Sprintf("grade %d is not 1, 2 or 3", a.Grade))
	case a.Record != access.Strict && a.Record != access.BestEffort:
		return fault.BadField("record", "area.record", fmt.Sprintf("record mode %.20q", a.Record))
	case a.Owner == "" && a.Grade > 1:
		return fault.BadField("owner", "area.owner", fmt.Sprintf("nobody is responsible for an area of grade %d", a.Grade))
	}
	a.Recovery = Sorted(a.Recovery)
	a.Why, err = field.Optional("reason", a.Why, 200)
	return err
}

// Check refuses what is out of form or range by itself.
func (d *Door) Check() error {
	err := field.ID("id", d.ID)
	if err == nil {
		d.Name, err = field.Text("name", d.Name, 64)
	}
	switch {
	case err != nil:
		return err
	case len(d.EntryReaders) == 0:
		return fault.BadField("entry_readers", "area.no_entry_reader", "a door without a reader on the way in")
	case d.ReleaseMS < leastRelease || d.ReleaseMS > mostRelease:
		return fault.BadField("release_ms", "area.release", fmt.Sprintf("release of %d ms", d.ReleaseMS))
	case d.HeldMS < leastHeld || d.HeldMS > mostHeld:
		return fault.BadField("held_ms", "area.held", fmt.Sprintf("held after %d ms", d.HeldMS))
	}
	if d.Why, err = field.Optional("reason", d.Why, 200); err != nil {
		return err
	}
	d.EntryReaders, d.ExitReaders = Sorted(d.EntryReaders), Sorted(d.ExitReaders)
	return d.checkReaders()
}

// checkReaders refuses a reader named twice, on one side or on both.
func (d *Door) checkReaders() error {
	seen := map[string]bool{}
	for _, r := range d.Readers() {
		if err := field.Device("entry_readers", r); err != nil {
			return err
		}
		if seen[r] {
			return fault.BadField("entry_readers", "area.reader_twice", fmt.Sprintf("reader %q twice", r))
		}
		seen[r] = true
	}
	return nil
}

// Readers are those on both sides.
func (d *Door) Readers() []string { return slices.Concat(d.EntryReaders, d.ExitReaders) }

// Sorted returns a sorted copy.
func Sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
