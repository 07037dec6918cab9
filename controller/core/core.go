// Package core is what a controller decides, and nothing of how it is carried out. It is pure: Step(state, input, moment) gives the next
// state and the effects. Package controller owns the one goroutine that steps it.
//
// What is promised:
//
//   - No record, no entry: a strike is energised for an entry only after the journal has said that the decision
//     is on disk, or, in an area of record mode best_effort, has failed to.
//   - Nothing denies an exit. The exit button and exit readers wait for no disk, no policy and no clock.
//   - The same card at the same reader within a second, while the release it earned is still running, is one
//     presentation.
//   - A clock below what is certainly past is not believed (package clock).
package core

import (
	"time"

	"kanmon/controller/admission"
	"kanmon/controller/cabinet"
	"kanmon/controller/challenge"
	"kanmon/controller/clock"
	"kanmon/controller/devices"
	"kanmon/controller/door"
	"kanmon/controller/fit"
	"kanmon/controller/gate"
	"kanmon/controller/inputs"
	"kanmon/controller/lease"
	"kanmon/controller/refusals"
	"kanmon/controller/repeats"
	"kanmon/controller/revoked"
	"kanmon/controller/site"
	"kanmon/controller/standing"
	"kanmon/controller/timeservice"
	"kanmon/controller/wiring"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

// RecordTimeout is how long a decision waits for its record: what is not on disk by then counts as not recorded. RetryRecord is the pause
// between tries to write what could not be written.
const (
	RecordTimeout = 2 * time.Second
	RetryRecord   = time.Second
)

// Times and bounds of the core.
const (
	clockCheck     = 5 * time.Second // the clocks are compared at least so often
	maxPending     = 64              // records on their way to the journal
	maxBacklog     = 1000            // events kept in memory while the journal cannot be written
	defaultRelease = 5 * time.Second // of a door no policy has named yet
	defaultHeld    = 30 * time.Second
)

// Wiring says what is connected where.
type Wiring = wiring.Wiring

// Core decides what a controller does. It has no state of its own.
type Core struct {
	wiring Wiring
	board  inputs.Board
	doors  map[string]int
	exits  map[string]string // doors by exit reader, for when there is no policy

	strikes      []fit.Door
	wiredReaders []string
}

// NewCore indexes a wiring, which Config.Check has found consistent.
func NewCore(w Wiring) *Core {
	c := &Core{wiring: w, board: w.Board(), doors: map[string]int{}, exits: map[string]string{}}
	c.strikes, c.wiredReaders = w.Strikes()
	for i, d := range w.Doors {
		c.doors[d.ID] = i
		for _, r := range d.ExitReaders {
			c.exits[r] = d.ID
		}
	}
	return c
}

// Saved is what a start finds on disk.
type Saved struct {
	Policy  *decide.Policy // nil: none
	Hash    string         // of the policy
	Made    time.Time      // when the centre signed the policy
	Floor   time.Time      // newest moment that is certainly past
	Revoked revoked.Kept   // beside the policy
	Lease   *lease.Kept    // nil: the policy was never confirmed
	Site    site.Kept      // where people are
	Clock   timeservice.Kept
	Centre  uint64 // newest epoch of the centre heard of
	// Unread: the journal could not be read. Who was revoked and how old the policy is is then not known, so nobody is let in before Recalled.
	Unread bool
}

// State of a controller. Step consumes the state it is given, as append consumes a slice: use the returned one.
type State struct {
	policy  *decide.Policy
	hash    string
	doors   []doorState
	devices devices.Table
	inputs  inputs.State
	cabinet cabinet.State // its Gas says which areas are under the gas of a fire suppression
	clock   clock.Clock
	service timeservice.State
	sure    bool // the last reading of the clock could be believed
	recent  repeats.Table
	failed  repeats.Failures
	site    *site.State
	areas   standing.State
	records gate.Records
	counts  Counts

	revoked                  revoked.State
	lease                    lease.State
	challenges               challenge.Table
	badCommands, badPolicies refusals.Window
	centre                   uint64 // newest epoch of the centre heard of

	blind bool        // what the last run left could not be read yet
	ready PolicyReady // while blind: the newest policy, which waits for that
}

type doorState struct {
	door.State
	unlocked    bool            // by its area's schedule
	first       bool            // somebody whose release runs may be the first
	unfit       string          // why nobody may be let in as the strike is wired; empty: nothing
	failing     bool            // while it stands unlocked: the strike did not answer, and that was said
	grant       decide.Decision // whose release runs, for opened and not entered
	grantByExit bool            // an exit button took part: nobody is named
}

// Counts are kept for diagnosis.
type Counts struct {
	Repeats  uint64 // presentations taken as a repeat of the one before
	Keys     uint64 // reports of keypads
	Lost     uint64 // events that found neither the journal nor room in memory
	Unrouted uint64 // inputs of devices nobody configured
}

// Recording reports whether something waits for the journal's answer.
func (s State) Recording() bool { return len(s.records.Flying) > 0 }

// Counts returns the counters.
func (s State) Counts() Counts { return s.counts }

// Start is the state at the program's start, and what there is to do about it.
func (c *Core) Start(saved Saved, m Moment) (State, []Effect) {
	blind := saved.Unread
	if blind {
		saved.Policy, saved.Hash = nil, ""
	}
	s := State{
		policy: saved.Policy, hash: saved.Hash, blind: blind, clock: clock.New(saved.Floor, m), recent: repeats.Table{}, failed: repeats.Failures{}, site: site.New(), areas: standing.State{},
		inputs: c.board.Start(), cabinet: cabinet.New(c.wiring.Cabinet), devices: devices.New(c.wiring.Devices, c.wiring.Bare),
		centre: max(saved.Centre, saved.Revoked.Upto.Epoch, saved.Policy.Version().Epoch),
	}
	for _, w := range c.wiring.Doors {
		s.doors = append(s.doors, doorState{State: door.New(w.Times(defaultRelease, defaultHeld))})
	}
	t := c.turn(s, m)
	t.s.site.Load(saved.Site, t.siteNow())
	t.startRevoked(saved.Revoked)
	t.startLease(saved)
	t.s.service = timeservice.Resume(saved.Clock, t.serviceNow())
	t.configureDoors()
	t.note(event.Event{Kind: event.Started, Policy: t.version(), Detail: brief(c.wiring.Software)})
	return t.end()
}

// Step carries the state past one input at a moment. It is pure but for consuming s.
func (c *Core) Step(s State, in Input, m Moment) (State, []Effect) {
	t := c.turn(s, m)
	t.fallDue()
	t.take(in)
	return t.end()
}

// Deadline is the latest moment (Mono) at which the next Step should come.
func (s State) Deadline(now time.Duration) time.Duration {
	next := now + clockCheck
	for i := range s.doors {
		if d, ok := s.doors[i].Deadline(); ok {
			next = min(next, d)
		}
	}
	next = min(next, s.records.Deadline(next, maxPending))
	next = admission.Deadline(s.site, s.policy, next)
	return s.leaseDeadline(next)
}

// LeaseAge is how long ago the centre confirmed the policy, as of the last Step; 0 when there is none.
func (s State) LeaseAge() time.Duration { return s.lease.Seen() }

// Status describes the state for the centre. The caller adds what the core does not know.
func (c *Core) Status(s State) wire.ControllerStatus {
	st := wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, PolicyHash: s.hash, Software: c.wiring.Software}
	if s.policy != nil {
		v := s.policy.Version()
		st.Policy, st.LeaseTime = &v, int64(s.policy.Lease().For(access.Staff)/time.Second)
	}
	if upto := s.revoked.Upto(); upto.Epoch > 0 {
		st.Revoked = &upto
	}
	st.RevokedSum, st.Devices = s.revoked.Hash(), s.devices.Status()
	for i, d := range s.doors {
		st.Doors = append(st.Doors, wire.DoorStatus{ID: c.wiring.Doors[i].ID, State: d.Phase().String()})
	}
	codes := []string{"journal", "clock", "clock_unset", "no_policy", "lease"}
	for i, stands := range []bool{s.records.Trouble || s.blind, !s.sure, s.service.Stands(), s.policy == nil, s.lease.Warned()} {
		if stands {
			st.Trouble = append(st.Trouble, codes[i])
		}
	}
	return st
}

// brief bounds a text that goes into an event.
func brief(s string) string { return event.Clip(s, 200) }
