package centre

import (
	"context"
	"sync"
	"time"

	"kanmon/internal/wire"
)

// lane has the messages of a kind wait, those of each controller in order. Workers take one of each controller in turn and never two of the
// same at once: whoever sends without end waits for itself. What finds no room is dropped and comes again.
type lane struct {
	each  int           // messages of one controller that may wait
	rest  time.Duration // from one message of a controller to its next; 0: none
	turns chan string   // controllers whose turn comes; each is in it once at most

	mu      sync.Mutex
	waiting map[string][]message // an entry, if only an empty one, for each that has its turn, is worked or rests
}

// mostControllers is how many may have something to do in one lane; the broker lets no more in, and one that lies is held to it.
const mostControllers = 4096

func newLane(each int, rest time.Duration) *lane {
	return &lane{each: each, rest: rest, turns: make(chan string, mostControllers), waiting: map[string][]message{}}
}

// put never waits. It returns what it had to leave out: the message itself, one that it replaces, or nothing.
func (l *lane) put(m message) (left *message, taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, known := l.waiting[m.Controller]
	if !known && len(l.waiting) >= mostControllers {
		return &m, false
	}
	if old := sameStatus(list, m); old != nil {
		if m.retained && !old.retained {
			return &m, true // the kept copy of what waits, or of an older one
		}
		replaced := *old
		*old = m
		return &replaced, true
	}
	if len(list) >= l.each {
		return &m, false
	}
	l.waiting[m.Controller] = append(list, m)
	if !known {
		l.turns <- m.Controller // there is room for every one known
	}
	return nil, true
}

// sameStatus is the status that waits when another comes: only the newest says how the controller is.
func sameStatus(list []message, m message) *message {
	for i := range list {
		if m.Kind == wire.Status && list[i].Kind == wire.Status {
			return &list[i]
		}
	}
	return nil
}

// work handles messages until ctx ends.
func (l *lane) work(ctx context.Context, handle func(message)) {
	for {
		select {
		case <-ctx.Done():
			return
		case controller := <-l.turns:
			began := time.Now()
			handle(l.first(controller))
			l.later(controller, l.rest-time.Since(began))
		}
	}
}

// first takes the oldest message of a controller that has its turn.
func (l *lane) first(controller string) message {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.waiting[controller]
	m := list[0]
	list[0] = message{} // its payload can go
	l.waiting[controller] = list[1:]
	return m
}

// later gives a controller its next turn, behind all others, when it has rested.
func (l *lane) later(controller string, rest time.Duration) {
	if rest > 0 {
		time.AfterFunc(rest, func() { l.later(controller, 0) })
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting[controller]) == 0 {
		delete(l.waiting, controller)
		return
	}
	l.turns <- controller
}
