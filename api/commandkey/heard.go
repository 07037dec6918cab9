package commandkey

import (
	"context"

	"kanmon/api/sitekey"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// Heard is what the enrolled controllers have said: which keys they believe, and who has not applied the policy that it should have.
type Heard struct {
	Believed []device.Believes
	Behind   []string
}

// Hear asks the register of devices what the enrolled controllers have said.
func Hear(ctx context.Context, devices *device.Register) (Heard, error) {
	actor := store.System("command keys")
	believed, err := devices.Believed(ctx, actor)
	if err != nil {
		return Heard{}, err
	}
	all, err := devices.Controllers(ctx, actor)
	h := Heard{Believed: believed}
	for _, c := range all {
		if c.State == device.Enrolled && !c.UpToDate() {
			h.Behind = append(h.Behind, c.Name)
		}
	}
	return h, err
}

// SignAnew has every enrolled controller want a higher version of its policy when another key is about to sign: the centre signs a policy only
// when it sends one. It comes first: a policy sent once too often costs nothing.
func SignAnew(ctx context.Context, s *store.Store, keys *sitekey.Keys, step Step, heard Heard) error {
	if _, ok := keys.Announced(); step != Use || !ok {
		return nil
	}
	names := make([]string, len(heard.Believed))
	for i, b := range heard.Believed {
		names[i] = b.Controller
	}
	return s.WriteDerived(ctx, "policies under another command key", func(tx *store.Tx) error {
		return device.Want(ctx, tx, names...)
	})
}
