package decide

import (
	"errors"
	"fmt"
	"strings"

	"kanmon/internal/access"

	"kanmon/internal/access/timetable"
	"kanmon/internal/fault"
)

type span struct{ from, until int64 }

func (s span) early(now int64) bool { return s.from != 0 && now < s.from }
func (s span) over(now int64) bool  { return s.until != 0 && now >= s.until }

type passage struct {
	door      string
	area      string
	areaIndex uint16
	direction access.Direction
	zone      *zone
	releaseMS int
	profile   access.Reader // what the reader was commissioned with; the zero one: nothing
}

// pinArea is which PIN counts here: the area's, or the person's own.
func (at *passage) pinArea() int32 {
	if at.zone.factors == access.FactorsPIN {
		return int32(at.areaIndex)
	}
	return ownPIN
}

// Policy is a compiled Spec. It is never changed after Compile, so any number of goroutines may read it.
//
// A city has more cards than a processor's cache has room for, so the cost of a decision is the number of places
// in memory it looks at. For a card there are three: a slot of the index, its credential, its rights. What most
// cards share (validity, timetables) is kept once and stays in the cache.
type Policy struct {
	version    access.Version
	readers    map[string]*passage
	doors      map[string]access.Door
	zones      map[string]*zone
	areas      []string            // their ids
	interlocks map[string][]string // doors by group
	schedules  []timetable.Table
	book       pinBook

	lease       access.Lease
	revocations access.Revocations           // in force, over the states of the credentials; nil or never written again
	strangers   map[string]access.Revocation // by card: those under a key that no credential has; nil or never written again

	index       index
	credentials []credential
	rights      []right
	spans       []span // by number; 0 is "no limits"
	names       string // ids of cards and people, one after the other
}

// credential is 64 bytes, what a processor reads from memory at once; it holds what is asked of its person too.
type credential struct {
	key                  access.Key
	cardSpan, personSpan uint32 // in spans
	card, person         name
	firstRight, rights   uint32 // in rights
	state                standing
	class                access.ClassIndex
}

type standing uint8

const (
	revoked standing = iota
	suspended
	active
)

type right struct {
	area     uint16
	schedule uint16 // 0: always, else a schedule's number plus one
	span     uint32 // in spans; the top bits are privileges
}

// privilege is what a right allows beyond entering.
type privilege uint32

const (
	mayEscort privilege = 1 << (29 + iota)
	mayFirst
	mayPass // during a lockdown

	allPrivileges = mayEscort | mayFirst | mayPass
)

func (r right) limits() uint32 { return r.span &^ uint32(allPrivileges) }
func (r right) may() privilege { return privilege(r.span) & allPrivileges }

// name is a part of Policy.names.
type name struct {
	at     uint32
	length uint16
}

func (p *Policy) text(n name) string { return p.names[n.at : n.at+uint32(n.length)] }

// Version of the Spec it was compiled from; zero for nil.
func (p *Policy) Version() access.Version {
	if p == nil {
		return access.Version{}
	}
	return p.version
}

// Door returns a door's settings by id.
func (p *Policy) Door(id string) (access.Door, bool) {
	if p == nil {
		return access.Door{}, false
	}
	d, ok := p.doors[id]
	return d, ok
}

// RecordMode is that of a door's area; Strict for a door that the policy does not know.
func (p *Policy) RecordMode(door string) access.RecordMode {
	d, _ := p.Door(door)
	if p == nil || p.zones[d.Area] == nil {
		return access.Strict
	}
	return p.zones[d.Area].record
}

// maxAreas also bounds the schedules.
const maxAreas = 1 << 15

// Compile checks a Spec and indexes it for Decide. Any reference to a thing that is not there, any double and
// any number out of range refuses the whole Spec: a policy applies entirely or not at all.
func Compile(s access.Spec) (*Policy, error) {
	if err := limits(s); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "compile policy")
	}
	c := compiler{
		policy: &Policy{
			version: s.Version,
			readers: make(map[string]*passage, 2*len(s.Doors)),
			doors:   make(map[string]access.Door, len(s.Doors)),
			spans:   []span{{}},
			index:   newIndex(len(s.Credentials)),
		},
		areas: map[string]int{}, schedules: map[string]int{}, people: make(map[string]int, len(s.People)),
		spans: map[span]uint32{{}: 0},
	}
	c.policy.lease = s.Lease
	for _, step := range []func(access.Spec) error{func(access.Spec) error { return s.Lease.Validate() }, c.addAreas, c.addSchedules, c.addDoors, c.addProfiles, c.addPeople, c.addRights, c.addCredentials, c.addPINs, c.addReferences, c.addRevocations} {
		if err := step(s); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "compile policy")
		}
	}
	c.policy.names = c.names.String()
	return c.policy, nil
}

