// Package authz is the one table of who may do what: role × action. It is pure; the registers ask it inside
// their transactions and the HTTP edge asks it before it starts work.
package authz

import "slices"

// Role is a role of the standard (docs/roles.md).
type Role string

// Roles.
const (
	CISO            Role = "ciso"
	DepartmentHead  Role = "department_head"
	CSIRT           Role = "csirt"
	SecurityManager Role = "security_manager"
	SystemManager   Role = "system_manager"
	Operator        Role = "operator"
	Staff           Role = "staff"
	Guard           Role = "guard"
	Contractor      Role = "contractor"
	Auditor         Role = "auditor"
)

// Action is one thing a person may be allowed to do.
type Action string

// Actions.
const (
	StaffRead    Action = "staff.read"
	StaffWrite   Action = "staff.write"
	AreaRead     Action = "area.read"
	AreaWrite    Action = "area.write"
	DeviceRead   Action = "device.read"
	DeviceWrite  Action = "device.write"
	CardRead     Action = "card.read"
	CardIssue    Action = "card.issue"
	EntryRead    Action = "entry.read"
	AccountRead  Action = "account.read"
	AccountWrite Action = "account.write"
	LedgerRead   Action = "ledger.read"
)

var table = map[Action][]Role{
	StaffRead:    {CISO, DepartmentHead, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor},
	StaffWrite:   {SystemManager, Operator},
	AreaRead:     {CISO, DepartmentHead, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor},
	AreaWrite:    {SecurityManager, SystemManager},
	DeviceRead:   {CISO, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor},
	DeviceWrite:  {SystemManager},
	CardRead:     {CISO, SecurityManager, SystemManager, Operator, Guard, Auditor},
	CardIssue:    {SystemManager, Operator},
	EntryRead:    {CISO, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor},
	AccountRead:  {CISO, SystemManager, Auditor},
	AccountWrite: {SystemManager},
	LedgerRead:   {CISO, SystemManager, Auditor},
}

// Allowed reports whether any of the roles may do a. An action without a row is nobody's.
func Allowed(roles []Role, a Action) bool {
	return slices.ContainsFunc(table[a], func(r Role) bool { return slices.Contains(roles, r) })
}

// ValidRole reports whether r is a role of the table's vocabulary.
func ValidRole(r Role) bool { return slices.Contains(Roles(), r) }

// Roles lists every role, the most senior first.
func Roles() []Role {
	return []Role{CISO, DepartmentHead, CSIRT, SecurityManager, SystemManager, Operator, Staff, Guard, Contractor, Auditor}
}
