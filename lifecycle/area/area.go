// Package area is the register of controlled areas (管理区域, Art. 43): the areas with their owner, grade and rules, the doors that lead into
// them, the weekly schedules, and who may enter when. Every change is a new version, and in the same
// transaction every controller that must learn of it gets a higher wanted policy.
//
// What makes a graded area (grade 2 or 3, before or after) easier to enter, or different, needs two people: the method then keeps a request and returns an
// approval.Waiting, and the change is made when somebody else approves it. Withdrawing a right and locking an area down never wait.
package area

import (
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/period"
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
	Escort    bool // may bring visitors; staff only
	First     bool // may be the first in an empty area
	Lockdown  bool // may pass during a lockdown
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
type Register struct {
	store     *store.Store
	approvals *approval.Register
}

// New opens the register, and tells the register of approvals how changes of areas are made.
func New(s *store.Store, approvals *approval.Register) *Register {
	approvals.Handle(areaAdd, kind(addArea))
	approvals.Handle(areaChange, kind(changeArea))
	approvals.Handle(doorAdd, kind(addDoor))
	approvals.Handle(doorChange, kind(changeDoor))
	approvals.Handle(interlockChange, kind(changeInterlock))
	approvals.Handle(scheduleChange, kind(changeSchedule))
	approvals.Handle(rightGrant, kind(grantRights))
	approvals.Handle(gradeChange, kind(changeGrade))
	return &Register{store: s, approvals: approvals}
}
