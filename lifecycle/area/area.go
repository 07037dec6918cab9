// Package area is the register of controlled areas (管理区域, Art. 43): the areas with their owner, grade and rules, the doors that lead into
// them, the weekly schedules, and who may enter when. Every change is a new version, and in the same
// transaction every controller that must learn of it gets a higher wanted policy.
//
// What makes a graded area (grade 2 or 3, before or after) easier to enter, or different, needs two people: the method then keeps a request and returns an
// approval.WaitingError, and the change is made when somebody else approves it. Withdrawing a right and locking an area down never wait.
package area

import (
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/period"
)

// Area is a controlled area; package premises also knows which rules it can keep.
type Area = premises.Area

// Door leads into one area and hangs on one controller.
type Door = premises.Door

// Lockdown is whether an area is locked down (封鎖).
type Lockdown = premises.Lockdown

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
	approvals.Handle(areaAdd, approval.Made(authz.AreaWrite, addArea))
	approvals.Handle(areaChange, approval.Made(authz.AreaWrite, changeArea))
	approvals.Handle(doorAdd, approval.Made(authz.AreaWrite, addDoor))
	approvals.Handle(doorChange, approval.Made(authz.AreaWrite, changeDoor))
	approvals.Handle(interlockChange, approval.Made(authz.AreaWrite, changeInterlock))
	approvals.Handle(scheduleChange, approval.Made(authz.AreaWrite, changeSchedule))
	approvals.Handle(rightGrant, approval.Made(authz.AreaWrite, grantRights))
	return &Register{store: s, approvals: approvals}
}
