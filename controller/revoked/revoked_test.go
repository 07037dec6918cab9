package revoked

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

func v(epoch, n uint64) access.Version { return access.Version{Epoch: epoch, N: n} }

func entry(epoch, n uint64, card byte, state access.CredentialState) access.Revocation {
	return access.Revocation{Version: v(epoch, n), Key: access.Key{card}, Card: string('A' + rune(card)), State: state}
}

func TestTheSetIsCompleteOnlyAsFarAsThereIsNoGap(t *testing.T) {
	for name, c := range map[string]struct {
		have access.Version
		from uint64
		upto access.Version
		want access.Version
	}{
		"the next":                      {v(1, 5), 5, v(1, 6), v(1, 6)},
		"overlapping":                   {v(1, 5), 2, v(1, 9), v(1, 9)},
		"the same again":                {v(1, 5), 4, v(1, 5), v(1, 5)},
		"an older run":                  {v(1, 5), 1, v(1, 3), v(1, 5)},
		"a gap":                         {v(1, 5), 6, v(1, 7), v(1, 5)},
		"the first of all":              {v(0, 0), 0, v(1, 3), v(1, 3)},
		"the first of all, with a gap":  {v(0, 0), 2, v(1, 3), v(0, 0)},
		"a new epoch from its start":    {v(1, 5), 0, v(2, 2), v(2, 2)},
		"a new epoch with nothing yet":  {v(1, 5), 0, v(2, 0), v(2, 0)},
		"a new epoch from its middle":   {v(1, 5), 1, v(2, 2), v(1, 5)},
		"an old epoch":                  {v(2, 1), 0, v(1, 9), v(2, 1)},
		"an epoch further than the one": {v(1, 5), 0, v(4, 1), v(4, 1)},
	} {
		if got := advance(c.have, c.from, c.upto); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// model is the truth beside a State: what the centre published, what of it came, and a disk.
type model struct {
	t         *rapid.T
	published []access.Revocation // in the order of versions
	came      map[access.Key][]access.Revocation
	state     State
	flying    []flight
	disk      map[access.Key]access.Revocation
	diskUpto  access.Version
}

type flight struct {
	kept   Kept
	handed *Handed
}

// wins is the rule in other words: once revoked, for ever; else the newest entry.
func wins(entries []access.Revocation) access.Revocation {
	best := entries[0]
	for _, e := range entries[1:] {
		switch {
		case best.State == access.Revoked && e.State != access.Revoked:
		case e.State == access.Revoked && best.State != access.Revoked:
			best = e
		case best.Version.Less(e.Version):
			best = e
		}
	}
	return best
}

// publish adds an entry, sometimes in a new epoch.
func (m *model) publish() {
	next := v(1, 1)
	if n := len(m.published); n > 0 {
		next = m.published[n-1].Version
		next.N++
		if rapid.IntRange(0, 9).Draw(m.t, "restore") == 0 {
			next = v(next.Epoch+1, 1)
		}
	}
	state := rapid.SampledFrom([]access.CredentialState{access.Active, access.Suspended, access.Revoked}).Draw(m.t, "state")
	m.published = append(m.published, entry(next.Epoch, next.N, rapid.ByteRange(0, 5).Draw(m.t, "card"), state))
}

// deliver brings any run of what was published in one epoch: late, doubled, with a gap before it.
func (m *model) deliver() {
	if len(m.published) == 0 {
		return
	}
	end := rapid.IntRange(0, len(m.published)-1).Draw(m.t, "end")
	upto := m.published[end].Version
	from := uint64(rapid.IntRange(0, int(upto.N)).Draw(m.t, "from"))
	var run []access.Revocation
	for _, e := range m.published[:end+1] {
		if (e.Version.Epoch == upto.Epoch && e.Version.N > from) || (from == 0 && e.Version.Epoch < upto.Epoch) {
			run = append(run, e)
		}
	}
	for _, e := range run {
		m.came[e.Key] = append(m.came[e.Key], e)
	}
	news := m.state.News(run)
	if len(news) > 0 {
		m.state.Replace(m.state.With(news), time.Unix(1, 0))
	}
	m.state.Run(from, upto, run, len(news) > 0, time.Unix(1, 0))
}

func (m *model) handOver() {
	if m.state.Owes() {
		kept, handed := m.state.HandOver()
		m.flying = append(m.flying, flight{kept, handed})
	}
}

// answer is the journal's: written, or not.
func (m *model) answer() {
	if len(m.flying) == 0 {
		return
	}
	f := m.flying[0]
	m.flying = m.flying[1:]
	if !rapid.Bool().Draw(m.t, "written") {
		m.state.NotOnDisk(f.handed)
		return
	}
	m.write(f)
	if m.state.OnDisk(f.handed) && m.state.Kept() != m.diskUpto {
		m.t.Fatalf("confirmed to %v, the disk goes to %v", m.state.Kept(), m.diskUpto)
	}
}

func (m *model) write(f flight) {
	for _, e := range f.kept.Entries {
		m.disk[e.Key] = e
	}
	m.diskUpto = f.kept.Upto
	m.checkDisk()
}

// checkDisk is what a receipt promises, and what a restart believes: every entry up to where the disk says it goes is there.
func (m *model) checkDisk() {
	kept := m.diskUpto
	for _, e := range m.published {
		if e.Version.Epoch != kept.Epoch || kept.Less(e.Version) {
			continue
		}
		on, there := m.disk[e.Key]
		if !there || wins([]access.Revocation{e, on}) != on {
			m.t.Fatalf("the disk goes to %v, but of %+v the disk has %+v", kept, e, on)
		}
	}
}

func (m *model) restart() {
	for _, f := range m.flying { // some of it had reached the disk
		if !rapid.Bool().Draw(m.t, "written after all") {
			break
		}
		m.write(f)
	}
	m.flying = nil
	set := access.Revocations{}
	m.came = map[access.Key][]access.Revocation{}
	for key, e := range m.disk {
		set[key] = e
		m.came[key] = []access.Revocation{e}
	}
	m.state = Start(set, m.diskUpto, time.Unix(1, 0))
}

func (m *model) check() {
	if len(m.state.Set()) != len(m.came) {
		m.t.Fatalf("%d entries in force, %d credentials came", len(m.state.Set()), len(m.came))
	}
	for key, entries := range m.came {
		if got, want := m.state.Set()[key], wins(entries); got != want {
			m.t.Fatalf("in force %+v, want %+v", got, want)
		}
	}
	if m.state.Hash() != m.state.Set().Hash() {
		m.t.Fatal("the hash is not that of the set")
	}
	upto := m.state.Upto()
	for _, e := range m.published {
		if e.Version.Epoch != upto.Epoch || upto.Less(e.Version) {
			continue
		}
		if on := m.state.Set()[e.Key]; wins([]access.Revocation{e, on}) != on {
			m.t.Fatalf("complete up to %v, but of %+v there is %+v", upto, e, on)
		}
	}
	if upto.Less(m.state.Kept()) {
		m.t.Fatalf("kept %v, in force %v", m.state.Kept(), upto)
	}
}

// R76-2: whatever is lost, late, doubled or reordered, whatever the journal refuses, through epochs and restarts: what came is in force
// (revoked for good, else by the newest entry), nothing is called complete that has a gap, and nothing is confirmed that a restart would forget.
func TestRevocationsMergeInAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, came: map[access.Key][]access.Revocation{}, disk: map[access.Key]access.Revocation{}}
		m.state = Start(nil, access.Version{}, time.Time{})
		for range rapid.IntRange(1, 80).Draw(t, "length") {
			rapid.SampledFrom([]func(){m.publish, m.publish, m.deliver, m.deliver, m.handOver, m.handOver, m.answer, m.answer, m.restart}).Draw(t, "do")()
			m.check()
		}
	})
}

