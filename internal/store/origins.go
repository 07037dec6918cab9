package store

import (
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// keys puts the checkpoint keys together; nil without a signer.
func (cfg Config) keys() (*ledger.Origins, error) {
	if cfg.Signer == nil {
		return nil, nil //nolint:nilnil // nothing is signed, and signatures are not checked
	}
	keys, err := ledger.NewOrigins(cfg.Signer.Verifier(), cfg.Before...)
	if err == nil && keys.Log() != cfg.Origin {
		err = fault.New(fault.Invalid, "ledger.bad_origin", "open store: the checkpoint key is of "+keys.Log())
	}
	return keys, err
}

// CheckpointKey is the public side of a key that signs or signed checkpoints, for whoever checks a note later.
type CheckpointKey struct {
	Origin   string
	Verifier string // in note form
	Farewell string // the signed note that says how far it signed and names the next key; empty for the one that signs
}

// CheckpointKeys are all there ever were, oldest first; the last one signs. There are none without a signer.
func (s *Store) CheckpointKeys() []CheckpointKey {
	if s.keys == nil {
		return nil
	}
	list := make([]CheckpointKey, 0, s.keys.Len())
	for _, p := range s.keys.Past() {
		list = append(list, CheckpointKey{p.Verifier.Origin(), p.Verifier.Key(), string(p.Farewell)})
	}
	now := s.keys.Present()
	return append(list, CheckpointKey{Origin: now.Origin(), Verifier: now.Key()})
}
