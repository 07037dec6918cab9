package authz_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"kanmon/internal/authz"
)

var update = flag.Bool("update", false, "write docs/roles.md and the golden list anew")

// R101-1, R76-2 (a report suspends, a manager revokes or lifts): administrators and users have separate rights, and each as few as the work needs. The expected rights
// are written out here a second time, on purpose.
func TestTheRolesHoldExactlyTheseRights(t *testing.T) {
	read := []authz.Action{authz.StaffRead, authz.AreaRead, authz.DeviceRead, authz.CardRead, authz.EntryRead, authz.AlarmRead}
	want := map[authz.Role][]authz.Action{
		authz.CISO:           append([]authz.Action{authz.AccountRead, authz.ApprovalRead, authz.LedgerRead, authz.KeyRead, authz.PINRead}, read...),
		authz.DepartmentHead: {authz.StaffRead, authz.AreaRead},
		authz.CSIRT:          {authz.StaffRead, authz.AreaRead, authz.DeviceRead, authz.EntryRead, authz.AlarmRead},
		authz.SecurityManager: append([]authz.Action{
			authz.AreaWrite, authz.AreaLockdown, authz.AreaLift, authz.ApprovalRead, authz.DeviceRevoke, authz.DoorRelease, authz.CardSuspend, authz.CardRevoke, authz.CardLift, authz.KeyRead, authz.PresenceHand, authz.PresenceForget, authz.AlarmHandle, authz.PINRead, authz.PINWrite,
		}, read...),
		authz.SystemManager: authz.Actions(),
		authz.Operator:      append([]authz.Action{authz.StaffWrite, authz.CardIssue, authz.CardSuspend, authz.PINRead}, read...),
		authz.Staff:         nil,
		authz.Guard:         append([]authz.Action{authz.AreaLockdown, authz.CardSuspend, authz.PresenceHand, authz.AlarmHandle}, read...),
		authz.Contractor:    nil,
		authz.Auditor:       append([]authz.Action{authz.AccountRead, authz.ApprovalRead, authz.LedgerRead, authz.KeyRead, authz.PINRead}, read...),
	}
	if len(want) != len(authz.Roles()) {
		t.Fatalf("%d roles, %d expected", len(authz.Roles()), len(want))
	}
	for role, actions := range want {
		for _, a := range authz.Actions() {
			if got := authz.Allowed([]authz.Role{role}, a); got != slices.Contains(actions, a) {
				t.Errorf("%s may %s: %v", role, a, got)
			}
		}
	}
}

func TestWhatHasNoRowIsNobodys(t *testing.T) {
	everything := append(authz.Roles(), authz.System)
	if authz.Allowed(everything, "door.blow_up") {
		t.Error("an action without a row is allowed")
	}
	if need, ok := authz.NeedOf("GET /nowhere"); ok || need.Allows(everything) || need.IsPublic() || need.IsLoggedIn() {
		t.Error("a route without a row is allowed")
	}
	if authz.ValidRole(authz.System) || authz.ValidRole("") {
		t.Error("a person may hold the role of the system, or none")
	}
	if !authz.Allowed([]authz.Role{authz.System}, authz.AccountWrite) {
		t.Error("the system is not allowed")
	}
}

func TestRoutesStandOnceAndWithTheirMethod(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range authz.Routes() {
		if seen[r.Pattern] {
			t.Errorf("%s stands twice", r.Pattern)
		}
		seen[r.Pattern] = true
		method, path, ok := strings.Cut(r.Pattern, " ")
		if !ok || method != strings.ToUpper(method) || !strings.HasPrefix(path, "/") {
			t.Errorf("%q is not a method and a path", r.Pattern)
		}
		if r.Need.String() == "never" {
			t.Errorf("%s needs what nobody has", r.Pattern)
		}
	}
}

// Routes open before any log-in are a list that grows only on purpose.
func TestPublicRoutesAreAsListed(t *testing.T) {
	var list strings.Builder
	for _, r := range authz.Routes() {
		if r.Need.IsPublic() {
			list.WriteString(r.Pattern + "\n")
		}
	}
	golden(t, "testdata/public-routes.txt", list.String())
}

func TestTheDocumentIsPrintedFromTheTables(t *testing.T) {
	golden(t, "../../docs/roles.md", authz.Markdown())
}

func golden(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the tables say; look, then run: go test ./internal/authz -update", file)
	}
}
