package sitekey

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"kanmon/internal/fault"
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
	// optional: only an active key that is not known is missed. Without a fingerprint there is none to be entered.
	optional bool
}

func (e entry) enter(ctx context.Context, register *key.Register) error {
	there, active, err := register.Present(ctx, e.Purpose)
	if err != nil {
		return err
	}
	if there != "" && (active || !e.optional) && e.known != nil && !slices.Contains(e.known, there) {
		if e.accept == nil {
			return fault.New(fault.Conflict, "sitekey.lost", "the key "+e.Purpose+" is not the one in the register, nor one that came after it: its file in "+
				"the folder of keys was lost, or put back from an older copy. Put the newest copy back; see docs/kanmon-api.md")
		}
		e.why = e.accept.why()
		if e.Fingerprint == "" {
			e.Fingerprint, e.State = there, key.Retired
		}
	}
	if e.Fingerprint == "" {
		return nil
	}
	_, err = register.Record(ctx, store.System("keys"), e.Key, e.why)
	return err
}

// entries are all keys but the console's, whose certificates come and go by themselves.
func (k *Keys) entries() ([]entry, error) {
	own := pki.Fingerprint(k.centre.Public())
	centre := entry{
		Key: key.Key{Purpose: "centre", Algorithm: "Ed25519", Fingerprint: own, KeyID: k.centre.KeyID(), State: key.Active}, why: byItself, known: []string{own},
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
	return slices.Concat([]entry{centre}, k.hashEntries(), checkpoints, authorities, commands), err
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
	now := entry{Key: key.Key{Purpose: key.Checkpoint, Algorithm: "Ed25519", Fingerprint: last.Fingerprint, State: key.Active}, why: last.Since.why(), known: known}
	if len(list) == 1 {
		return []entry{now}, nil
	}
	now.KeyID = last.Origin
	before := list[len(list)-2]
	left := key.Key{
		Purpose: key.CheckpointBefore, Algorithm: "Ed25519", Fingerprint: before.Fingerprint, KeyID: before.Origin, State: key.Retired,
	}
	return []entry{{Key: left, why: last.Since.why()}, now}, nil
}

const byItself = "made or renewed by the centre"

// purposes of the keys of a ring: which one serves, which is announced, which is on its way out.
type purposes struct{ present, next, before string }

// ringEntries are they, with who took the step and why. A start makes up for what a crash between the step and its record left out.
func ringEntries(r ring, p purposes, facts func(member) (key.Key, error)) ([]entry, error) {
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
	as := func(purpose string, m member, state key.State) entry {
		k, err := facts(m)
		failed = errors.Join(failed, err)
		k.Purpose, k.State = purpose, state
		return entry{Key: k, why: m.Act.why()}
	}
	now, next := as(p.present, m, key.Active), r.nextEntry(p.next, as)
	now.known, next.known, next.optional = served, all, true
	list := []entry{now, next}
	before, _, retired := r.left()
	if left, ok := r.at(leaving); ok {
		list = append(list, as(p.before, left, key.Active))
	} else if retired {
		list = append(list, as(p.before, before, key.Retired))
	}
	return list, failed
}

// nextEntry is the key that is announced, or what became of the last one that was.
func (r ring) nextEntry(purpose string, as func(string, member, key.State) entry) entry {
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
	return entry{Key: key.Key{Purpose: purpose, Algorithm: as(purpose, m, key.Active).Algorithm}}
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
