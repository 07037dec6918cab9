package core

import (
	"fmt"
	"time"

	"kanmon/controller/admission"
	"kanmon/controller/clock"
	"kanmon/controller/door"
	"kanmon/controller/gate"
	"kanmon/controller/lease"
	"kanmon/controller/timeservice"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// turn is one Step in progress.
type turn struct {
	core    *Core
	s       State
	mono    time.Duration
	now     clock.Reading
	effects []Effect

	notes []event.Event // to be recorded at the end of the turn
	gate  *gate.Gate    // the decision that waits for that record
}

func (c *Core) turn(s State, m Moment) *turn {
	t := &turn{core: c, s: s, mono: m.Mono}
	t.s.clock, t.now = s.clock.Read(m)
	t.s.sure = t.now.Sure
	if t.now.Stepped != 0 {
		t.note(event.Event{Kind: event.ClockStepped, Detail: fmt.Sprintf("%+.1f s", t.now.Stepped.Seconds())})
	}
	return t
}

func (t *turn) serviceNow() timeservice.Moment {
	return timeservice.Moment{Mono: t.mono, At: t.now.At}
}

// clockHeard raises the alarm when nobody has set the machine's clock for a day, and ends it.
func (t *turn) clockHeard(set bool) {
	var events []event.Event
	t.s.service, events = t.s.service.Hear(set, t.serviceNow())
	t.said(events, true)
}

// end hands the turn's events to the journal.
func (t *turn) end() (State, []Effect) {
	t.watchLease()
	t.record()
	return t.s, t.effects
}

func (t *turn) do(e Effect) { t.effects = append(t.effects, e) }

func (t *turn) stamp(e event.Event) event.Event {
	e.At, e.Unsure = t.now.At, !t.now.Sure
	return e
}

// note stamps an event for the record.
func (t *turn) note(e event.Event) { t.notes = append(t.notes, t.stamp(e)) }

func (t *turn) version() *access.Version {
	if t.s.policy == nil {
		return nil
	}
	v := t.s.policy.Version()
	return &v
}

// fallDue carries out what time alone brings.
func (t *turn) fallDue() {
	for i := range t.s.doors {
		t.stepDoor(i, door.Tick{})
	}
	t.giveUpWaiting()
	t.people()
	t.standing()
}

func (t *turn) take(in Input) {
	switch in := in.(type) {
	case Presented:
		t.presented(in)
	case ReadFailed:
		t.readFailed(in)
	case KeysPressed:
		t.s.counts.Keys++
	case Typed:
		t.typed(in)
	case InputsReported:
		t.inputs(in)
	case DeviceUp, DeviceDown, DeviceAttacked, DeviceLocal:
		t.device(in)
	case Recalled:
		t.recalled(in.Saved)
	case PolicyReady, PolicyRejected, RevocationsCame, Leased, Commanded, CommandRejected, CentreSeen:
		t.centre(in)
	case Noted:
		if in.Card != nil {
			in.Event = admission.About(in.Event, t.s.policy, decide.Request{Reader: in.Card.Reader, Key: in.Card.Key, Older: in.Card.Older, Shape: in.Card.Shape})
		}
		t.note(in.Event)
	case ClockHeard:
		t.clockHeard(in.Set)
	case Recorded:
		t.recorded(in)
	case StrikeFailed:
		t.strikeFailed(in)
	case Tick:
	}
}

// centre takes what the centre says.
func (t *turn) centre(in Input) {
	switch in := in.(type) {
	case PolicyReady:
		t.policyReady(in)
	case PolicyRejected:
		if detail, ok := t.s.badPolicies.Admit(t.mono, in.Detail); ok {
			t.note(event.Event{Kind: event.PolicyRefused, Policy: t.version(), Detail: detail})
		}
	case RevocationsCame:
		t.revoke(in.Set)
	case Leased:
		t.leased(in)
	case Commanded:
		t.commanded(in)
	case CommandRejected:
		t.noteRefusal("", in.Detail)
	case CentreSeen:
		t.centreIs(in.Epoch)
	}
}

// centreIs raises the alarm when the centre opens a new epoch: it was put back to an older copy of itself.
func (t *turn) centreIs(epoch uint64) {
	was := t.s.centre
	if epoch <= was {
		return
	}
	t.s.centre = epoch
	if was != 0 {
		t.note(event.Event{Kind: event.EpochOpened, Policy: t.version(), Detail: fmt.Sprintf("epoch %d of the centre after %d", epoch, was)})
	}
}

func (t *turn) area(doorID string) string {
	d, _ := t.s.policy.Door(doorID)
	return d.Area
}

func (t *turn) policyReady(in PolicyReady) {
	v := in.Policy.Version()
	if t.s.blind {
		if !v.Less(t.s.ready.Policy.Version()) {
			t.s.ready = in
		}
		return
	}
	if t.s.policy != nil && v.Less(t.s.policy.Version()) {
		t.note(event.Event{Kind: event.PolicyRefused, Policy: &v, Detail: "older than the one in force"})
		return
	}
	t.s.clock = t.s.clock.Raise(in.Made, t.mono)
	t.centreIs(v.Epoch)
	t.policyOver(in.Policy)
	t.s.site.Left(t.s.policy)
	t.s.hash = in.Hash
	t.configureDoors()
	t.note(event.Event{Kind: event.PolicyApplied, Policy: &v})
	if !t.s.lease.Known() { // never confirmed: it is as old as the centre's signature
		t.s.lease = lease.From(in.Made, t.leaseNow())
	}
}

func (t *turn) configureDoors() {
	t.checkFit()
	for i, w := range t.core.wiring.Doors {
		d, ok := t.s.policy.Door(w.ID)
		if !ok {
			continue
		}
		t.stepDoor(i, door.Configure{Settings: w.Times(time.Duration(d.ReleaseMS)*time.Millisecond, time.Duration(d.HeldMS)*time.Millisecond)})
	}
}

// stepDoor takes a door past an input and its effects to the outside.
func (t *turn) stepDoor(i int, in door.Input) {
	d := &t.s.doors[i]
	var effects []door.Effect
	d.State, effects = door.Step(d.State, in, t.mono)
	id := t.core.wiring.Doors[i].ID
	for _, e := range effects {
		switch e := e.(type) {
		case door.Strike:
			t.do(Strike{Door: id, For: e.For})
		case door.Keep:
			t.do(Keep{Door: id, For: e.For})
		case door.Relock:
			t.do(Relock{Door: id})
		case door.Rest:
			t.do(Rest{Door: id})
		case door.Report:
			t.doorFact(i, id, e.Fact)
		}
	}
	if d.Contact() != door.ContactClosed { // open already, or nobody can say
		t.came(i)
	}
}

// doorFact notes what a door did. An opening and a missing one name the person whose card released the door,
// unless an exit button took part or the door stands or stood unlocked, for then it is not known who passed.
func (t *turn) doorFact(i int, id string, f door.Fact) {
	e := f.Event()
	e.Door, e.Area = id, t.area(id)
	d := &t.s.doors[i]
	t.moved(i, f)
	switch f {
	case door.DoorOpened, door.NotEntered:
		if !d.grantByExit && d.Phase() != door.Unlocked {
			e.Person, e.Card, e.Direction = d.grant.Person, d.grant.Card, d.grant.Direction
		}
	case door.DoorUnlocked, door.DoorSecured:
		d.grantByExit, d.failing = true, false
	default:
	}
	t.note(e)
}
