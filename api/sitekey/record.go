package sitekey

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/key"
)

// Record enters the public parts of the keys into the register, as far as they are not there. Console says that the server's certificate is
// the console's too.
func (k *Keys) Record(ctx context.Context, register *key.Register, console bool) error {
	verifier, err := verifierKey(k.checkpoint.Verifier())
	if err != nil {
		return err
	}
	server := k.Server().Leaf
	keys := []key.Key{
		{Purpose: key.Checkpoint, Algorithm: "Ed25519", Fingerprint: pki.Fingerprint(verifier)},
		{Purpose: "centre", Algorithm: "Ed25519", Fingerprint: pki.Fingerprint(k.centre.Public()), KeyID: k.centre.KeyID()},
	}
	if console {
		keys = append(keys, key.Key{
			Purpose: key.Console, Algorithm: "ECDSA P-256", Fingerprint: pki.CertificateFingerprint(server), NotAfter: server.NotAfter,
		})
	}
	for _, one := range keys {
		one.State = key.Active
		if _, err := register.Record(ctx, store.System("keys"), one, byItself); err != nil {
			return err
		}
	}
	if err := k.recordHashKey(ctx, register); err != nil {
		return err
	}
	err = recordRing(ctx, register, k.authorities(), purposes{key.DeviceCA, key.DeviceCANext, key.DeviceCABefore}, authorityFacts)
	if err != nil {
		return err
	}
	return recordRing(ctx, register, k.commands(), purposes{key.Command, key.CommandNext, key.CommandBefore}, commandFacts)
}

const byItself = "made or renewed by the centre"

// purposes of the keys of a ring: which one serves, which is announced, which is on its way out.
type purposes struct{ present, next, before string }

// recordRing enters them, with who took the step and why. A start makes up for what a crash between the step and its record left out.
func recordRing(ctx context.Context, register *key.Register, r ring, p purposes, facts func(member) (key.Key, error)) error {
	enter := func(purpose string, m member, state key.State) error {
		k, err := facts(m)
		if err != nil {
			return err
		}
		k.Purpose, k.State = purpose, state
		_, err = register.Record(ctx, store.System("keys"), k, m.Act.why())
		return err
	}
	for _, one := range []struct {
		purpose string
		stage   stage
		state   key.State
	}{{p.present, present, key.Active}, {p.next, announced, key.Active}, {p.before, retired, key.Retired}, {p.before, leaving, key.Active}} {
		m, ok := r.at(one.stage)
		if _, later := r.at(leaving); !ok || one.stage == retired && later {
			continue
		}
		if err := enter(one.purpose, m, one.state); err != nil {
			return err
		}
	}
	m, _ := r.at(present)
	if _, ok := r.at(announced); ok || m.Act.At.IsZero() {
		return nil
	}
	return enter(p.next, m, key.Retired) // it was the next one, and serves now
}

func (a Act) why() string {
	if a.At.IsZero() {
		return byItself
	}
	return a.Reason + " (" + a.By + ")"
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
