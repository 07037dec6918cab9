package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

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

// Manifest names one policy by its version and hash. The centre signs it, and with it everything whose hash this is.
type Manifest struct {
	V       int            `json:"v"`
	Type    Kind           `json:"type"`
	Version access.Version `json:"version"`
	Hash    string         `json:"hash"` // hex SHA-256 of PolicyBytes of the whole
	At      time.Time      `json:"at"`   // the centre's clock when signing
}

const (
	manifestType Kind = "manifest"
	deltaType    Kind = "delta"
)

// PolicyPart is part N (from 1) of Of. All parts of one snapshot have the same Manifest; joining the lists of
// their Specs in order gives the whole, which must have the manifest's hash.
type PolicyPart struct {
	V        int         `json:"v"`
	Type     Kind        `json:"type"`
	N        int         `json:"n"`
	Of       int         `json:"of"`
	Manifest Signed      `json:"manifest"`
	Spec     access.Spec `json:"spec"`
}

// SignPolicy makes the manifest of a policy for a controller.
func SignPolicy(at Address, s access.Spec, now time.Time, by Signer) (Signed, error) {
	hash, err := PolicyHash(s)
	if err != nil {
		return Signed{}, err
	}
	return sealed(at, Manifest{V: V, Type: manifestType, Version: s.Version, Hash: hash, At: now.UTC().Truncate(time.Microsecond)}, by)
}

// OpenManifest checks a manifest's signature and reads it.
func OpenManifest(at Address, s Signed, keys Keys) (Manifest, error) {
	var m Manifest
	if s.V != V || s.Type != signedType {
		return m, fault.New(fault.Invalid, "wire.version", "a manifest of another version")
	}
	if err := s.open(at, manifestType, keys, &m); err != nil {
		return Manifest{}, err
	}
	_, err := hashOf(m.Hash)
	return m, err
}

// PolicyMessage is what came on a policy topic: a Part or a Delta, with its manifest, whose signature holds.
type PolicyMessage struct {
	Manifest Manifest
	Signed   Signed // the manifest as it was signed, to be kept with the policy
	Part     *PolicyPart
	Delta    *PolicyDelta
}

// DecodePolicy reads a part of a snapshot or a delta.
func DecodePolicy(at Address, payload []byte, keys Keys) (PolicyMessage, error) {
	m, err := decodePolicy(payload)
	if err != nil {
		return PolicyMessage{}, err
	}
	m.Manifest, err = OpenManifest(at, m.Signed, keys)
	if err != nil {
		return PolicyMessage{}, err
	}
	return m, nil
}

func decodePolicy(payload []byte) (PolicyMessage, error) {
	if bytes.HasPrefix(payload, []byte(`{"v":1,"type":"delta"`)) {
		var d PolicyDelta
		err := decode(payload, MaxPayload, deltaType, &d)
		if err == nil {
			_, err = hashOf(d.Base)
		}
		return PolicyMessage{Signed: d.Manifest, Delta: &d}, err
	}
	var p PolicyPart
	if err := decode(payload, MaxPayload, Policy, &p); err != nil {
		return PolicyMessage{}, err
	}
	if p.Of < 1 || p.Of > maxParts || p.N < 1 || p.N > p.Of {
		return PolicyMessage{}, fault.New(fault.Invalid, "wire.policy", fmt.Sprintf("policy part %d of %d", p.N, p.Of))
	}
	return PolicyMessage{Signed: p.Manifest, Part: &p}, nil
}

// PolicyBytes are the canonical bytes of a whole policy: its compact JSON, empty lists as [] and never null.
func PolicyBytes(s access.Spec) ([]byte, error) {
	b, err := event.Marshal(noNull(s))
	return b, fault.Wrap(fault.Invalid, err, "policy")
}

