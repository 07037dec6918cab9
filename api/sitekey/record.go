package sitekey

import (
	"crypto/x509"
	"errors"
	"slices"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
)

// Entry is one key as it is to stand in the register of keys.
type Entry struct {
	key.Key
	Why   string   // who took the step that brought it there, and why
	Known []string // fingerprints of all keys that served the purpose so far, as the sealed file has them; nil: the file does not say
	// Optional: only an active key that is not known is missed. Without a fingerprint there is none to be entered.
	Optional bool
}

// Entries are all keys but the console's, whose certificates come and go by themselves.
func (k *Keys) Entries() ([]Entry, error) {
	own := pki.Fingerprint(k.centre.Public())
	centre := Entry{
		Key: key.Key{Purpose: "centre", Algorithm: "Ed25519", Fingerprint: own, KeyID: k.centre.KeyID(), State: key.Active}, Why: byItself, Known: []string{own},
	}
	checkpoints, err := k.checkpointEntries()
	if err != nil {
		return nil, err
	}
	authorities, err := ringEntries(k.authorities(), purposes{key.DeviceCA, key.DeviceCANext, key.DeviceCABefore}, authorityFacts)
	if err != nil {
		return nil, err
	}
	commands, err := ringEntries(k.commands(), purposes{key.Command, key.CommandNext, key.CommandBefore}, commandFacts)
	return slices.Concat([]Entry{centre}, k.hashEntries(), checkpoints, authorities, commands), err
}

// Console is the certificate of the console and the embedded broker, by the site's authority, as it is to stand in the register.
func (k *Keys) Console() key.Key {
	c := k.Server().Leaf
	return key.Key{Purpose: key.Console, Algorithm: "ECDSA P-256", Fingerprint: pki.CertificateFingerprint(c), NotAfter: c.NotAfter, State: key.Active}
}

// checkpointEntries are the key that signs checkpoints and the one before it, with who replaced it and why; a start makes up for what a crash
// between the step and its record left out.
func (k *Keys) checkpointEntries() ([]Entry, error) {
	list, err := k.CheckpointKeys()
	if err != nil {
		return nil, err
	}
	known := make([]string, len(list))
	for i, one := range list {
		known[i] = one.Fingerprint
	}
	last := list[len(list)-1]
	now := Entry{Key: key.Key{Purpose: key.Checkpoint, Algorithm: "Ed25519", Fingerprint: last.Fingerprint, State: key.Active}, Why: last.Since.Why(), Known: known}
	if len(list) == 1 {
		return []Entry{now}, nil
	}
	now.KeyID = last.Origin
	before := list[len(list)-2]
	left := key.Key{
		Purpose: key.CheckpointBefore, Algorithm: "Ed25519", Fingerprint: before.Fingerprint, KeyID: before.Origin, State: key.Retired,
	}
	return []Entry{{Key: left, Why: last.Since.Why()}, now}, nil
}

const byItself = "made or renewed by the centre"

// purposes of the keys of a ring: which one serves, which is announced, which is on its way out.
type purposes struct{ present, next, before string }

// ringEntries are they, with who took the step and why. A start makes up for what a crash between the step and its record left out.
func ringEntries(r ring, p purposes, facts func(member) (key.Key, error)) ([]Entry, error) {
	var served, all []string
	m, _ := r.at(present)
	for _, one := range r.Keys {
		k, err := facts(one)
		if err != nil {
			return nil, err
		}
		all = append(all, k.Fingerprint)
		if one.Stage == present {
			served = slices.Clone(all) // one that is announced served nothing yet
		}
	}
	var failed error
	as := func(purpose string, m member, state key.State) Entry {
		k, err := facts(m)
		failed = errors.Join(failed, err)
		k.Purpose, k.State = purpose, state
		return Entry{Key: k, Why: m.Act.Why()}
	}
	now, next := as(p.present, m, key.Active), r.nextEntry(p.next, as)
	now.Known, next.Known, next.Optional = served, all, true
	before := Entry{Key: key.Key{Purpose: p.before, Algorithm: now.Algorithm}}
	gone, _, retired := r.left()
	if left, ok := r.at(leaving); ok {
		before = as(p.before, left, key.Active)
	} else if retired {
		before = as(p.before, gone, key.Retired)
	}
	before.Known, before.Optional = all, true
	return []Entry{now, next, before}, failed
}

// nextEntry is the key that is announced, or what became of the last one that was.
func (r ring) nextEntry(purpose string, as func(string, member, key.State) Entry) Entry {
	m, _ := r.at(present)
	next, announced := r.at(announced)
	_, dropped, _ := r.left()
	switch {
	case announced:
		return as(purpose, next, key.Active)
	case dropped.Act.At.After(m.Act.At):
		return as(purpose, dropped, key.Retired)
	case !m.Act.At.IsZero():
		return as(purpose, m, key.Retired) // it serves now
	}
	return Entry{Key: key.Key{Purpose: purpose, Algorithm: as(purpose, m, key.Active).Algorithm}}
}

func commandFacts(m member) (key.Key, error) {
	return key.Key{Algorithm: "Ed25519", Fingerprint: pki.Fingerprint(m.Public), KeyID: pki.KeyID(m.Public)}, nil
}

func authorityFacts(m member) (key.Key, error) {
	c, err := x509.ParseCertificate(m.Public)
	if err != nil {
		return key.Key{}, fault.Wrap(fault.Invalid, err, "record the authority")
	}
	return key.Key{Algorithm: "ECDSA P-256", Fingerprint: pki.CertificateFingerprint(c), NotAfter: c.NotAfter}, nil
}
