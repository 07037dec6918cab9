package api

import (
	"context"
	"crypto/ed25519"

	"kanmon/internal/broker"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// peers says whether a controller is enrolled with a key; *device.Register does.
type peers interface {
	Peer(ctx context.Context, name string, public ed25519.PublicKey) error
}

// identities says who a client of the embedded broker is: the centre itself, by its own key, or a controller that is enrolled with
// the key in its certificate and was not revoked. The broker has verified the certificate, and that its name is the client id; it logs
// every refusal with its reason.
func identities(devices peers, centre ed25519.PublicKey) func(ctx context.Context, p broker.Peer) (broker.Identity, error) {
	return func(ctx context.Context, p broker.Peer) (broker.Identity, error) {
		public, ok := p.Certificate.PublicKey.(ed25519.PublicKey)
		if !ok {
			return broker.Identity{}, fault.New(fault.Denied, "", "a certificate for a key that is not Ed25519")
		}
		if p.ClientID == wire.Centre {
			if !public.Equal(centre) {
				return broker.Identity{}, fault.New(fault.Denied, "", "the centre's name with another key")
			}
			return broker.Identity{Name: wire.Centre, Role: broker.Centre}, nil
		}
		if err := devices.Peer(ctx, p.ClientID, public); err != nil {
			return broker.Identity{}, err
		}
		return broker.Identity{Name: p.ClientID, Role: broker.Controller}, nil
	}
}
