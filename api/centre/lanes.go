package centre

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// message is one payload on its way into the registers.
type message struct {
	wire.Address
	payload  []byte
	retained bool
	arrived  time.Time
}

// lanes keep kinds of messages from waiting for each other: a batch of events takes long, a receipt or an answer must not. Within a lane
// messages of one controller stay in order, and controllers take turns. What finds its lane full, or too many bytes waiting, of its controller
// or in all, is dropped and comes again.
type lanes struct {
	events, statuses, live *lane
	quick                  *lane // receipts and answers: nothing of them waits for the database

	mu    sync.Mutex
	bytes int            // of the payloads that wait
	of    map[string]int // of each controller's
}

// Bounds: hundreds of controllers come back in one moment, each with a small batch; or some with a megabyte each. One controller, stolen or
// mad, may take a sixteenth and no more.
const (
	mostBytes  = 128 << 20
	bytesEach  = mostBytes / 16 // eight of the largest messages
	eventsEach = 256            // batches; a controller sends a few at a time
	liveEach   = 64
	quickEach  = 256
	quickSize  = 8 << 10 // bytes; more is no receipt and no answer, and goes where there is room to look at it

	eventWorkers  = 32 // they wait for one another's commit most of the time
	statusWorkers = 16
	quickWorkers  = 2 // they check signatures

	betweenStatuses = 200 * time.Millisecond // of one controller; the newest of those that come meanwhile counts
	betweenLive     = 100 * time.Millisecond
)

func newLanes() *lanes {
	return &lanes{
		events: newLane(eventsEach, 0), statuses: newLane(1, betweenStatuses), live: newLane(liveEach, betweenLive),
		quick: newLane(quickEach, 0), of: map[string]int{},
	}
}

// put never waits; false when there is no room.
func (l *lanes) put(m message) bool {
	if !l.take(m) {
		return false
	}
	left, taken := l.lane(m).put(m)
	if left != nil {
		l.give(*left)
	}
	return taken
}

func (l *lanes) lane(m message) *lane {
	switch {
	case (m.Kind == wire.Receipt || m.Kind == wire.Answer) && len(m.payload) <= quickSize:
		return l.quick
	case m.Kind == wire.Status:
		return l.statuses
	case m.Kind == wire.Live:
		return l.live
	default:
		return l.events
	}
}

// take counts a message's bytes, if there is room for them.
func (l *lanes) take(m message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := len(m.payload)
	if l.bytes+size > mostBytes || l.of[m.Controller]+size > bytesEach {
		return false
	}
	l.bytes += size
	l.of[m.Controller] += size
	return true
}

func (l *lanes) give(m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= len(m.payload)
	if l.of[m.Controller] -= len(m.payload); l.of[m.Controller] == 0 {
		delete(l.of, m.Controller)
	}
}

// run starts the workers; they end with ctx.
func (l *lanes) run(ctx context.Context, g *errgroup.Group, handle func(context.Context, message)) {
	work := func(lane *lane) func() error {
		return func() error {
			lane.work(ctx, func(m message) { handle(ctx, m); l.give(m) })
			return nil
		}
	}
	for lane, workers := range map[*lane]int{l.events: eventWorkers, l.statuses: statusWorkers, l.live: 1, l.quick: quickWorkers} {
		for range workers {
			g.Go(work(lane))
		}
	}
}

// guarded takes one message. One that makes a handler panic would come again after every restart, so the panic is an
// error of that message and not the end of the centre; its transaction is rolled back.
func guarded(ctx context.Context, log *slog.Logger, m message, take func(context.Context, message) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "message handler panicked", slog.String("controller", m.Controller),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			err = fault.New(fault.Internal, "", "message handler panicked")
		}
	}()
	return take(ctx, m)
}
