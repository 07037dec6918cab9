package access

import (
	"cmp"
	"slices"
)

// Order puts every list of a Spec into the one order in which it is hashed and compared (ids; rights by their fields; revocations
// by version), and drops a right that stands there twice. Two Specs that say the same are equal afterwards. Lists are sorted in place.
func Order(s *Spec) {
	slices.SortFunc(s.Areas, func(a, b Area) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(s.Doors, func(a, b Door) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(s.Readers, func(a, b Reader) int { return cmp.Compare(a.Name, b.Name) })
	for _, r := range s.Readers {
		slices.SortFunc(r.Frames, CompareFrames)
	}
	slices.SortFunc(s.Schedules, func(a, b Schedule) int { return cmp.Compare(a.ID, b.ID) })
	for _, sc := range s.Schedules {
		slices.SortFunc(sc.Special, func(a, b SpecialDay) int { return cmp.Compare(a.Date, b.Date) })
	}
	slices.Sort(s.Calendar)
	slices.SortFunc(s.People, func(a, b Person) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(s.Credentials, compareCredentials)
	slices.SortFunc(s.Rights, CompareRights)
	s.Rights = slices.Compact(s.Rights)
	slices.SortFunc(s.PINs, ComparePINs)
	slices.SortFunc(s.Revocations, CompareRevocations)
}

func compareCredentials(a, b Credential) int {
	return cmp.Or(cmp.Compare(a.Card, b.Card), slices.Compare(a.Key[:], b.Key[:]))
}

// CompareRights orders rights by person, area, schedule and validity.
func CompareRights(a, b Right) int {
	return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Area, b.Area), cmp.Compare(a.Schedule, b.Schedule),
		cmp.Compare(a.From, b.From), cmp.Compare(a.Until, b.Until), compareFlags(a, b))
}

func compareFlags(a, b Right) int {
	flags := func(r Right) (n int) {
		for i, given := range []bool{r.Escort, r.First, r.Lockdown} {
			if given {
				n |= 1 << i
			}
		}
		return n
	}
	return cmp.Compare(flags(a), flags(b))
}

// ComparePINs orders PINs by person and area; two of one person and area, which only a broken policy has, by key.
func ComparePINs(a, b PIN) int {
	return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Area, b.Area), slices.Compare(a.Key[:], b.Key[:]))
}

// CompareRevocations orders entries by version; two of one version, which only a broken set has, by key.
func CompareRevocations(a, b Revocation) int {
	return cmp.Or(cmp.Compare(a.Version.Epoch, b.Version.Epoch), cmp.Compare(a.Version.N, b.Version.N), slices.Compare(a.Key[:], b.Key[:]))
}
