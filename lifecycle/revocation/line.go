package revocation

import (
	"context"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// lineRow is what a controller is, and what it last said of itself. LeaseS and PolicyN are 0 for what it did not say.
type lineRow struct {
	ID, Place    string
	Online       bool
	LeasedAt     string `db:"leased_at"`
	Seen         string
	PolicyN      uint64 `db:"policy_n"`
	LeaseS       int64  `db:"lease_s"`
	RevokedEpoch uint64 `db:"revoked_epoch"`
	RevokedN     uint64 `db:"revoked_n"`
	RevokedHash  string `db:"revoked_hash"`
}

// standing fills in what the controllers are, when their leases end, and whose set is not ours.
func (r *Register) standing(ctx context.Context, q store.Queryer, lines map[string]*ControllerLine) error {
	var rows []lineRow
	err := q.Select(ctx, &rows, `SELECT id, place, online, leased_at, seen, policy_n, lease_s, revoked_epoch, revoked_n, revoked_hash
		FROM v_revocation_line`)
	if err != nil {
		return err
	}
	latest, hash, err := whole(ctx, q)
	if err != nil {
		return err
	}
	for _, row := range rows {
		line := lines[row.ID]
		if line == nil {
			continue
		}
		line.Place, line.Online = row.Place, row.Online
		has := access.Version{Epoch: row.RevokedEpoch, N: row.RevokedN}
		line.Differs = has == latest && row.RevokedHash != "" && row.RevokedHash != hash
		if line.LeaseEnds, err = row.leaseEnds(r.lease.For(access.Staff)); err != nil {
			return err
		}
	}
	return nil
}

// leaseEnds is the last moment at which the controller may let a holder in by what it last heard; zero when it has no policy to do so by.
// Everybody who holds a card is of the class staff for now. How long counts is what the policy in force there says: a setting made since has not
// reached a controller that is cut off. One whose policy was never confirmed counts from when it got it, which was not after it was last heard.
func (row lineRow) leaseEnds(setting time.Duration) (time.Time, error) {
	lease := time.Duration(row.LeaseS) * time.Second
	if lease == 0 {
		lease = setting
	}
	from := row.LeasedAt
	if from == "" && row.PolicyN > 0 {
		from = row.Seen
	}
	at, err := period.Time(from)
	if err != nil || at.IsZero() {
		return time.Time{}, err
	}
	return at.Add(lease), nil
}
