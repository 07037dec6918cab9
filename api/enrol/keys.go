package enrol

import (
	"context"
	"crypto/ed25519"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// Keys are the keys that a controller is to believe, oldest first, and the words by which who knows older ones gets there.
type Keys struct {
	CommandKeys [][]byte
	Announced   []pki.Announcement
	Authorities [][]byte // certificates, DER
	// AnnouncedAuthorities is what authorities announce, Issuer the pin of the one that issues certificates now.
	AnnouncedAuthorities []pki.Announcement
	Issuer               string
	// HashKeys are all layers of the credential hash key, sealed to the controller's box key; empty when it has said that it has them. Introduction
	// is the authority's word for them (pki.Introduction).
	HashKeys, Introduction []byte
	// Challenge is to stand in what the controller says next; Heard says that it stood in what it said now, and so that this was kept.
	Challenge string
	Heard     bool
}

// Keys answers a controller that says which of the centre's keys it knows, and keeps that if it answers the centre's challenge: what is shown again
// says nothing of now. Errors are Denied for what an enrolled controller has not signed, and those of device.Register.Peer.
func (s *Service) Keys(ctx context.Context, said pki.Known, sig []byte) (Keys, error) {
	public, err := s.speaker(ctx, &said, sig)
	if err != nil {
		return Keys{}, err
	}
	answer, err := s.withHashKeys(ctx, said.Controller, public, said.HashKeys)
	if err != nil {
		return Keys{}, err
	}
	if answer.Heard = s.challenges.met(said.Controller, said.Challenge); answer.Heard {
		err = s.cfg.Devices.RecordBelieves(ctx, device.Believes{
			Controller: said.Controller, CommandKeys: said.CommandKeys, Authorities: said.Authorities, Issuer: said.Issuer, HashKeys: said.HashKeys,
		}, public)
	}
	answer.Challenge = s.challenges.of(said.Controller)
	return answer, err
}

// Says reports whether an enrolled controller has signed what it is said to know.
func (s *Service) Says(ctx context.Context, said pki.Known, sig []byte) bool {
	_, err := s.speaker(ctx, &said, sig)
	return err == nil
}

// speaker is the key of the controller that has signed what it knows of this site.
func (s *Service) speaker(ctx context.Context, said *pki.Known, sig []byte) (ed25519.PublicKey, error) {
	if !wire.ValidController(said.Controller) {
		return nil, fault.New(fault.Invalid, "enrol.controller", "no controller has such a name")
	}
	public, err := s.cfg.Devices.PublicKey(ctx, said.Controller)
	if err != nil {
		return nil, err
	}
	said.Site = s.cfg.Site
	return public, said.Verify(public, sig)
}

func (s *Service) keys() Keys {
	keys, words := s.cfg.Secrets.Believed()
	authorities, their := s.cfg.Secrets.Authorities()
	return Keys{
		CommandKeys: pki.RawKeys(keys), Announced: words, Authorities: pki.RawCertificates(authorities), AnnouncedAuthorities: their,
		Issuer: s.cfg.Secrets.CA().Pin(),
	}
}
