package wire

import (
	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Assembler joins the parts of a snapshot as they arrive, in any order, doubles allowed. A part of a newer policy drops what was
// collected so far, one of an older is passed over. It keeps no more than the manifest's signed size allows: the parts themselves
// are not signed, so a broker can spoil a policy, but neither forge one nor fill the memory. The zero value is ready.
type Assembler struct {
	have map[int]piece
	last PolicyMessage // the first of those collected
	size int64
}

type piece struct {
	spec access.Spec
	size int64
}

// overhead is more than a part takes beside its share of the policy.
const overhead = 2 << 10

// Add takes a message that has a Part; done is true when the snapshot is complete and is the one its manifest names. After an error
// everything collected is dropped.
func (a *Assembler) Add(m PolicyMessage) (whole access.Spec, done bool, err error) {
	if m.Part == nil {
		return access.Spec{}, false, fault.New(fault.Invalid, "wire.policy", "no part of a policy")
	}
	if a.have != nil && m.Manifest.before(a.last.Manifest) {
		return access.Spec{}, false, nil // a late part of an older snapshot
	}
	if a.have == nil || !m.Manifest.same(a.last.Manifest) || m.Part.Of != a.last.Part.Of {
		*a = Assembler{have: map[int]piece{}, last: m}
	}
	if err := a.put(m); err != nil || len(a.have) < m.Part.Of {
		return access.Spec{}, false, err
	}
	whole = a.join()
	*a = Assembler{}
	if err := m.Manifest.Check(whole); err != nil {
		return access.Spec{}, false, err
	}
	return whole, true, nil
}

func (a *Assembler) put(m PolicyMessage) error {
	a.size += int64(m.size) - a.have[m.Part.N].size
	a.have[m.Part.N] = piece{m.Part.Spec, int64(m.size)}
	if most := m.Manifest.Size + int64(m.Part.Of)*overhead; a.size > most {
		*a = Assembler{}
		return fault.New(fault.TooLarge, "wire.policy", "the parts are more than the policy that their manifest names")
	}
	return nil
}

// same reports whether two manifests name one policy; the centre may have signed it twice.
func (m Manifest) same(o Manifest) bool { return m.Version == o.Version && m.Hash == o.Hash }

// before reports whether m names an older policy than o.
func (m Manifest) before(o Manifest) bool {
	return m.Version.Less(o.Version) || (m.Version == o.Version && m.Hash != o.Hash && m.At.Before(o.At))
}

func (a *Assembler) join() access.Spec {
	first := a.have[1].spec
	s := access.Spec{Version: first.Version, Lease: first.Lease, CalendarUntil: first.CalendarUntil}
	for n := 1; n <= a.last.Part.Of; n++ {
		p := a.have[n].spec
		s.Areas = append(s.Areas, p.Areas...)
		s.Doors = append(s.Doors, p.Doors...)
		s.Readers = append(s.Readers, p.Readers...)
		s.Schedules = append(s.Schedules, p.Schedules...)
		s.Calendar = append(s.Calendar, p.Calendar...)
		s.People = append(s.People, p.People...)
		s.Credentials = append(s.Credentials, p.Credentials...)
		s.Rights = append(s.Rights, p.Rights...)
		s.PINs = append(s.PINs, p.PINs...)
		s.Revocations = append(s.Revocations, p.Revocations...)
	}
	return noNull(s)
}
