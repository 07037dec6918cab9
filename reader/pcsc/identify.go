package pcsc

import (
	"kanmon/internal/access"
	"kanmon/reader/credential"
	"kanmon/reader/pcsc/apdu"
)

// identify makes a credential of what a card gave.
func identify(got apdu.Card, plan apdu.Plan) (c Card, err error) {
	c.Trust = access.TrustNumber
	switch {
	case got.Technology == apdu.TypeB:
		err = credential.TypeB()
	case got.Memory != nil:
		c.Trust = access.TrustMemory
		c.Credential, err = credential.FromService(plan.Service.System, plan.Service.Service, got.Memory)
	case got.Technology == apdu.FeliCa:
		c.Credential, err = credential.FromIDm(got.Number)
	default:
		c.Credential, err = credential.FromUID(got.Number)
	}
	return c, err
}
