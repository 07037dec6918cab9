package revoke

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/revocation"
)

// collect makes runs with sealed entries.
func (p *Publisher) collect(ctx context.Context, q store.Queryer, have, latest access.Version) ([]wire.RevokedSet, error) {
	sets, err := collect(ctx, q, have, latest)
	for _, set := range sets {
		p.cfg.Seals.Seal(set.Entries)
	}
	return sets, err
}

// collect makes the runs that bring somebody who has everything up to have to latest. Of another epoch, or with nothing yet, it is the whole
// set: first what is in force of earlier epochs, as runs that end at number 0 of the present one, then the present one.
func collect(ctx context.Context, q store.Queryer, have, latest access.Version) ([]wire.RevokedSet, error) {
	var sets []wire.RevokedSet
	from := have.N
	if have.Epoch != latest.Epoch || from > latest.N {
		from = 0
	}
	if from == 0 {
		set, err := revocation.Set(ctx, q)
		if err != nil {
			return nil, err
		}
		sets = earlier(set, latest)
	}
	for {
		entries, err := revocation.Since(ctx, q, from)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			break
		}
		upto := entries[len(entries)-1].Version
		sets = append(sets, wire.NewRevokedSet(from, upto, entries))
		from = upto.N
	}
	if len(sets) == 0 { // nothing at all was ever revoked, and a number moved: an empty set says so
		sets = append(sets, wire.NewRevokedSet(0, latest, nil))
	}
	return sets, nil
}

// earlier cuts the entries in force of epochs before latest's into runs, of which only the last says that all are there.
func earlier(set []access.Revocation, latest access.Version) []wire.RevokedSet {
	n := 0
	for n < len(set) && set[n].Version.Epoch < latest.Epoch {
		n++
	}
	upto := access.Version{Epoch: latest.Epoch}
	var sets []wire.RevokedSet
	for rest := set[:n]; len(rest) > 0; {
		size := min(len(rest), wire.MaxRevoked)
		sets = append(sets, wire.NewRevokedSet(0, upto, rest[:size]))
		rest = rest[size:]
		sets[len(sets)-1].More = len(rest) > 0
	}
	return sets
}
