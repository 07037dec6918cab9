// Package area is the register of controlled areas (管理区域, Art. 43): the areas, the doors that lead into
// them, the weekly schedules, and who may enter when. Every change is a new version, and in the same
// transaction every controller that must learn of it gets a higher wanted policy.
package area

import (
	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// Area is a controlled area.
type Area struct {
	ID      string            // chosen, ASCII
	Name    string            // at most 64 characters
	Grade   int               // レベル 1–3
	Record  access.RecordMode // what its doors do when the decision cannot be written down
	Doors   int               // in answers: how many doors lead into it
	Version int64             // in answers: from 1
}

// Door leads into one area and hangs on one controller.
type Door struct {
	ID           string // chosen, ASCII
	Name         string // at most 64 characters
	Area         string
	Controller   string
	EntryReaders []string // registered readers of the same controller, at least one
	ExitReaders  []string // empty: the way out is not measured
	ReleaseMS    int      // how long the strike stays released, 500–30,000
	HeldMS       int      // open longer than this is "held", 1,000–600,000
	AreaName     string   // in answers
	Version      int64    // in answers: from 1
}

// Right lets a person into an area. An empty Schedule means at any hour.
type Right struct {
	ID           string // made
	Person       string
	PersonName   string
	Area         string
	AreaName     string
	Schedule     string
	ScheduleName string
	period.Period
	Withdrawn bool
	Version   int64
}

// RightFilter narrows the list of rights. Zero fields do not narrow.
type RightFilter struct {
	Person    string
	Area      string
	Withdrawn bool // also those withdrawn
	Limit     int  // at most 500; 0: 100
	After     string
}

// Register is the register of areas.
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }
