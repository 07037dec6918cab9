package access

import (
	"fmt"
	"time"
)

// Class of a person decides how long a door believes its policy about them without the centre's word.
type Class string

// Classes. The empty class is Staff.
const (
	Staff      Class = "staff"
	Contractor Class = "contractor"
	Visitor    Class = "visitor"
)

// ClassIndex numbers the classes.
type ClassIndex uint8

// Numbers of the classes.
const (
	StaffIndex ClassIndex = iota
	ContractorIndex
	VisitorIndex
	RecoveryIndex // no class of people: the recovery holders, whose lease is MostLease
)

// IndexOf is the number of a class; false for one that nobody knows.
func IndexOf(c Class) (ClassIndex, bool) {
	switch c {
	case "", Staff:
		return StaffIndex, true
	case Contractor:
		return ContractorIndex, true
	case Visitor:
		return VisitorIndex, true
	default:
		return 0, false
	}
}

// AllClasses lists the classes.
func AllClasses() []Class { return []Class{Staff, Contractor, Visitor} }

// Classes is a set of classes.
type Classes uint8

// With returns the set with a class added. A class nobody knows adds nothing.
func (s Classes) With(c Class) Classes {
	i, ok := IndexOf(c)
	if !ok {
		return s
	}
	return s | 1<<i
}

// Has reports whether a class is in the set.
func (s Classes) Has(i ClassIndex) bool { return s&(1<<i) != 0 }

// Contains reports whether a class is in the set.
func (s Classes) Contains(c Class) bool {
	i, ok := IndexOf(c)
	return ok && s.Has(i)
}

// Lease is how long, in seconds, a door decides by a policy after the centre has last confirmed it, for each class of people.
// 0 stands for the default.
type Lease struct {
	Staff      int64 `json:"staff,omitempty"`
	Contractor int64 `json:"contractor,omitempty"`
	Visitor    int64 `json:"visitor,omitempty"`
}

// Leases that stand for 0, and the bounds of all others.
const (
	StaffLease = 72 * time.Hour
	GuestLease = 12 * time.Hour // contractors and visitors
	LeastLease = time.Hour
	MostLease  = 30 * 24 * time.Hour
)

// For returns the lease of a class; an unknown class has none.
func (l Lease) For(c Class) time.Duration {
	i, ok := IndexOf(c)
	if !ok {
		return 0
	}
	seconds := [...]int64{l.Staff, l.Contractor, l.Visitor}[i]
	if seconds == 0 {
		return [...]time.Duration{StaffLease, GuestLease, GuestLease}[i]
	}
	return time.Duration(seconds) * time.Second
}

// Validate checks that every lease given is between LeastLease and MostLease.
func (l Lease) Validate() error {
	for _, s := range []int64{l.Staff, l.Contractor, l.Visitor} {
		if s != 0 && (s < int64(LeastLease/time.Second) || s > int64(MostLease/time.Second)) {
			return fmt.Errorf("lease of %d s, want %v to %v", s, LeastLease, MostLease)
		}
	}
	return nil
}

// Lapsed returns the classes whose lease is over when the centre last confirmed the policy age ago.
func (l Lease) Lapsed(age time.Duration) Classes {
	var s Classes
	for _, c := range AllClasses() {
		if age >= l.For(c) {
			s = s.With(c)
		}
	}
	if age >= MostLease {
		s |= 1 << RecoveryIndex
	}
	return s
}
