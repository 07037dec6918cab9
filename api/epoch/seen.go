package epoch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Given is the newest version of each kind that the centre gave out.
type Given struct {
	Policy     access.Version // wanted of the controller
	Revocation access.Version
}

// farthest is how many epochs a controller's word can pass over in one step.
const farthest = 1000

// needed returns the epoch that has to be opened when a controller has the versions; false when the centre knows of them all.
func (g Given) needed(policy, revoked access.Version) (uint64, bool) {
	var least uint64
	for _, v := range []struct{ has, given access.Version }{{policy, g.Policy}, {revoked, g.Revocation}} {
		if v.given.Less(v.has) {
			least = max(least, v.has.Epoch+1, v.given.Epoch+1)
		}
	}
	return least, least > 0
}

// Seen takes the versions that a controller names in a message whose signature holds, beside those the centre gave out, read after the
// message came. It opens a new epoch, and reports so, when the controller has one that the centre never gave out. What cannot be is
// passed over. fault.TooMany: one was opened for a controller's word a moment ago; look again later. What is over a controller's
// bound of a day is an alarm in the log, counted, and no error: whatever else it says is taken as ever.
func (k *Keeper) Seen(ctx context.Context, controller string, policy, revoked access.Version, given Given, now time.Time) (opened bool, err error) {
	least, needed := given.needed(policy, revoked)
	if !needed {
		return false, nil
	}
	attrs := []any{
		slog.String("controller", controller), slog.Any("policy", policy), slog.Any("policy_given", given.Policy),
		slog.Any("revoked", revoked), slog.Any("revoked_given", given.Revocation),
	}
	switch k.claim(controller, least <= given.Policy.Epoch+farthest, now) {
	case later:
		return false, fault.New(fault.TooMany, "centre.epoch", "no new epoch is opened so soon after another")
	case never:
		k.refuse(ctx, controller, attrs)
		return false, nil
	case granted:
	}
	k.log.ErrorContext(ctx, "a controller has versions never given out by this database: a new epoch is opened", attrs...)
	_, err = k.open(ctx, least, fmt.Sprintf("controller %s has policy %d.%d and revocations %d.%d, and the newest are %d.%d and %d.%d", controller,
		policy.Epoch, policy.N, revoked.Epoch, revoked.N, given.Policy.Epoch, given.Policy.N, given.Revocation.Epoch, given.Revocation.N))
	if err != nil {
		k.unclaim(controller)
	}
	return err == nil, err
}

// refuse counts a claim that opens nothing. The log says so at 1, 2, 4, 8 …: seen early, never a flood.
func (k *Keeper) refuse(ctx context.Context, controller string, attrs []any) {
	n := k.refused(controller)
	if n&(n-1) == 0 {
		k.log.ErrorContext(ctx, "alarm: a controller names versions never given out and opens no more epochs; if the database was put back, "+
			"run kanmon-api new-epoch, else look at the controller", append(attrs, slog.Uint64("claims", n))...)
	}
}
