package sitekey

import (
	"context"
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
	ca, server := k.ca.Certificate(), k.Server().Leaf
	keys := []key.Key{
		{Purpose: key.DeviceCA, Algorithm: "ECDSA P-256", Fingerprint: pki.CertificateFingerprint(ca), NotAfter: ca.NotAfter},
		{Purpose: key.CredentialHash, Algorithm: "HMAC-SHA256", Fingerprint: k.hashFingerprint()},
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
	if err := k.recordCheckpointKeys(ctx, register); err != nil {
		return err
	}
	return k.recordCommandKeys(ctx, register)
}

// recordCheckpointKeys enters the key that signs checkpoints and the one before it, with who replaced it and why; a start makes up for what a
// crash between the step and its record left out.
func (k *Keys) recordCheckpointKeys(ctx context.Context, register *key.Register) error {
	list, err := k.CheckpointKeys()
	if err != nil {
		return err
	}
	last := list[len(list)-1]
	now := key.Key{Purpose: key.Checkpoint, Algorithm: "Ed25519", Fingerprint: last.Fingerprint, State: key.Active}
	if len(list) > 1 {
		now.KeyID = last.Origin
		before := list[len(list)-2]
		left := key.Key{
			Purpose: key.CheckpointBefore, Algorithm: "Ed25519", Fingerprint: before.Fingerprint, KeyID: before.Origin, State: key.Retired,
		}
		if _, err := register.Record(ctx, store.System("keys"), left, last.Since.why()); err != nil {
			return err
		}
	}
	_, err = register.Record(ctx, store.System("keys"), now, last.Since.why())
	return err
}

const byItself = "made or renewed by the centre"

// recordCommandKeys enters which command key signs, which is announced and which is on its way out, with who took the step and why. A start
// makes up for what a crash between the step and its record left out.
func (k *Keys) recordCommandKeys(ctx context.Context, register *key.Register) error {
	r := k.ring()
	for _, one := range []struct {
		purpose string
		stage   stage
		state   key.State
	}{
		{key.Command, present, key.Active},
		{key.CommandNext, announced, key.Active},
		{key.CommandBefore, retired, key.Retired},
		{key.CommandBefore, leaving, key.Active},
	} {
		c, ok := r.at(one.stage)
		if _, later := r.at(leaving); !ok || one.stage == retired && later {
			continue
		}
		if err := record(ctx, register, one.purpose, c, one.state); err != nil {
			return err
		}
	}
	c, _ := r.at(present)
	if _, ok := r.at(announced); ok || c.Act.At.IsZero() {
		return nil
	}
	return record(ctx, register, key.CommandNext, c, key.Retired) // it was the next one, and signs now
}

func record(ctx context.Context, register *key.Register, purpose string, c commandKey, state key.State) error {
	_, err := register.Record(ctx, store.System("keys"), key.Key{
		Purpose: purpose, Algorithm: "Ed25519", Fingerprint: pki.Fingerprint(c.Public), KeyID: pki.KeyID(c.Public), State: state,
	}, c.Act.why())
	return err
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
