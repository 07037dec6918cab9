package revocation

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/store"
)

// Standing returns what every controller should have: the newest version, and the hash (access.Revocations.Hash) of the whole set; "" while
// nothing was ever revoked.
func (r *Register) Standing(ctx context.Context, actor store.Actor) (latest access.Version, hash string, err error) {
	err = r.read(ctx, actor, func(q store.Queryer) error {
		latest, hash, err = whole(ctx, q)
		return err
	})
	return latest, hash, err
}

// whole is Standing within a transaction.
func whole(ctx context.Context, q store.Queryer) (access.Version, string, error) {
	latest, err := Latest(ctx, q)
	if err != nil {
		return latest, "", err
	}
	list, err := Set(ctx, q)
	if err != nil || len(list) == 0 {
		return latest, "", err
	}
	return latest, access.NewRevocations(list...).Hash(), nil
}
