package epoch

import (
	"context"
	"log/slog"

	"kanmon/internal/access"
)

// Proved opens a new epoch after the one of a version that the centre sealed once, and that this database never gave out or gave to
// something else: it was put back to an older state. One that has been opened since is enough. It reports whether the version is of an
// epoch that has ended. The caller has checked the seal; what is so far ahead that it cannot be is passed over all the same.
func (k *Keeper) Proved(ctx context.Context, v access.Version, why string) (past bool, err error) {
	now, err := k.present(ctx)
	if err != nil || v.Epoch < now.Epoch {
		return err == nil, err
	}
	if v.Epoch > now.Epoch+farthest {
		k.log.ErrorContext(ctx, "a sealed revocation names an epoch that cannot be", slog.Any("version", v))
		return false, nil
	}
	k.log.ErrorContext(ctx, "a door shows what this database has lost: a new epoch is opened", slog.Any("version", v), slog.String("why", why))
	_, err = k.open(ctx, v.Epoch+1, why)
	return err == nil, err
}