func limits(s access.Spec) error {
	if len(s.Areas) > maxAreas || len(s.Schedules) > maxAreas {
		return fmt.Errorf("%d areas and %d schedules, want at most %d", len(s.Areas), len(s.Schedules), maxAreas)
	}
	const most = 1 << 24 // people, cards, rights, PINs or revocations; numbers of them fit 32 bits, their spans 29, their names 4 GB
	if max(len(s.People), len(s.Credentials), len(s.Rights), len(s.PINs), len(s.Revocations)) > most {
		return fmt.Errorf("%d people, %d cards, %d rights and %d revocations, want at most %d of each",
			len(s.People), len(s.Credentials), len(s.Rights), len(s.Revocations), most)
	}
	return nil
}

type compiler struct {
	policy                   *Policy
	areas, schedules, people map[string]int
	zones                    []*zone
	holders                  []credential // of each person, what its credentials share
	spans                    map[span]uint32
	names                    strings.Builder
}

func number(m map[string]int, what, id string) error {
	if err := access.CheckID(what, id); err != nil {
		return err
	}
	if _, double := m[id]; double {
		return fmt.Errorf("%s %q twice", what, id)
	}
	m[id] = len(m)
	return nil
}

func (c *compiler) span(from, until int64) uint32 {
	s := span{from, until}
	n, known := c.spans[s]
	if !known {
		n = uint32(len(c.spans))
		c.spans[s] = n
		c.policy.spans = append(c.policy.spans, s)
	}
	return n
}

func (c *compiler) name(id string) name {
	n := name{at: uint32(c.names.Len()), length: uint16(len(id))}
	c.names.WriteString(id)
	return n
}

func (c *compiler) addSchedules(s access.Spec) (err error) {
	for _, sc := range s.Schedules {
		if err := number(c.schedules, "schedule", sc.ID); err != nil {
			return err
		}
	}
	c.policy.schedules, err = timetable.Compile(s.Schedules, timetable.Calendar{Holidays: s.Calendar, Until: s.CalendarUntil})
	return err
}

func (c *compiler) addDoors(s access.Spec) error {
	for _, d := range s.Doors {
		area, ok := c.areas[d.Area]
		if !ok {
			return fmt.Errorf("door %q: no area %q", d.ID, d.Area)
		}
		if err := access.CheckID("door", d.ID); err != nil {
			return err
		}
		if _, double := c.policy.doors[d.ID]; double {
			return fmt.Errorf("door %q twice", d.ID)
		}
		if d.ReleaseMS < 500 || d.ReleaseMS > 30_000 || d.HeldMS < 1_000 {
			return fmt.Errorf("door %q: release %d ms, held %d ms out of range", d.ID, d.ReleaseMS, d.HeldMS)
		}
		c.policy.doors[d.ID] = d
		p := passage{door: d.ID, area: d.Area, areaIndex: uint16(area), zone: c.zones[area], releaseMS: d.ReleaseMS}
		if err := errors.Join(c.addReaders(p, access.In, d.EntryReads), c.addReaders(p, access.Out, d.ExitReads)); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) addReaders(p passage, direction access.Direction, names []string) error {
	for _, r := range names {
		p := p
		p.direction = direction
		if err := access.CheckID("reader", r); err != nil {
			return err
		}
		if _, double := c.policy.readers[r]; double {
			return fmt.Errorf("door %q: reader %q twice", p.door, r)
		}
		c.policy.readers[r] = &p
	}
	return nil
}

// addProfiles takes what readers were commissioned with. One may be at no door yet.
func (c *compiler) addProfiles(s access.Spec) error {
	seen := make(map[string]int, len(s.Readers))
	for _, r := range s.Readers {
		if err := r.Validate(); err != nil {
			return err
		}
		if err := number(seen, "reader", r.Name); err != nil {
			return err
		}
		if at, used := c.policy.readers[r.Name]; used {
			at.profile = r
		}
	}
	return nil
}
