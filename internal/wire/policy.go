package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// partSize is how many records (people, credentials, rights) travel in one part: well under MaxPayload.
const partSize = 2000

// PolicyBytes are the canonical bytes of a whole policy: its compact JSON, empty lists as [] and never null.
func PolicyBytes(s access.Spec) ([]byte, error) {
	s.Areas, s.Doors, s.Schedules = some(s.Areas), some(s.Doors), some(s.Schedules)
	s.People, s.Credentials, s.Rights = some(s.People), some(s.Credentials), some(s.Rights)
	b, err := json.Marshal(s)
	return b, fault.Wrap(fault.Invalid, err, "encode policy")
}

// PolicyHash is the hex SHA-256 of PolicyBytes.
func PolicyHash(s access.Spec) (string, error) {
	b, err := PolicyBytes(s)
	if err != nil {
		return "", err
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:]), nil
}

// SplitPolicy cuts a policy into parts that each fit a payload. Areas, doors and schedules go with the first.
func SplitPolicy(s access.Spec) ([]PolicyPart, error) {
	hash, err := PolicyHash(s)
	if err != nil {
		return nil, err
	}
	var parts []PolicyPart
	for first := true; first || len(s.People)+len(s.Credentials)+len(s.Rights) > 0; first = false {
		p := PolicyPart{V: V, Type: Policy, N: len(parts) + 1, Hash: hash, Spec: access.Spec{Version: s.Version}}
		if first {
			p.Spec.Areas, p.Spec.Doors, p.Spec.Schedules = s.Areas, s.Doors, s.Schedules
		}
		room := partSize
		p.Spec.People, s.People = take(s.People, &room)
		p.Spec.Rights, s.Rights = take(s.Rights, &room)
		p.Spec.Credentials, s.Credentials = take(s.Credentials, &room)
		parts = append(parts, p)
	}
	for i := range parts {
		parts[i].Of = len(parts)
	}
	return parts, nil
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func take[T any](from []T, room *int) (head, rest []T) {
	n := min(len(from), *room)
	*room -= n
	return from[:n:n], from[n:]
}

// DecodePolicyPart reads one part.
func DecodePolicyPart(b []byte) (PolicyPart, error) {
	var p PolicyPart
	if err := decode(b, Policy, &p); err != nil {
		return PolicyPart{}, err
	}
	if p.Of < 1 || p.Of > 10_000 || p.N < 1 || p.N > p.Of {
		return PolicyPart{}, fault.New(fault.Invalid, "wire.policy", fmt.Sprintf("policy part %d of %d", p.N, p.Of))
	}
	return p, nil
}

// Assembler joins the parts of a snapshot as they arrive, in any order, doubles allowed. A part of a newer
// version, or of other bytes, drops what was collected so far. The zero value is ready.
type Assembler struct {
	have map[int]access.Spec
	last PolicyPart
}

// Add takes a part; done is true when the snapshot is complete and its hash is right.
func (a *Assembler) Add(p PolicyPart) (whole access.Spec, done bool, err error) {
	if a.have == nil || p.Hash != a.last.Hash || p.Of != a.last.Of || p.Spec.Version != a.last.Spec.Version {
		if a.have != nil && p.Spec.Version.Less(a.last.Spec.Version) {
			return access.Spec{}, false, nil // a late part of an older snapshot
		}
		a.have, a.last = map[int]access.Spec{}, PolicyPart{Hash: p.Hash, Of: p.Of, Spec: access.Spec{Version: p.Spec.Version}}
	}
	a.have[p.N] = p.Spec
	if len(a.have) < p.Of {
		return access.Spec{}, false, nil
	}
	whole = a.join()
	a.have = nil
	hash, err := PolicyHash(whole)
	if err == nil && hash != p.Hash {
		err = fault.New(fault.Invalid, "wire.policy", "the parts of the policy do not give its hash")
	}
	return whole, err == nil, err
}

func (a *Assembler) join() access.Spec {
	s := access.Spec{Version: a.last.Spec.Version}
	for n := 1; n <= a.last.Of; n++ {
		p := a.have[n]
		s.Areas = append(s.Areas, p.Areas...)
		s.Doors = append(s.Doors, p.Doors...)
		s.Schedules = append(s.Schedules, p.Schedules...)
		s.People = append(s.People, p.People...)
		s.Credentials = append(s.Credentials, p.Credentials...)
		s.Rights = append(s.Rights, p.Rights...)
	}
	return s
}

func hexOf(h event.Hash) string { return hex.EncodeToString(h[:]) }

func hashOf(s string) (event.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(event.Hash{}) {
		return event.Hash{}, fault.New(fault.Invalid, "wire.hash", "a chain hash is not 64 hex digits")
	}
	return event.Hash(b), nil
}
