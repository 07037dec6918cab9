package revoke

import (
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/wire"
)

// Of a set that takes several messages only the last says that all of it is there.
func TestOnlyTheLastRunOfEarlierEpochsSaysThatAllAreThere(t *testing.T) {
	for _, n := range []int{0, 1, wire.MaxRevoked, wire.MaxRevoked + 1, 2*wire.MaxRevoked + 5} {
		set := make([]access.Revocation, n, n+1)
		for i := range set {
			set[i].Version = access.Version{Epoch: 1, N: uint64(i) + 1}
		}
		set = append(set, access.Revocation{Version: access.Version{Epoch: 2, N: 1}})
		runs, entries := earlier(set, access.Version{Epoch: 2, N: 1}), 0
		for i, run := range runs {
			entries += len(run.Entries)
			if last := i == len(runs)-1; run.More == last || run.From != 0 || run.Upto != (access.Version{Epoch: 2}) {
				t.Errorf("of %d entries, run %d of %d: from %d to %v, more %v", n, i+1, len(runs), run.From, run.Upto, run.More)
			}
		}
		if entries != n {
			t.Errorf("%d entries of %d in %d runs", entries, n, len(runs))
		}
	}
}
