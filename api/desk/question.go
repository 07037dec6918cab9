package desk

import (
	"crypto/rand"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Times of a question and of the tap that answers it.
const (
	AskTime  = time.Minute     // for which a page waits for a card
	KeepTime = 5 * time.Minute // for which the page that asked may use what was read
)

// Tap is a card that was held to a desk's reader for a page that waited. The number is hashed already.
type Tap struct {
	ID     string
	Desk   string
	Key    access.Key // in its first form
	Format string
	Trust  access.Trust
	// Siblings are the keys of what another reader might make of the same card.
	Siblings []access.Key
	Foreign  bool // not of a format that is entered at the desk
}

// Answer is what a page hears: a tap, which ends the question, or why a card that was held there is none, after which it goes on.
type Answer struct {
	Tap Tap
	Err error
}

// Question is a page that waits for a card at a desk. One tap is for one question.
type Question struct {
	desk, account string
	since, until  time.Time
	answers       chan Answer
}

// Until is when nobody waits any more.
func (q *Question) Until() time.Time { return q.until }

// Answers delivers what is held to the reader.
func (q *Question) Answers() <-chan Answer { return q.answers }

// Put gives an answer to the page and never waits; false when it takes none any more.
func (q *Question) Put(a Answer) bool {
	select {
	case q.answers <- a:
		return true
	default:
		return false
	}
}

// Questions knows who waits for what, in memory: at a restart everybody asks again. The zero value is ready.
type Questions struct {
	mu   sync.Mutex
	open map[string]*Question // by desk: two who waited for the same card could not tell whose it is
	kept map[string]keptTap   // by id
}

type keptTap struct {
	Tap
	account string
	until   time.Time
}

// mostKept bounds the taps that wait to be used.
const mostKept = 1000

// Ask has an account wait for a card at a desk. Its own question there before ends; another's that is open is a Conflict "desk.busy".
func (s *Questions) Ask(now time.Time, account, desk string) (*Question, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.open[desk]; other != nil && other.account != account && now.Before(other.until) {
		return nil, fault.New(fault.Conflict, "desk.busy", "somebody else waits for a card at "+desk)
	}
	if s.open == nil {
		s.open = map[string]*Question{}
	}
	q := &Question{desk: desk, account: account, since: now, until: now.Add(AskTime), answers: make(chan Answer, 4)}
	s.open[desk] = q
	return q, nil
}

// End says that the page waits no more.
func (s *Questions) End(q *Question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[q.desk] == q {
		delete(s.open, q.desk)
	}
}

// waits reports whether the page waits now, and waited when the card was held to the reader: one that was there before may be anybody's.
func (q *Question) waits(now, held time.Time) bool {
	return q != nil && now.Before(q.until) && !held.Before(q.since)
}

// tap answers the question that is open at a desk, which ends it; false when nobody waits, or waited when the card was held there.
func (s *Questions) tap(now, held time.Time, t Tap) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.open[t.Desk]
	s.sweep(now)
	if !q.waits(now, held) || len(s.kept) >= mostKept {
		return false
	}
	t.ID = rand.Text()
	if !q.Put(Answer{Tap: t}) {
		return false
	}
	delete(s.open, t.Desk)
	if s.kept == nil {
		s.kept = map[string]keptTap{}
	}
	s.kept[t.ID] = keptTap{t, q.account, now.Add(KeepTime)}
	return true
}

// refuse tells who waits at a desk why the card that was held there is none.
func (s *Questions) refuse(now, held time.Time, desk string, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.open[desk]
	return q.waits(now, held) && q.Put(Answer{Err: err})
}

// Read returns a tap to the account whose page asked for it, and to nobody else. One that is used up or too old is Invalid "desk.tap_gone".
func (s *Questions) Read(now time.Time, account, id string) (Tap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, is := s.kept[id]
	if !is || t.account != account || !now.Before(t.until) {
		return Tap{}, fault.BadField("tap", "desk.tap_gone", "no such tap, or not any more")
	}
	return t.Tap, nil
}

// Done uses a tap up.
func (s *Questions) Done(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, id)
}

func (s *Questions) sweep(now time.Time) {
	for id, t := range s.kept {
		if !now.Before(t.until) {
			delete(s.kept, id)
		}
	}
}
