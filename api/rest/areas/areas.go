// Package areas is the areas with their timetables and doors, the rights to enter them, and what is commanded from afar: the release
// of a door, and to forget who is inside.
// What touches an area of grade 2 or 3 waits for a second person: the answer is then 202, with the request (package approvals).
package areas

import (
	"errors"

	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/grade"
	"kanmon/lifecycle/lockdown"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Areas     *area.Register
	Grades    *grade.Register
	Lockdowns *lockdown.Register
	Accounts  *account.Register // ask for the password again before a command
	Releaser  Releaser
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("areas")
	two := frame.Accepts[view.Approval](s, "It waits for a second person, because it touches an area of grade 2 or 3")
	frame.Get(s, "/areas", "listAreas", "Controlled areas", cfg.areas)
	frame.Create(two, "/areas", "addArea", "Define an area", cfg.addArea)
	frame.Get(s, "/areas/{id}", "getArea", "One area", cfg.area)
	frame.Put(two, "/areas/{id}", "changeArea", "Change an area", cfg.changeArea)
	frame.Post(s, "/areas/{id}/lockdown", "lockDown", "Lock an area down at once", cfg.lockDown)
	frame.Post(s, "/areas/{id}/lift", "liftLockdown", "End a lockdown", cfg.lift)
	frame.Post(s, "/areas/{id}/forget", "forgetInside", "Have the doors of an area forget where somebody, or everybody, is", cfg.forget)
	frame.Get(s, "/grades", "listGrades", "What areas of each grade ask at least", cfg.grades)
	frame.Put(two, "/grades/{grade}", "changeGrade", "Change that; always waits for a second person", cfg.changeGrade)
	cfg.scheduleRoutes(s, two)
	frame.Get(s, "/doors", "listDoors", "Doors", cfg.doors)
	frame.Create(two, "/doors", "addDoor", "Define a door", cfg.addDoor)
	frame.Put(two, "/doors/{id}", "changeDoor", "Change a door", cfg.changeDoor)
	frame.Put(two, "/interlocks/{name}", "interlock", "Make doors a group of which one at most is open", cfg.interlock)
	frame.Post(s, "/doors/{id}/release", "releaseDoor", "Release a door once from afar", cfg.release)
	cfg.rightRoutes(f.Section("rights"))
}

// waits turns a change that waits for a second person into the answer that says so.
func waits(err error) error {
	if w, ok := errors.AsType[*approval.WaitingError](err); ok {
		return frame.Accepted(view.NewApproval(w.Request))
	}
	return err
}
