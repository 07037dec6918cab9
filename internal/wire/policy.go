package wire

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// maxPolicy bounds the estimated size of one policy, some six times the text in it: enough for 250,000 people with six rights
// each.
const maxPolicy = 1 << 30

// maxParts is more than a policy of maxPolicy is cut into.
const maxParts = 4096

// Manifest names one policy by its version and hash. The centre signs it, and with it everything whose hash this is.
type Manifest struct {
	V       int            `json:"v"`
	Type    Kind           `json:"type"`
	Version access.Version `json:"version"`
	Hash    string         `json:"hash"` // hex SHA-256 of PolicyBytes of the whole
	Size    int64          `json:"size"` // of PolicyBytes: bounds what a broker can make a controller collect
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
	b, err := PolicyBytes(s)
	if err != nil {
		return Signed{}, err
	}
	m := Manifest{V: V, Type: manifestType, Version: s.Version, Hash: sumOf(b), Size: int64(len(b)), At: now.UTC().Truncate(time.Microsecond)}
	return sealed(at, manifestType, m, by)
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
	if _, err := hashOf(m.Hash); err != nil || m.Size < 1 || m.Size > maxPolicy {
		return Manifest{}, fault.New(fault.Invalid, "wire.policy", fmt.Sprintf("manifest of %d bytes with the hash %.64q", m.Size, m.Hash))
	}
	return m, nil
}

// PolicyMessage is what came on a policy topic: a Part or a Delta, with its manifest, whose signature holds.
type PolicyMessage struct {
	Manifest Manifest
	Signed   Signed // the manifest as it was signed, to be kept with the policy
	Part     *PolicyPart
	Delta    *PolicyDelta
	size     int // of the payload
}

// DecodePolicy reads a part of a snapshot or a delta.
func DecodePolicy(at Address, payload []byte, keys Keys) (PolicyMessage, error) {
	m, err := decodePolicy(payload)
	if err != nil {
		return PolicyMessage{}, err
	}
	m.size = len(payload)
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

// PolicyBytes are the canonical bytes of a whole policy: its compact JSON, every list written out, empty ones as [] and never null, but for readers and
// PINs, which are left out when there are none.
func PolicyBytes(s access.Spec) ([]byte, error) {
	b, err := event.Marshal(noNull(s))
	return b, fault.Wrap(fault.Invalid, err, "policy")
}

func noNull(s access.Spec) access.Spec {
	s.Areas, s.Doors, s.Schedules = some(s.Areas), doors(s.Doors), schedules(s.Schedules)
	s.People, s.Credentials, s.Rights = some(s.People), some(s.Credentials), some(s.Rights)
	s.Revocations = some(s.Revocations)
	s.Readers, s.PINs = orNil(s.Readers), orNil(s.PINs)
	return s
}

// orNil is for a list that is left out when it is empty.
func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func doors(list []access.Door) []access.Door {
	if slices.ContainsFunc(list, func(d access.Door) bool { return d.EntryReads == nil }) {
		list = slices.Clone(list) // the caller's stays as it is
		for i := range list {
			list[i].EntryReads = some(list[i].EntryReads)
		}
	}
	return some(list)
}

func schedules(list []access.Schedule) []access.Schedule {
	if slices.ContainsFunc(list, func(s access.Schedule) bool { return s.Windows == nil }) {
		list = slices.Clone(list)
		for i := range list {
			list[i].Windows = some(list[i].Windows)
		}
	}
	return some(list)
}

// PolicyHash is the hex SHA-256 of PolicyBytes.
func PolicyHash(s access.Spec) (string, error) {
	b, err := PolicyBytes(s)
	if err != nil {
		return "", err
	}
	return sumOf(b), nil
}

func sumOf(b []byte) string { return hexOf(sha256.Sum256(b)) }

// Check reports whether a policy is the one that the manifest names.
func (m Manifest) Check(s access.Spec) error {
	hash, err := PolicyHash(s)
	if err == nil && (hash != m.Hash || s.Version != m.Version) {
		err = fault.New(fault.Invalid, "wire.policy", "the policy is not the one that its manifest names")
	}
	return err
}
