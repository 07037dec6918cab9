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
	verifier, err := verifierKey(k.checkpoint.Verifier())
	if err != nil {
		return err
	}
	ca, server := k.ca.Certificate(), k.Server().Leaf
	keys := []key.Key{
		{Purpose: key.DeviceCA, Algorithm: "ECDSA P-256", Fingerprint: pki.CertificateFingerprint(ca), NotAfter: ca.NotAfter},
		{Purpose: key.Command, Algorithm: "Ed25519", Fingerprint: pki.Fingerprint(k.command.Public()), KeyID: k.command.KeyID()},
		{Purpose: key.Checkpoint, Algorithm: "Ed25519", Fingerprint: pki.Fingerprint(verifier)},
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
		if _, err := register.Record(ctx, store.System("keys"), one, "made or renewed by the centre"); err != nil {
			return err
		}
	}
	return nil
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
