package sitekey

import (
	"fmt"
	"time"

	"kanmon/internal/fault"
)

// Step is one of the steps by which a key of the site is replaced.
type Step string

// Steps, in their order.
const (
	Announce Step = "announce" // a new key is made, and told to the controllers while the present one serves
	Use      Step = "use"      // it serves; the one before is still believed
	Retire   Step = "retire"   // the one before is believed no longer, and its secret is destroyed
	Drop     Step = "drop"     // takes an announcement back
)

// Rotation is how one of the site's keys is replaced. Keys are named by their ids: of a command key the id in signatures, of an authority its pin,
// of a layer of the credential hash key its fingerprint.
type Rotation interface {
	// Take takes a step. Each is one file written, so that after a crash it was taken or not. It is for a centre that is not running: a running one
	// goes on with the keys it started with. fault.Conflict out of turn.
	Take(s Step, a Act) error
	// Believed are the keys that controllers are to have, oldest first; All those that there ever were.
	Believed() []string
	All() []string
	// Announced is the key that is announced, Leaving the one before the present one while it is still believed; false when there is none.
	Announced() (string, bool)
	Leaving() (string, bool)
	// Since is when the last step was taken of a change that is under way; zero when none is.
	Since() time.Time
}

// rotation is the Rotation of the keys of a ring.
type rotation struct {
	ring
	keys  *Keys
	file  string
	fresh func() (secret, public []byte, err error)
	may   func(next member) error // serve, once it is announced; nil: always
	serve func(ring) error
}

// Take is Rotation.Take.
func (r rotation) Take(s Step, a Act) error {
	next, err := turn(r.keys.vault, r.file, r.ring, a, func(now ring) (ring, error) { return r.step(now, s, a) })
	if err != nil {
		return err
	}
	return r.serve(next)
}

func (r rotation) step(now ring, s Step, a Act) (ring, error) {
	switch s {
	case Announce:
		secret, public, err := r.fresh()
		if err != nil {
			return now, err
		}
		return now.announce(secret, public, a)
	case Use:
		next, ok := now.at(announced)
		if ok && r.may != nil {
			if err := r.may(next); err != nil {
				return now, err
			}
		}
		return now.use(a)
	case Retire:
		return now.retire(r.keys.cfg.Site, a)
	case Drop:
		return now.drop(r.keys.cfg.Site, a)
	}
	return now, noStep(now.name, s)
}

func noStep(name string, s Step) error {
	return fault.BadField("step", "sitekey.step", fmt.Sprintf("a new %s has no step %q; show takes none", name, s))
}

// Believed is Rotation.Believed.
func (r rotation) Believed() []string { return r.idsOf(r.believed()) }

// All is Rotation.All.
func (r rotation) All() []string { return r.idsOf(r.all()) }
