package enrol

import (
	"context"
	"crypto/ed25519"
	"slices"

	"kanmon/internal/pki"
)

// withHashKeys is keys with, for a controller that has said which layers of the credential hash key it has and lacks one, all of them sealed to
// its enrolled box key. The authority vouches for them as at the enrolment: HTTPS alone does not say enough.
func (s *Service) withHashKeys(ctx context.Context, controller string, public ed25519.PublicKey, has []string) (Keys, error) {
	k := s.keys()
	lacks := func(layer string) bool { return !slices.Contains(has, layer) }
	if !slices.ContainsFunc(s.cfg.Secrets.HashKeys(), lacks) {
		return k, nil
	}
	box, err := s.cfg.Devices.BoxKey(ctx, controller)
	if err != nil {
		return Keys{}, err
	}
	if k.HashKeys, err = s.cfg.Secrets.SealHashKey(controller, box); err != nil {
		return Keys{}, err
	}
	k.Introduction, err = s.introduce(public, k.HashKeys)
	return k, err
}

// introduce is the authority's word to a controller's key for the command keys and the sealed credential hash key.
func (s *Service) introduce(public ed25519.PublicKey, hash []byte) ([]byte, error) {
	keys, _ := s.cfg.Secrets.Believed()
	return s.cfg.Secrets.CA().Introduce(pki.Introduction{Site: s.cfg.Site, Controller: public, CommandKeys: keys, HashKey: hash})
}
