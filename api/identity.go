package api

import (
	"context"
	"crypto/subtle"

	"kanmon/internal/broker"
	"kanmon/internal/fault"
)

// secrets checks the secret of a controller.
type secrets interface {
	CheckSecret(ctx context.Context, name, secret string) error
}

// identities says who a client of the embedded broker is: the centre itself, by a password that lives as long
// as the process, or a registered controller. Client id and user name are the same name.
func identities(devices secrets, own string) func(ctx context.Context, clientID, username, password string) (broker.Identity, error) {
	return func(ctx context.Context, clientID, username, password string) (broker.Identity, error) {
		if clientID != username {
			return broker.Identity{}, fault.New(fault.Unauthenticated, "", "client id and user name differ")
		}
		if username == centreName {
			if subtle.ConstantTimeCompare([]byte(password), []byte(own)) != 1 {
				return broker.Identity{}, fault.New(fault.Unauthenticated, "", "not the centre's password")
			}
			return broker.Identity{Name: centreName, Role: broker.Centre}, nil
		}
		if err := devices.CheckSecret(ctx, username, password); err != nil {
			return broker.Identity{}, err
		}
		return broker.Identity{Name: username, Role: broker.Controller}, nil
	}
}
