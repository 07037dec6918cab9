package lifecycletest

import (
	"testing"

	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/device"
)

// Account gives an actor of the tests an account that belongs to a member of staff. With two of them that may write areas, changes of graded
// areas wait for the second (package approval); before, they are applied at once.
func (c *City) Account(tb testing.TB, actor store.Actor, member string) {
	tb.Helper()
	_, err := c.Accounts.Add(tb.Context(), store.System("test"), account.Details{
		ID: actor.ID, Staff: member, Roles: actor.Roles, Password: account.NewPassword("correct horse battery"),
	})
	must(tb, err)
}

// Reader registers one more reader on a controller.
func (c *City) Reader(tb testing.TB, controller, name string) {
	tb.Helper()
	_, err := c.Device.AddReader(tb.Context(), Manager, device.Reader{Controller: controller, Name: name, Kind: device.OSDPReader, Address: 99 - len(name)})
	must(tb, err)
}
