package wire

import (
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// LeaseGrant confirms the policy to one controller, as of the moment when it made the nonce. Centre is the centre's epoch; Revoked is
// how far the revocation set goes; At is the centre's clock. It counts only for a controller that has both: else a broker that lets
// leases through and withholds revocations would keep a lost card alive for ever.
type LeaseGrant struct {
	V       int            `json:"v"`
	Type    Kind           `json:"type"`
	Nonce   string         `json:"nonce"`
	Centre  uint64         `json:"centre"`
	Policy  access.Version `json:"policy"`  // the version the controller should have
	Revoked access.Version `json:"revoked"` // N is 0 while nothing was ever revoked
	At      time.Time      `json:"at"`
}

// OpenLease reads a lease.
func OpenLease(at Address, payload []byte, keys Keys) (LeaseGrant, error) {
	var l LeaseGrant
	if err := Open(at, payload, keys, &l); err != nil {
		return LeaseGrant{}, err
	}
	if !validNonce(l.Nonce) || l.Centre == 0 {
		return LeaseGrant{}, fault.New(fault.Invalid, "wire.lease", "lease without a nonce or an epoch")
	}
	return l, nil
}
