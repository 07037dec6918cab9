package fleet

import "kanmon/internal/access"

// Summary is how a fleet stands.
type Summary struct {
	Events, Acked uint64         // of all controllers together
	Policies      int            // controllers that have a policy
	Revoked       access.Version // the oldest state of the revocation set at any controller
	Behind        int            // controllers whose set is older than the newest one's
}

// Summary looks at all controllers.
func (f *Fleet) Summary() Summary {
	var s Summary
	states := make([]access.Version, 0, len(f.members))
	var newest access.Version
	for _, m := range f.members {
		st := m.Status()
		s.Events += st.LastSeq
		s.Acked += st.Acked
		if st.Policy != nil {
			s.Policies++
		}
		var revoked access.Version
		if st.Revoked != nil {
			revoked = *st.Revoked
		}
		states = append(states, revoked)
		if newest.Less(revoked) {
			newest = revoked
		}
	}
	s.Revoked = newest
	for _, v := range states {
		if v.Less(newest) {
			s.Behind++
		}
		if v.Less(s.Revoked) {
			s.Revoked = v
		}
	}
	return s
}
