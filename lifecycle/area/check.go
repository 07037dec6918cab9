package area

import (
	"fmt"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/field"
)

// Bounds of a door's times in milliseconds; access.Compile has the same lower ones.
const (
	leastRelease, mostRelease = 500, 30_000
	leastHeld, mostHeld       = 1_000, 600_000
)

func (a *Area) check() error {
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
	a.Recovery = sorted(a.Recovery)
	a.Why, err = field.Optional("reason", a.Why, 200)
	return err
}

func (d *Door) check() error {
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
	d.EntryReaders, d.ExitReaders = sorted(d.EntryReaders), sorted(d.ExitReaders)
	return d.checkReaders()
}

// checkReaders refuses a reader named twice, on one side or on both.
func (d *Door) checkReaders() error {
	seen := map[string]bool{}
	for _, r := range d.readers() {
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

func (d *Door) readers() []string { return slices.Concat(d.EntryReaders, d.ExitReaders) }

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
