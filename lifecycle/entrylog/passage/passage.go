// Package passage says who went in and out, from the events of a controller in their order, and who is inside, from what was made of them.
// It is pure.
//
// A grant alone is no passage. It waits for its door:
//
//   - the door opens, or was open and closes: everybody granted since the release has passed;
//   - it never opened: nobody has, and everybody is where they were before;
//   - neither, for Waits of the events' own time, as at a door without a contact: it counts, and only the grant is known.
//
// A passage is of the moment of its grant. Somebody let out by a button or from afar is named by nobody.
package passage

import (
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// Bounds of a grant that waits.
const (
	Waits = time.Minute // longer than the longest release (30 s) and what follows it
	Most  = 256         // grants of one controller; beyond them the oldest counts
)

// Grant is a person who was let in or out and may have passed.
type Grant struct {
	Door   string    `json:"door"`
	Person string    `json:"person"`
	Area   string    `json:"area"`
	In     bool      `json:"in,omitempty"`
	At     time.Time `json:"at"`
	From   time.Time `json:"from"` // when it began to wait: At, or later when the controller's clock was stepped
}

// State is what one controller's events leave open.
type State struct {
	Epoch  uint64  `json:"epoch"` // of the journal; what an older one left open counts
	Grants []Grant `json:"grants"`
}

// Proof is how a passage is known.
type Proof string

// Proofs.
const (
	Opened  Proof = "opened"  // the door opened after the grant
	Granted Proof = "granted" // only the grant: the door has no contact, stood open, or a button was pressed as well
	Hand    Proof = "hand"    // a person said so
)

// Position is the last passage of a person in an area.
type Position struct {
	Person, Area, Door string
	In                 bool
	At                 time.Time
	Proof              Proof
}

// Mark is what a controller said of many positions at once. An empty Person is everybody; an empty Area is all that the controller has doors to.
type Mark struct {
	Controller, Person, Area string
	Doubt                    bool // else everybody is outside
	At                       time.Time
}

// Outcome is what events have settled.
type Outcome struct {
	Passed []Position // in the order in which they were settled, which need not be that of their times
	Marks  []Mark
}

// Fold takes the next events of a controller. It returns what they leave open and what they settled; s stays as it was.
func Fold(controller string, s State, events []event.Event) (State, Outcome) {
	f := fold{State{s.Epoch, slices.Clone(s.Grants)}, Outcome{}}
	for _, e := range events {
		f.take(controller, e)
	}
	return f.State, f.Outcome
}

type fold struct {
	State
	Outcome
}

func (f *fold) take(controller string, e event.Event) {
	if e.Epoch != f.Epoch {
		f.settle(Granted, func(Grant) bool { return true })
		f.Epoch = e.Epoch
	}
	f.wait(e)
	switch e.Kind {
	case event.AccessGranted:
		f.granted(e)
	case event.DoorOpened, event.DoorClosed:
		f.settle(openedBy(e), func(g Grant) bool { return g.Door == e.Door })
	case event.NotEntered:
		f.Grants = slices.DeleteFunc(f.Grants, func(g Grant) bool { return g.Door == e.Door })
	case event.PlacesReset, event.PlacesDoubtful:
		f.Marks = append(f.Marks, Mark{controller, e.Person, e.Area, e.Kind == event.PlacesDoubtful, e.At})
	default:
	}
}

// wait lets the time up to an event pass. Where the clock was stepped nobody knows how long that was, and the waiting begins anew.
func (f *fold) wait(e event.Event) {
	for i := range f.Grants {
		if g := &f.Grants[i]; e.Kind == event.ClockStepped || e.At.Before(g.From) {
			g.From = e.At
		}
	}
	f.settle(Granted, func(g Grant) bool { return e.At.Sub(g.From) >= Waits })
}

func (f *fold) granted(e event.Event) {
	if e.Person == "" || e.Area == "" {
		return
	}
	if len(f.Grants) >= Most {
		f.Passed = append(f.Passed, f.Grants[0].position(Granted))
		f.Grants = slices.Delete(f.Grants, 0, 1)
	}
	f.Grants = append(f.Grants, Grant{e.Door, e.Person, e.Area, e.Direction != access.Out, e.At, e.At})
}

// openedBy: an opening that names nobody had a button or a command in it as well, and a door that closes was open before the grant. Either way
// it is not known who passed.
func openedBy(e event.Event) Proof {
	if e.Kind == event.DoorOpened && e.Person != "" {
		return Opened
	}
	return Granted
}

func (f *fold) settle(p Proof, which func(Grant) bool) {
	f.Grants = slices.DeleteFunc(f.Grants, func(g Grant) bool {
		if !which(g) {
			return false
		}
		f.Passed = append(f.Passed, g.position(p))
		return true
	})
}

func (g Grant) position(p Proof) Position {
	return Position{Person: g.Person, Area: g.Area, Door: g.Door, In: g.In, At: g.At, Proof: p}
}
