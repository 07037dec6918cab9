package centre

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
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
// messages of one controller stay in order. What finds its lane full, or too many bytes waiting in all, is dropped and comes again.
type lanes struct {
	events [laneCount]chan message
	states [laneCount]chan message // statuses and live events
	quick  chan message            // receipts and answers: nothing of them waits for the database
	bytes  atomic.Int64            // of the payloads that wait
}

// Bounds: hundreds of controllers come back in one moment, each with a small batch; or some with a megabyte each.
const (
	laneCount  = 4
	laneDepth  = 1024
	mostBytes  = 128 << 20
	quickDepth = 4096
	quickSize  = 8 << 10 // bytes; more is no receipt and no answer, and goes where there is room to look at it
	quickCount = 2       // workers; they check signatures
)

func newLanes() *lanes {
	l := &lanes{quick: make(chan message, quickDepth)}
	for i := range laneCount {
		l.events[i], l.states[i] = make(chan message, laneDepth), make(chan message, laneDepth)
	}
	return l
}

// put never waits; false when there is no room.
func (l *lanes) put(m message) bool {
	lane := l.states[laneOf(m.Controller)]
	switch {
	case m.Kind == wire.Events:
		lane = l.events[laneOf(m.Controller)]
	case (m.Kind == wire.Receipt || m.Kind == wire.Answer) && len(m.payload) <= quickSize:
		lane = l.quick
	}
	size := int64(len(m.payload))
	if l.bytes.Add(size) > mostBytes {
		l.bytes.Add(-size)
		return false
	}
	select {
	case lane <- m:
		return true
	default:
		l.bytes.Add(-size)
		return false
	}
}

func laneOf(controller string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(controller)) // it never fails
	return h.Sum32() % laneCount
}

// run starts the workers; they end with ctx.
func (l *lanes) run(ctx context.Context, g *errgroup.Group, handle func(context.Context, message)) {
	for i := range laneCount {
		g.Go(func() error { l.work(ctx, l.events[i], handle); return nil })
		g.Go(func() error { l.work(ctx, l.states[i], handle); return nil })
	}
	for range quickCount {
		g.Go(func() error { l.work(ctx, l.quick, handle); return nil })
	}
}

func (l *lanes) work(ctx context.Context, lane <-chan message, handle func(context.Context, message)) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-lane:
			handle(ctx, m)
			l.bytes.Add(-int64(len(m.payload)))
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
