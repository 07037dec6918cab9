package site

import (
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// PINTime is how soon a PIN has to follow the card or the number.
const PINTime = 15 * time.Second

// gathering is who is at one reader: who waits there, who was let in just now, and a card that waits for its PIN or for a second card.
type gathering struct {
	members []Member
	slot    *Slot
}

// Member is somebody at a reader. Request is what they showed, without the PIN.
type Member struct {
	Person
	Card    string
	Request decide.Request
	Twin    *decide.Request // their other card, where two are shown
	Facts   access.Facts    // of the decision
	Waits   access.Reason   // empty: was let in

	at time.Duration // when they were, or came to wait
}

// over reports whether somebody's own window has ended. Who waits while somebody else types a PIN there stays until that has ended.
func (g *gathering) over(m Member, window time.Duration, now Moment) bool {
	return now.Mono-m.at >= window && (m.Waits == "" || g.slot == nil)
}

// unproven reports whether somebody waits who has not passed everything before: a recovery holder without a PIN and without a second one.
func (m Member) unproven() bool {
	typed := m.Facts.Typed == access.TypedRight || m.Facts.Typed == access.TypedDuress
	return m.Recovery && m.Waits != "" && !typed
}

// Slot is a card or a number that waits for a PIN or for a second card.
type Slot struct {
	Request decide.Request
	Person  string
	Card    string
	Waits   access.Reason
	Facts   access.Facts
	until   time.Duration
}

// at returns the gathering at a reader, without what is too old: over exactly at the end of the window.
func (s *State) at(reader string, window time.Duration, now Moment) *gathering {
	g := s.readers[reader]
	if g == nil {
		g = &gathering{}
		s.readers[reader] = g
	}
	if g.slot != nil && now.Mono >= g.slot.until {
		g.unslot()
	}
	g.members = slices.DeleteFunc(g.members, func(m Member) bool { return g.over(m, window, now) })
	return g
}

// renew begins the window of those who wait anew: somebody else has come to wait with them.
func (g *gathering) renew(now Moment) {
	for i := range g.members {
		if g.members[i].Waits != "" {
			g.members[i].at = now.Mono
		}
	}
}

// unslot ends the wait for a PIN or a second card, and with it that of a recovery holder for a second one.
func (g *gathering) unslot() {
	held := g.slot
	g.slot = nil
	if held != nil {
		g.members = slices.DeleteFunc(g.members, func(m Member) bool { return m.ID == held.Person && m.Waits == held.Waits })
	}
}

// waits reports whether somebody counts among those who wait at a reader.
func (s *State) waits(reader, who string, as Asked) bool {
	g := s.readers[reader]
	return g != nil && slices.ContainsFunc(g.members, func(m Member) bool { return m.ID == who && m.Waits != "" && (as.Recovery || !m.unproven()) })
}

// party is what a gathering means for a person of it, or for a newcomer. Of its escorts, inside are counted among those inside as well.
func (s *State) party(id decide.Identity, as Asked, now Moment) (p access.Party, inside int) {
	g := s.readers[id.Reader()]
	if g == nil || id.Person() == "" {
		return p, 0
	}
	g = s.at(id.Reader(), as.Window, now)
	if g.slot != nil && g.slot.Waits == access.CardRequired {
		p.Twin = g.slot.Person == id.Person() && g.slot.Card != id.Card() && id.Card() != ""
	}
	for _, m := range g.members {
		if m.ID == id.Person() {
			continue
		}
		p.Recovery += one(m.Recovery)
		if m.unproven() && !as.Recovery {
			continue
		}
		there, _ := s.placeOf(id.Area(), m.ID)
		counted := as.Counted && there.State == In
		inside += one(counted && m.Escort) * there.isEscort()
		m.joins(&p, counted)
	}
	return p, inside
}

// joins adds somebody to a party; counted are those who are counted inside already.
func (m Member) joins(p *access.Party, counted bool) {
	p.First = p.First || m.First
	p.Escorts += one(m.Escort)
	p.Guests += one(m.Waits != "" && m.Visitor)
	if !counted {
		p.Staff, p.Visitors = p.Staff+one(!m.Visitor), p.Visitors+one(m.Visitor)
		p.Waiting += one(m.Waits != "")
	}
}

// Join notes somebody who was let in, or who waits for somebody else.
func (s *State) Join(reader string, m Member, window time.Duration, now Moment) {
	g := s.at(reader, window, now)
	g.members = slices.DeleteFunc(g.members, func(o Member) bool { return o.ID == m.ID })
	m.at = now.Mono
	if m.Waits != "" && m.Waits != access.Granted {
		g.renew(now)
	}
	g.members = append(g.members, m)
}

// Hold keeps a card or a number that waits for its PIN or for a second card; one that was held before is returned.
func (s *State) Hold(reader string, slot Slot, window time.Duration, now Moment) (before *Slot) {
	g := s.at(reader, window, now)
	before = g.slot
	g.unslot()
	if slot.Waits == access.PINRequired {
		window = PINTime
	}
	slot.until = now.Mono + window
	g.slot = &slot
	return before
}

// Held is what waits at a reader for a PIN or a second card; nil for nothing.
func (s *State) Held(reader string, now Moment) *Slot {
	g := s.readers[reader]
	if g == nil || g.slot == nil || now.Mono >= g.slot.until {
		return nil
	}
	return g.slot
}

// Release ends the wait for a PIN or a second card.
func (s *State) Release(reader string) {
	if g := s.readers[reader]; g != nil {
		g.unslot()
	}
}

// Waiting lists who waits at a reader for somebody else, in the order in which they came.
func (s *State) Waiting(reader string, window time.Duration, now Moment) []Member {
	if s.readers[reader] == nil {
		return nil
	}
	var list []Member
	for _, m := range s.at(reader, window, now).members {
		if m.Waits != "" {
			list = append(list, m)
		}
	}
	return list
}

// Drop takes somebody away from a reader.
func (s *State) Drop(reader, person string) {
	if g := s.readers[reader]; g != nil {
		g.members = slices.DeleteFunc(g.members, func(m Member) bool { return m.ID == person })
	}
}

// Leave takes away somebody who waits at a reader; who was let in stays.
func (s *State) Leave(reader, person string) {
	if g := s.readers[reader]; g != nil {
		g.members = slices.DeleteFunc(g.members, func(m Member) bool { return m.ID == person && m.Waits != "" })
	}
}

// Expired takes away and returns who has waited at a reader for too long, and the card or number that did.
func (s *State) Expired(reader string, window time.Duration, now Moment) (left []Member, slot *Slot) {
	g := s.readers[reader]
	if g == nil {
		return nil, nil
	}
	if g.slot != nil && now.Mono >= g.slot.until {
		slot = g.slot
		g.unslot()
	}
	g.members = slices.DeleteFunc(g.members, func(m Member) bool {
		ended := g.over(m, window, now)
		if ended && m.Waits != "" {
			left = append(left, m)
		}
		return ended
	})
	if g.slot == nil && len(g.members) == 0 {
		delete(s.readers, reader)
	}
	return left, slot
}

// Readers lists the readers at which somebody is.
func (s *State) Readers() []string {
	var list []string
	for r := range s.readers {
		list = append(list, r)
	}
	slices.Sort(list)
	return list
}

// Deadline is the moment at which the next wait at a reader ends, if that is before next.
func (s *State) Deadline(reader string, window, next time.Duration) time.Duration {
	g := s.readers[reader]
	if g == nil {
		return next
	}
	if g.slot != nil {
		return min(next, g.slot.until)
	}
	for _, m := range g.members {
		next = min(next, m.at+window)
	}
	return next
}

// LetIn lists who was let in at a reader just now.
func (s *State) LetIn(reader string) (list []Member) {
	if g := s.readers[reader]; g != nil {
		for _, m := range g.members {
			if m.Waits == "" {
				list = append(list, m)
			}
		}
	}
	return list
}

// AtReader reports whether somebody waits at a reader, or something for its PIN or second card.
func (s *State) AtReader(reader string, now Moment) bool {
	g := s.readers[reader]
	return g != nil && (s.Held(reader, now) != nil || slices.ContainsFunc(g.members, func(m Member) bool { return m.Waits != "" }))
}
