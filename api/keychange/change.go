package keychange

import (
	"context"

	"kanmon/api/sitekey"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// Change is a step to be taken.
type Change struct {
	Kind  Kind
	Step  Step
	Act   sitekey.Act // goes into the ledger
	Force bool        // does not wait for controllers; goes into the ledger too
}

// Take takes the step, if the controllers are ready for it, and returns how the keys of that kind stand then. fault.Conflict: not yet, or out of
// turn.
func (c Change) Take(ctx context.Context, keys *sitekey.Keys, s *store.Store) ([]Standing, error) {
	heard, err := listen(ctx, device.New(s))
	if err != nil {
		return nil, err
	}
	if err := Ready(keys, c.Kind, heard, c.Step); err != nil && !c.Force {
		return nil, err
	}
	if err := c.wantAnew(ctx, keys, s, heard); err != nil {
		return nil, err
	}
	if c.Step != Show {
		if err := changes[c.Kind].rotation(keys).Take(c.Step, c.act()); err != nil {
			return nil, err
		}
	}
	return Standings(keys, c.Kind, heard.Believed), nil
}

// act is the step as the ledger tells of it.
func (c Change) act() sitekey.Act {
	a := c.Act
	if c.Force && c.Step != Announce {
		a.Reason += " (-force)"
	}
	return a
}

// listen reads what the register of devices knows of the enrolled controllers.
func listen(ctx context.Context, devices *device.Register) (Heard, error) {
	actor := store.System("keys")
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

// wantAnew has every enrolled controller want a higher version of its policy when another key is about to serve that policies are made with: the
// centre makes one only when it sends it. It comes first: a policy sent once too often costs nothing.
func (c Change) wantAnew(ctx context.Context, keys *sitekey.Keys, s *store.Store, heard Heard) error {
	of := changes[c.Kind]
	if _, ok := of.rotation(keys).Announced(); c.Step != Use || !of.policies || !ok {
		return nil
	}
	names := make([]string, len(heard.Believed))
	for i, b := range heard.Believed {
		names[i] = b.Controller
	}
	return s.WriteDerived(ctx, "policies under another key", func(tx *store.Tx) error {
		return device.Want(ctx, tx, names...)
	})
}

// Ready reports whether the controllers are ready for a step: fault.Conflict names those who are not. Who misses a forced step may have to
// enrol again. Only what was said since the step before counts.
func Ready(keys *sitekey.Keys, kind Kind, heard Heard, step Step) error {
	if step != Use && step != Retire {
		return nil
	}
	c := changes[kind]
	r := c.rotation(keys)
	if err := c.noneForeign(r, heard.Believed); err != nil {
		return err
	}
	fresh := heard.since(r.Since())
	if next, ok := r.Announced(); step == Use && ok {
		return allHave(fresh.Believed, next, c.said)
	}
	if _, ok := r.Leaving(); step == Retire && ok {
		list := r.Believed()
		return c.mayRetire(list[len(list)-1], fresh) // the newest serves
	}
	return nil // out of turn, as the step itself will say
}
