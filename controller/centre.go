package controller

import (
	"time"

	"kanmon/controller/core"
	"kanmon/controller/journal"
	"kanmon/internal/wire"
)

// What the centre says, for the uplink: a Controller is its Doors.

// Revoke brings a run of the revocation set into force.
func (c *Controller) Revoke(set wire.RevokedSet) { c.Post(core.RevocationsCame{Set: set}) }

// Lease takes the centre's answer to a nonce that was made at a moment (Mono).
func (c *Controller) Lease(grant wire.LeaseGrant, made time.Duration) {
	c.Post(core.Leased{Grant: grant, Made: made})
}

// Command takes a command and a fresh nonce to answer it with.
func (c *Controller) Command(cmd wire.DoCommand, fresh string) {
	c.Post(core.Commanded{Command: cmd, Fresh: fresh})
}

// CommandRefused makes an event of something that came as a command and does not hold.
func (c *Controller) CommandRefused(detail string) { c.Post(core.CommandRejected{Detail: detail}) }

// CentreEpoch hears of an epoch of the centre.
func (c *Controller) CentreEpoch(epoch uint64) { c.Post(core.CentreSeen{Epoch: epoch}) }

// change is what goes to the journal with a record.
func change(c core.Change) journal.Change {
	return journal.Change{Policy: c.Policy, Centre: c.Centre, Floor: c.Floor, Lease: (*journal.Lease)(c.Lease), Revoked: (*journal.Revoked)(c.Revoked), Site: c.Site, Clock: (*journal.Clock)(&c.Clock)}
}
