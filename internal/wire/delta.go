package wire

import (
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// PolicyDelta turns the policy with the hash Base into the one that Manifest names. Head has the new version, lease, areas, doors,
// readers, schedules and calendar, whole; the long lists come as what is new or changed (Set) and what is gone.
type PolicyDelta struct {
	V        int         `json:"v"`
	Type     Kind        `json:"type"`
	Base     string      `json:"base"`
	Manifest Signed      `json:"manifest"`
	Head     access.Spec `json:"head"`
	Set      LongLists   `json:"set"`
	Gone     LongLists   `json:"gone"` // of people, credentials, PINs and revocations only the keys count; rights whole
}

// LongLists are the lists of a policy that grow with the city.
type LongLists struct {
	People      []access.Person     `json:"people"`
	Credentials []access.Credential `json:"credentials"`
	Rights      []access.Right      `json:"rights"`
	PINs        []access.PIN        `json:"pins,omitempty"`
	Revocations []access.Revocation `json:"revocations"`
}

// NewDelta compares two policies in access.Order. The caller encodes it, and sends a snapshot when that says fault.TooLarge.
func NewDelta(from access.Spec, base string, to access.Spec, manifest Signed) PolicyDelta {
	d := PolicyDelta{V: V, Type: deltaType, Base: base, Manifest: manifest, Head: to}
	d.Head.People, d.Head.Credentials, d.Head.Rights, d.Head.PINs, d.Head.Revocations = nil, nil, nil, nil, nil
	d.Head = noNull(d.Head)
	d.Set.People, d.Gone.People = differ(from.People, to.People, func(p access.Person) string { return p.ID })
	d.Set.Credentials, d.Gone.Credentials = differ(from.Credentials, to.Credentials, func(c access.Credential) access.Key { return c.Key })
	d.Set.Rights, d.Gone.Rights = differ(from.Rights, to.Rights, func(r access.Right) access.Right { return r })
	d.Set.PINs, d.Gone.PINs = differ(from.PINs, to.PINs, func(p access.PIN) access.Key { return p.Key })
	d.Set.PINs, d.Gone.PINs = orNil(d.Set.PINs), orNil(d.Gone.PINs)
	d.Set.Revocations, d.Gone.Revocations = differ(from.Revocations, to.Revocations, func(r access.Revocation) access.Key { return r.Key })
	return d
}

func differ[T, K comparable](from, to []T, key func(T) K) (set, gone []T) {
	old, kept := make(map[K]T, len(from)), make(map[K]bool, len(to))
	for _, v := range from {
		old[key(v)] = v
	}
	set, gone = []T{}, []T{}
	for _, v := range to {
		kept[key(v)] = true
		if was, there := old[key(v)]; !there || was != v {
			set = append(set, v)
		}
	}
	for _, v := range from {
		if !kept[key(v)] {
			gone = append(gone, v)
		}
	}
	return set, gone
}

// Apply makes the new policy out of the base, whose hash is given, and checks that it is the one the manifest names. fault.Conflict:
// base is not the policy that the delta was made from, or it is already as new. The base does not change.
func (d PolicyDelta) Apply(base access.Spec, hash string, m Manifest) (access.Spec, error) {
	if hash != d.Base || !base.Version.Less(m.Version) {
		return access.Spec{}, fault.New(fault.Conflict, "wire.delta", "the delta is to another policy than the one in force")
	}
	s := d.Head
	s.Areas, s.Doors, s.Readers, s.Schedules = slices.Clone(s.Areas), slices.Clone(s.Doors), slices.Clone(s.Readers), slices.Clone(s.Schedules)
	s.People = patch(base.People, d.Set.People, d.Gone.People, func(p access.Person) string { return p.ID })
	s.Credentials = patch(base.Credentials, d.Set.Credentials, d.Gone.Credentials, func(c access.Credential) access.Key { return c.Key })
	s.Rights = patch(base.Rights, d.Set.Rights, d.Gone.Rights, func(r access.Right) access.Right { return r })
	s.PINs = patch(base.PINs, d.Set.PINs, d.Gone.PINs, func(p access.PIN) access.Key { return p.Key })
	s.Revocations = patch(base.Revocations, d.Set.Revocations, d.Gone.Revocations, func(r access.Revocation) access.Key { return r.Key })
	access.Order(&s)
	s = noNull(s)
	if err := m.Check(s); err != nil {
		return access.Spec{}, err
	}
	return s, nil
}

func patch[T any, K comparable](base, set, gone []T, key func(T) K) []T {
	drop := make(map[K]bool, len(set)+len(gone))
	for _, v := range slices.Concat(set, gone) {
		drop[key(v)] = true
	}
	out := make([]T, 0, len(base)+len(set))
	for _, v := range base {
		if !drop[key(v)] {
			out = append(out, v)
		}
	}
	return append(out, set...)
}
