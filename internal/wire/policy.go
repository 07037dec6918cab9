package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// maxPolicy bounds the estimated size of one policy, some six times the text in it: enough for 250,000 people with six rights
// each. Without a bound a broker could fill a controller's memory with parts.
const maxPolicy = 1 << 30

// maxParts is more than a policy of maxPolicy is cut into.
const maxParts = 4096

// partSize is the estimated size of a part, below MaxPayload by a margin.
const partSize = MaxPayload * 15 / 16

// PolicyBytes are the canonical bytes of a whole policy: its compact JSON, empty lists as [] and never null.
func PolicyBytes(s access.Spec) ([]byte, error) {
	b, err := event.Marshal(noNull(s))
	return b, fault.Wrap(fault.Invalid, err, "policy")
}

func noNull(s access.Spec) access.Spec {
	s.Areas, s.Doors, s.Schedules = some(s.Areas), some(s.Doors), some(s.Schedules)
	s.People, s.Credentials, s.Rights = some(s.People), some(s.Credentials), some(s.Rights)
	return s
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

// SplitPolicy cuts a policy into parts that each fit a payload, every list in its order. A policy of more than
// some hundreds of megabytes is fault.TooLarge.
func SplitPolicy(s access.Spec) ([]PolicyPart, error) {
	if size(s) > maxPolicy {
		return nil, fault.New(fault.TooLarge, "wire.policy", fmt.Sprintf("policy of %d people, %d cards and %d rights", len(s.People), len(s.Credentials), len(s.Rights)))
	}
	hash, err := PolicyHash(s)
	if err != nil {
		return nil, err
	}
	var parts []PolicyPart
	for first := true; first || left(s) > 0; first = false {
		p := PolicyPart{V: V, Type: Policy, N: len(parts) + 1, Hash: hash, Spec: access.Spec{Version: s.Version}}
		c := cutter{room: partSize}
		p.Spec.Areas, s.Areas = take(&c, s.Areas, areaSize)
		p.Spec.Doors, s.Doors = take(&c, s.Doors, doorSize)
		p.Spec.Schedules, s.Schedules = take(&c, s.Schedules, scheduleSize)
		p.Spec.People, s.People = take(&c, s.People, personSize)
		p.Spec.Rights, s.Rights = take(&c, s.Rights, rightSize)
		p.Spec.Credentials, s.Credentials = take(&c, s.Credentials, credentialSize)
		p.Spec = noNull(p.Spec)
		parts = append(parts, p)
	}
	for i := range parts {
		parts[i].Of = len(parts)
	}
	return parts, nil
}

func left(s access.Spec) int {
	return len(s.Areas) + len(s.Doors) + len(s.Schedules) + len(s.People) + len(s.Credentials) + len(s.Rights)
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// cutter fills one part.
type cutter struct {
	room int
	any  bool // the part has a record: a first one is taken whatever its size
}

func take[T any](c *cutter, from []T, size func(*T) int) (head, rest []T) {
	n := 0
	for n < len(from) {
		c.room -= size(&from[n])
		if c.room < 0 && c.any {
			break // and room stays below zero: no other list goes on
		}
		c.any = true
		n++
	}
	return from[:n:n], from[n:]
}

// Sizes in JSON, from above: a byte of text is escaped with at most six, a number has at most twenty digits.

func text(values ...string) (n int) {
	for _, v := range values {
		n += 6 * len(v)
	}
	return n
}

func size(s access.Spec) int {
	return sum(s.Areas, areaSize) + sum(s.Doors, doorSize) + sum(s.Schedules, scheduleSize) +
		sum(s.People, personSize) + sum(s.Rights, rightSize) + sum(s.Credentials, credentialSize)
}

func sum[T any](list []T, size func(*T) int) (n int) {
	for i := range list {
		n += size(&list[i])
	}
	return n
}

func areaSize(a *access.Area) int { return 80 + text(a.ID, a.Name, string(a.Record)) }

func doorSize(d *access.Door) int {
	return 160 + text(d.ID, d.Name, d.Area) + text(d.EntryReads...) + text(d.ExitReads...) + 3*(len(d.EntryReads)+len(d.ExitReads))
}

func scheduleSize(s *access.Schedule) int { return 60 + text(s.ID, s.Name) + 100*len(s.Windows) }

func personSize(p *access.Person) int { return 80 + text(p.ID) }

func rightSize(r *access.Right) int { return 120 + text(r.Person, r.Area, r.Schedule) }

func credentialSize(c *access.Credential) int { return 200 + text(c.Card, c.Person, string(c.State)) }

// DecodePolicyPart reads one part.
func DecodePolicyPart(b []byte) (PolicyPart, error) {
	var p PolicyPart
	if err := decode(b, MaxPayload, Policy, &p); err != nil {
		return PolicyPart{}, err
	}
	if p.Of < 1 || p.Of > maxParts || p.N < 1 || p.N > p.Of {
		return PolicyPart{}, fault.New(fault.Invalid, "wire.policy", fmt.Sprintf("policy part %d of %d", p.N, p.Of))
	}
	if _, err := hashOf(p.Hash); err != nil {
		return PolicyPart{}, err
	}
	return p, nil
}

// Assembler joins the parts of a snapshot as they arrive, in any order, doubles allowed. A part of a newer
// version, or of other bytes, drops what was collected so far. The zero value is ready.
type Assembler struct {
	have map[int]access.Spec
	last PolicyPart
	size int
}

// Add takes a part; done is true when the snapshot is complete and its hash is right. After an error everything
// collected is dropped.
func (a *Assembler) Add(p PolicyPart) (whole access.Spec, done bool, err error) {
	if a.have == nil || p.Hash != a.last.Hash || p.Of != a.last.Of || p.Spec.Version != a.last.Spec.Version {
		if a.have != nil && p.Spec.Version.Less(a.last.Spec.Version) {
			return access.Spec{}, false, nil // a late part of an older snapshot
		}
		*a = Assembler{have: map[int]access.Spec{}, last: PolicyPart{Hash: p.Hash, Of: p.Of, Spec: access.Spec{Version: p.Spec.Version}}}
	}
	a.size += size(p.Spec) - size(a.have[p.N])
	a.have[p.N] = p.Spec
	if a.size > maxPolicy {
		*a = Assembler{}
		return access.Spec{}, false, fault.New(fault.TooLarge, "wire.policy", "the parts of the policy are too many")
	}
	if len(a.have) < p.Of {
		return access.Spec{}, false, nil
	}
	whole = a.join()
	*a = Assembler{}
	hash, err := PolicyHash(whole)
	if err == nil && hash != p.Hash {
		err = fault.New(fault.Invalid, "wire.policy", "the parts of the policy do not give its hash")
	}
	if err != nil {
		return access.Spec{}, false, err
	}
	return whole, true, nil
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
	return noNull(s)
}
