// Package authz is the one table of who may do what: role × action, and route → action. It is pure. The HTTP
// edge asks it before it starts work, and the registers ask it again inside their transactions.
//
// docs/roles.md is printed from these tables; an unknown role, action or route is nobody's.
package authz

import "slices"

// Role is a role of the standard (docs/roles.md).
type Role string

// Roles a person may hold.
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

// System is the program itself: jobs, first start, messages from controllers. It may do everything and no
// person can hold it, for it is not a ValidRole.
const System Role = "system"

// Action is one thing a person may be allowed to do.
type Action string

// Actions.
const (
	StaffRead      Action = "staff.read"
	StaffWrite     Action = "staff.write"
	AreaRead       Action = "area.read"
	AreaWrite      Action = "area.write"
	AreaLockdown   Action = "area.lockdown"
	AreaLift       Action = "area.lift"
	ApprovalRead   Action = "approval.read"
	DeviceRead     Action = "device.read"
	DeviceWrite    Action = "device.write"
	DeviceRevoke   Action = "device.revoke"
	DoorRelease    Action = "door.release"
	CardRead       Action = "card.read"
	CardIssue      Action = "card.issue"
	CardSuspend    Action = "card.suspend"
	CardRevoke     Action = "card.revoke"
	CardLift       Action = "card.lift"
	PINRead        Action = "pin.read"
	PINWrite       Action = "pin.write"
	EntryRead      Action = "entry.read"
	PresenceHand   Action = "presence.hand"
	PresenceForget Action = "presence.forget"
	AlarmRead      Action = "alarm.read"
	AlarmHandle    Action = "alarm.handle"
	AccountRead    Action = "account.read"
	AccountWrite   Action = "account.write"
	LedgerRead     Action = "ledger.read"
	KeyRead        Action = "key.read"
)

// rule is one row of the table.
type rule struct {
	action Action
	ja, en string
	roles  []Role
}

var table = []rule{
	{StaffRead, "職員名簿を見る", "read the staff register", []Role{CISO, DepartmentHead, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor}},
	{StaffWrite, "職員を登録・変更する", "add and change staff", []Role{SystemManager, Operator}},
	{AreaRead, "管理区域・扉・権限を見る", "read areas, doors and rights", []Role{CISO, DepartmentHead, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor}},
	{AreaWrite, "管理区域・扉・権限を定める", "define areas and doors, grant and withdraw rights", []Role{SecurityManager, SystemManager}},
	{AreaLockdown, "管理区域を封鎖する", "lock an area down", []Role{SecurityManager, SystemManager, Guard}},
	{AreaLift, "管理区域の封鎖を解く", "lift a lockdown", []Role{SecurityManager, SystemManager}},
	{ApprovalRead, "承認待ちの申請を見る（承認には、その変更を行う権限が要る）", "read requests (to approve one needs the right to the change itself)", []Role{CISO, SecurityManager, SystemManager, Auditor}},
	{DeviceRead, "制御装置・読取機の状態を見る", "read controllers and readers", []Role{CISO, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor}},
	{DeviceWrite, "制御装置・読取機を登録する", "register controllers and readers, make enrolment tokens", []Role{SystemManager}},
	{DeviceRevoke, "制御装置の証明書を失効させる", "throw a controller out", []Role{SecurityManager, SystemManager}},
	{DoorRelease, "扉を遠隔で解錠する", "release a door from afar", []Role{SecurityManager, SystemManager}},
	{CardRead, "カード管理簿を見る", "read the card register", []Role{CISO, SecurityManager, SystemManager, Operator, Guard, Auditor}},
	{CardIssue, "カードを発行する", "issue cards", []Role{SystemManager, Operator}},
	{CardSuspend, "カードを一時停止する（紛失の届出）", "suspend a card (a loss is reported)", []Role{SecurityManager, SystemManager, Operator, Guard}},
	{CardRevoke, "カードを失効させる", "revoke a card for good", []Role{SecurityManager, SystemManager}},
	{CardLift, "カードの一時停止を解除する", "lift the suspension of a card", []Role{SecurityManager, SystemManager}},
	{PINRead, "暗証番号の期限と変更記録を見る", "read which PINs there are, how old they are and when they changed; never a PIN", []Role{CISO, SecurityManager, SystemManager, Operator, Auditor}},
	{PINWrite, "暗証番号を発行する・無効にする", "set and withdraw PINs", []Role{SecurityManager, SystemManager}},
	{EntryRead, "入退室記録を見る", "read the entry log", []Role{CISO, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor}},
	{PresenceHand, "在室者一覧に手で記入する", "enter by hand who is inside", []Role{SecurityManager, SystemManager, Guard}},
	{PresenceForget, "在室をリセットする（扉が覚えている在室を忘れさせる）", "have doors forget who is inside", []Role{SecurityManager, SystemManager}},
	{AlarmRead, "警報を見る", "read alarms", []Role{CISO, CSIRT, SecurityManager, SystemManager, Operator, Guard, Auditor}},
	{AlarmHandle, "警報を確認し、終了する", "acknowledge and close alarms", []Role{SecurityManager, SystemManager, Guard}},
	{AccountRead, "利用者アカウントを見る", "read accounts", []Role{CISO, SystemManager, Auditor}},
	{AccountWrite, "利用者アカウントを作成・停止する", "create, change and disable accounts", []Role{SystemManager}},
	{LedgerRead, "台帳の証明を見る", "read ledger checkpoints and verify", []Role{CISO, SystemManager, Auditor}},
	{KeyRead, "鍵の管理簿を見る", "read the register of keys", []Role{CISO, SecurityManager, SystemManager, Auditor}},
}

// Allowed reports whether any of the roles may do a. An action without a row is nobody's, not even the system's.
func Allowed(roles []Role, a Action) bool {
	i := slices.IndexFunc(table, func(r rule) bool { return r.action == a })
	if i < 0 {
		return false
	}
	return slices.ContainsFunc(roles, func(r Role) bool { return r == System || slices.Contains(table[i].roles, r) })
}

// ValidRole reports whether a person may hold r.
func ValidRole(r Role) bool { return slices.Contains(Roles(), r) }

// Roles lists every role a person may hold, the most senior first.
func Roles() []Role {
	return []Role{CISO, DepartmentHead, CSIRT, SecurityManager, SystemManager, Operator, Staff, Guard, Contractor, Auditor}
}

// Actions lists every action, in the order of docs/roles.md.
func Actions() []Action {
	list := make([]Action, len(table))
	for i, r := range table {
		list[i] = r.action
	}
	return list
}
