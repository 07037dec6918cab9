package enrol

import (
	"context"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// Keys are the command keys that a controller is to believe, and the words by which who knows older ones gets there.
type Keys struct {
	CommandKeys [][]byte
	Announced   []pki.Announcement
}

// Keys answers a controller that says which of the centre's keys it knows, and keeps that. Errors are Denied for what an enrolled controller
// has not signed, and those of device.Register.Peer.
func (s *Service) Keys(ctx context.Context, controller string, commandKeys, authorities []string, sig []byte) (Keys, error) {
	if !wire.ValidController(controller) {
		return Keys{}, fault.New(fault.Invalid, "enrol.controller", "no controller has such a name")
	}
	public, err := s.cfg.Devices.PublicKey(ctx, controller)
	if err != nil {
		return Keys{}, err
	}
	said := pki.Known{Site: s.cfg.Site, Controller: controller, CommandKeys: commandKeys, Authorities: authorities}
	if err := said.Verify(public, sig); err != nil {
		return Keys{}, err
	}
	if err := s.cfg.Devices.RecordBelieves(ctx, device.Believes{Controller: controller, CommandKeys: commandKeys}, public); err != nil {
		return Keys{}, err
	}
	return s.keys(), nil
}

func (s *Service) keys() Keys {
	keys, words := s.cfg.Secrets.Believed()
	return Keys{pki.RawKeys(keys), words}
}