func noNull(s access.Spec) access.Spec {
	s.Areas, s.Doors, s.Schedules = some(s.Areas), some(s.Doors), some(s.Schedules)
	s.People, s.Credentials, s.Rights = some(s.People), some(s.Credentials), some(s.Rights)
	s.Revocations = some(s.Revocations)
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
func SplitPolicy(s access.Spec, manifest Signed) ([]PolicyPart, error) {
	if size(s) > maxPolicy {
		return nil, fault.New(fault.TooLarge, "wire.policy", fmt.Sprintf("policy of %d people, %d cards and %d rights", len(s.People), len(s.Credentials), len(s.Rights)))
	}
	var parts []PolicyPart
	for first := true; first || left(s) > 0; first = false {
		p := PolicyPart{V: V, Type: Policy, N: len(parts) + 1, Manifest: manifest, Spec: access.Spec{Version: s.Version, Lease: s.Lease}}
		c := cutter{room: partSize}
		p.Spec.Areas, s.Areas = take(&c, s.Areas, areaSize)
		p.Spec.Doors, s.Doors = take(&c, s.Doors, doorSize)
		p.Spec.Schedules, s.Schedules = take(&c, s.Schedules, scheduleSize)
		p.Spec.People, s.People = take(&c, s.People, personSize)
		p.Spec.Rights, s.Rights = take(&c, s.Rights, rightSize)
		p.Spec.Credentials, s.Credentials = take(&c, s.Credentials, credentialSize)
		p.Spec.Revocations, s.Revocations = take(&c, s.Revocations, revocationSize)
		p.Spec = noNull(p.Spec)
		parts = append(parts, p)
	}
	for i := range parts {
		parts[i].Of = len(parts)
	}
	return parts, nil
}

func left(s access.Spec) int {
	return len(s.Areas) + len(s.Doors) + len(s.Schedules) + len(s.People) + len(s.Credentials) + len(s.Rights) + len(s.Revocations)
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
		sum(s.People, personSize) + sum(s.Rights, rightSize) + sum(s.Credentials, credentialSize) + sum(s.Revocations, revocationSize)
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

func personSize(p *access.Person) int { return 80 + text(p.ID, string(p.Class)) }

func rightSize(r *access.Right) int { return 120 + text(r.Person, r.Area, r.Schedule) }

func credentialSize(c *access.Credential) int { return 200 + text(c.Card, c.Person, string(c.State)) }

func revocationSize(r *access.Revocation) int { return 200 + text(r.Card, string(r.State)) }

// Assembler joins the parts of a snapshot as they arrive, in any order, doubles allowed. A part of a newer
// version, or of another manifest, drops what was collected so far. The zero value is ready.
type Assembler struct {
	have map[int]access.Spec
	last PolicyMessage
	size int
}

// Add takes a message that has a Part; done is true when the snapshot is complete and is the one its manifest names. After an error
// everything collected is dropped.
func (a *Assembler) Add(m PolicyMessage) (whole access.Spec, done bool, err error) {
	p := m.Part
	if a.have == nil || m.Manifest != a.last.Manifest || p.Of != a.last.Part.Of {
		if a.have != nil && m.Manifest.Version.Less(a.last.Manifest.Version) {
			return access.Spec{}, false, nil // a late part of an older snapshot
		}
		*a = Assembler{have: map[int]access.Spec{}, last: m}
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
	if err := m.Manifest.Check(whole); err != nil {
		return access.Spec{}, false, err
	}
	return whole, true, nil
}

// Check reports whether a policy is the one that the manifest names.
func (m Manifest) Check(s access.Spec) error {
	hash, err := PolicyHash(s)
	if err == nil && (hash != m.Hash || s.Version != m.Version) {
		err = fault.New(fault.Invalid, "wire.policy", "the policy is not the one that its manifest names")
	}
	return err
}

func (a *Assembler) join() access.Spec {
	s := access.Spec{Version: a.last.Part.Spec.Version, Lease: a.last.Part.Spec.Lease}
	for n := 1; n <= a.last.Part.Of; n++ {
		p := a.have[n]
		s.Areas = append(s.Areas, p.Areas...)
		s.Doors = append(s.Doors, p.Doors...)
		s.Schedules = append(s.Schedules, p.Schedules...)
		s.People = append(s.People, p.People...)
		s.Credentials = append(s.Credentials, p.Credentials...)
		s.Rights = append(s.Rights, p.Rights...)
		s.Revocations = append(s.Revocations, p.Revocations...)
	}
	return noNull(s)
}