// Where nothing is lost and the journal can be written, everything is confirmed in the end.
func TestEverythingIsConfirmedInTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, came: map[access.Key][]access.Revocation{}, disk: map[access.Key]access.Revocation{}}
		m.state = Start(nil, access.Version{}, time.Time{})
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			rapid.SampledFrom([]func(){m.publish, m.deliver, m.handOver, m.answer}).Draw(t, "do")()
		}
		if len(m.published) == 0 {
			return
		}
		end := m.published[len(m.published)-1].Version
		var all []access.Revocation
		all = append(all, m.published...)
		news := m.state.News(all)
		m.state.Replace(m.state.With(news), time.Unix(1, 0))
		m.state.Run(0, end, all, len(news) > 0, time.Unix(1, 0))
		for m.state.Owes() || len(m.flying) > 0 {
			m.handOver()
			f := m.flying[0]
			m.flying = m.flying[1:]
			m.state.OnDisk(f.handed)
		}
		if m.state.Kept() != end {
			t.Fatalf("kept %v of %v", m.state.Kept(), end)
		}
	})
}

// A record that says how far the set goes must not reach the disk when the one before it, with the entries, does not.
func TestOneRecordAtATimeCarriesOfTheSet(t *testing.T) {
	s := Start(nil, access.Version{}, time.Time{})
	bring := func(n uint64) {
		e := entry(1, n, byte(n), access.Revoked)
		s.Replace(s.With([]access.Revocation{e}), time.Unix(1, 0))
		s.Run(n-1, v(1, n), []access.Revocation{e}, true, time.Unix(1, 0))
	}
	bring(1)
	_, first := s.HandOver()
	if bring(2); s.Owes() {
		t.Fatal("it hands over more while the first is on its way")
	}
	s.NotOnDisk(first)
	again, second := s.HandOver()
	if len(again.Entries) != 2 || again.Upto != v(1, 2) {
		t.Fatalf("handed over %+v, want both entries", again)
	}
	if !s.OnDisk(second) || s.Kept() != v(1, 2) || s.Owes() {
		t.Fatalf("kept %v", s.Kept())
	}
}
