package revocation

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/store"
)

// Standing returns what every controller should have: the newest version, and the hash (access.Revocations.Hash) of the whole set; "" while
// nothing was ever revoked.
func (r *Register) Standing(ctx context.Context, actor store.Actor) (access.Version, string, error) {
	var latest access.Version
	var list []access.Revocation
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		if latest, err = Latest(ctx, q); err == nil {
			list, err = Set(ctx, q)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		return latest, "", err
	}
	set := make(access.Revocations, len(list))
	set.Merge(list...)
	return latest, set.Hash(), nil
}
