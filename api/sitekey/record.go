package sitekey

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/key"
)

// Record enters the public parts of the keys into the register, as far as they are not there. Console says that the server's certificate is
// the console's too. fault.Conflict "sitekey.lost": the register has another key than the sealed file, and the file does not know it. The file was
// lost and made anew, or put back from a copy; what is done then is said in docs/kanmon-api.md.
func (k *Keys) Record(ctx context.Context, register *key.Register, console bool) error {
	return k.record(ctx, register, console, nil)
}

// Accept is Record for keys that were lost and are not coming back: those that serve now are entered in their place, by an act. A lost checkpoint
// key is not accepted: the ledger stands on it.
func (k *Keys) Accept(ctx context.Context, register *key.Register, console bool, a Act) error {
	if err := a.check(); err != nil {
		return err
	}
	return k.record(ctx, register, console, &a)
}

func (k *Keys) record(ctx context.Context, register *key.Register, console bool, accept *Act) error {
	if console {
		server := k.Server().Leaf
		_, err := register.Record(ctx, store.System("keys"), key.Key{
			Purpose: key.Console, Algorithm: "ECDSA P-256", Fingerprint: pki.CertificateFingerprint(server), NotAfter: server.NotAfter, State: key.Active,
		}, byItself)
		if err != nil {
			return err
		}
	}
	entries, err := k.entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if accept != nil && e.Purpose != key.Checkpoint {
			e.accept = accept
		}
		if err := e.enter(ctx, register); err != nil {
			return err
		}
	}
	return nil
}

// entry is one key as it is to stand in the register.
type entry struct {
	key.Key
	why    string
	known  []string // fingerprints of all keys that served the purpose so far, as the sealed file has them; nil: the file does not say
	accept *Act     // that takes this one for one that the file does not know
}

func (e entry) enter(ctx context.Context, register *key.Register) error {
	there, found, err := register.Present(ctx, e.Purpose)
	if err != nil {
		return err
	}
	if found && e.known != nil && !slices.Contains(e.known, there) {
		if e.accept == nil {
			return fault.New(fault.Conflict, "sitekey.lost", "the key "+e.Purpose+" is not the one in the register, nor one that came after it: its file in "+
				"the folder of keys was lost, or put back from an older copy. Put the newest copy back; see docs/kanmon-api.md")
		}
		e.why = e.accept.why()
	}
	_, err = register.Record(ctx, store.System("keys"), e.Key, e.why)
	return err
}

// entries are all keys but the console's, whose certificates come and go by themselves.
func (k *Keys) entries() ([]entry, error) {
	hash, centre := k.hashFingerprint(), pki.Fingerprint(k.centre.Public())
	list := []entry{
		{Key: key.Key{Purpose: key.CredentialHash, Algorithm: "HMAC-SHA256", Fingerprint: hash}, why: byItself, known: []string{hash}},
		{Key: key.Key{Purpose: "centre", Algorithm: "Ed25519", Fingerprint: centre, KeyID: k.centre.KeyID()}, why: byItself, known: []string{centre}},
	}
	for i := range list {
		list[i].State = key.Active
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
	return slices.Concat(list, checkpoints, authorities, commands), err
}

// checkpointEntries are the key that signs checkpoints and the one before it, with who replaced it and why; a start makes up for what a crash
// between the step and its record left out.
func (k *Keys) checkpointEntries() ([]entry, error) {
	list, err := k.CheckpointKeys()
	if err != nil {
		return nil, err
	}
	known := make([]string, len(list))
	for i, one := range list {
		known[i] = one.Fingerprint
	}
	last := list[len(list)-1]
	now := entry{key.Key{Purpose: key.Checkpoint, Algorithm: "Ed25519", Fingerprint: last.Fingerprint, State: key.Active}, last.Since.why(), known, nil}
	if len(list) == 1 {
		return []entry{now}, nil
	}
	now.KeyID = last.Origin
	before := list[len(list)-2]
	left := key.Key{
		Purpose: key.CheckpointBefore, Algorithm: "Ed25519", Fingerprint: before.Fingerprint, KeyID: before.Origin, State: key.Retired,
	}
	return []entry{{left, last.Since.why(), nil, nil}, now}, nil
}

const byItself = "made or renewed by the centre"

// purposes of the keys of a ring: which one serves, which is announced, which is on its way out.
type purposes struct{ present, next, before string }

// ringEntries are they, with who took the step and why. A start makes up for what a crash between the step and its record left out.
func ringEntries(r ring, p purposes, facts func(member) (key.Key, error)) ([]entry, error) {
	var known []string
	for _, m := range r.Keys {
		k, err := facts(m)
		if err != nil {
			return nil, err
		}
		known = append(known, k.Fingerprint)
		if m.Stage == present {
			break // one that is announced served nothing yet
		}
	}
	var list []entry
	var failed error
	add := func(purpose string, m member, state key.State, known []string) {
		k, err := facts(m)
		failed = errors.Join(failed, err)
		k.Purpose, k.State = purpose, state
		list = append(list, entry{k, m.Act.why(), known, nil})
	}
	m, _ := r.at(present)
	add(p.present, m, key.Active, known)
	for _, one := range []struct {
		purpose string
		stage   stage
		state   key.State
	}{{p.next, announced, key.Active}, {p.before, retired, key.Retired}, {p.before, leaving, key.Active}} {
		m, ok := r.at(one.stage)
		if _, later := r.at(leaving); ok && (one.stage != retired || !later) {
			add(one.purpose, m, one.state, nil)
		}
	}
	if _, ok := r.at(announced); !ok && !m.Act.At.IsZero() {
		add(p.next, m, key.Retired, nil) // it was the next one, and serves now
	}
	return list, failed
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

// verifierKey is the 32 bytes of the public checkpoint key: "origin+hash+base64 of the algorithm and the key"; an origin has no '+'.
func verifierKey(v *ledger.Verifier) ([]byte, error) {
	parts := strings.SplitN(v.Key(), "+", 3)
	b, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(b) != 33 {
		return nil, fault.New(fault.Internal, "", "the public checkpoint key has another form")
	}
	return b[1:], nil
}
