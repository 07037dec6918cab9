package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/desk"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
)

// errNothingNew ends a transaction that would write nothing.
var errNothingNew = errors.New("nothing new")

// outcome is what became of a batch.
type outcome struct {
	verdict
	head   entrylog.Head // what the log has afterwards
	newest int64         // id of the newest row, 0 when none was added
	centre uint64        // the centre's epoch
}

// HandleEvents takes one payload that came on the events topic of a controller. The acknowledgement, to be sent to the
// controller, is valid whenever the error is nil, also when something was quarantined. Errors are fault.Invalid or
// fault.TooLarge for what cannot be read, fault.Denied for what the controller has not signed, fault.NotFound for an unknown controller, and
// fault.Conflict for a number with other bytes: the controller may drop what is acknowledged, and an acknowledgement would cover bytes the
// log never had. Any other means that something was not stored and the controller must send again.
func (in *Ingest) HandleEvents(ctx context.Context, controller string, payload []byte) (wire.AckUpTo, error) {
	batch, events, err := in.openBatch(ctx, controller, payload)
	if err != nil {
		return wire.AckUpTo{}, in.refuse(ctx, controller, payload, err)
	}
	var out outcome
	err = in.cfg.Store.Write(ctx, store.Actor{Kind: store.ActorController, ID: controller}, "", func(tx *store.Tx) error {
		var err error
		out, err = in.take(ctx, tx, controller, batch, events)
		return err
	})
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil:
		return wire.AckUpTo{}, in.refuse(ctx, controller, payload, err)
	case err != nil && !errors.Is(err, errNothingNew):
		return wire.AckUpTo{}, fmt.Errorf("ingest events of %s: %w", controller, err)
	}
	if out.newest > 0 {
		in.newEntries.Tell(out.newest)
	}
	if err := in.alarm(ctx, controller, batch, payload, out); err != nil {
		return wire.AckUpTo{}, err
	}
	if out.bad == entrylog.BadRepeat {
		return wire.AckUpTo{}, fault.New(fault.Conflict, "ingest.other_bytes", "an event number came again with other bytes")
	}
	if !out.gap && out.bad == "" {
		if err := in.adopt(ctx, controller, batch, events); err != nil {
			return wire.AckUpTo{}, fmt.Errorf("adopt what %s applied: %w", controller, err)
		}
	}
	return wire.NewAck(out.centre, batch.Epoch, out.head.Seq), nil
}

// openBatch reads a batch and checks its signature.
func (in *Ingest) openBatch(ctx context.Context, controller string, payload []byte) (wire.EventBatch, []event.Event, error) {
	keys, err := in.keys(ctx, controller)
	if err != nil {
		return wire.EventBatch{}, nil, err
	}
	batch, events, err := wire.DecodeEventBatch(payload)
	if err == nil {
		err = wire.VerifyBatch(in.at(controller, wire.Events), batch, keys)
	}
	if err == nil && (batch.Epoch > math.MaxInt64 || batch.First > math.MaxInt64-wire.MaxBatch) {
		err = fault.New(fault.Invalid, "ingest.range", "event number out of range")
	}
	return batch, events, err
}

// take is the transaction of a batch.
func (in *Ingest) take(ctx context.Context, tx *store.Tx, controller string, b wire.EventBatch, events []event.Event) (outcome, error) {
	if err := device.Known(ctx, tx, controller); err != nil {
		return outcome{}, err
	}
	centre, err := device.Epoch(ctx, tx)
	if err != nil {
		return outcome{}, err
	}
	head, err := entrylog.HeadOf(ctx, tx, controller, b.Epoch)
	if err != nil {
		return outcome{}, err
	}
	stored, err := repeated(ctx, tx, controller, b, head)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{verdict: judge(b, head, stored), head: head, centre: centre}
	if out.gap || out.bad != "" || out.skip == len(events) {
		return out, errNothingNew
	}
	raws := make([][]byte, 0, len(events)-out.skip)
	for _, raw := range b.Events[out.skip:] {
		raws = append(raws, raw)
	}
	fresh := events[out.skip:]
	if out.newest, out.head, err = entrylog.Append(ctx, tx, controller, head, fresh, raws); err != nil {
		return out, err
	}
	if err := in.cfg.Alarms.Take(ctx, tx, controller, out.newest-int64(len(fresh))+1, fresh); err != nil {
		return out, err
	}
	if err := tellOfCards(ctx, tx, controller, fresh); err != nil {
		return out, err
	}
	return out, entrylog.AppendBatch(ctx, tx, controller, b.Epoch, entrylog.Batch{
		First: b.First, Last: out.head.Seq, Prev: b.Prev, Head: b.Head, Key: b.Key, Sig: b.Sig,
	})
}

// tellOfCards tells people of cards that were left in readers (R75-2).
func tellOfCards(ctx context.Context, tx *store.Tx, controller string, fresh []event.Event) error {
	for _, e := range fresh {
		if e.Kind != event.CardLeft {
			continue
		}
		if err := desk.AtReader(ctx, tx, controller, e); err != nil {
			return err
		}
	}
	return nil
}

// repeated returns the log's own bytes of the numbers that a batch repeats.
func repeated(ctx context.Context, q store.Queryer, controller string, b wire.EventBatch, head entrylog.Head) ([][]byte, error) {
	if b.First > head.Seq {
		return nil, nil
	}
	last := min(head.Seq, b.First+uint64(len(b.Events))-1)
	stored, err := entrylog.Bodies(ctx, q, controller, b.Epoch, b.First, last)
	if err == nil && uint64(len(stored)) != last-b.First+1 {
		err = fault.New(fault.Internal, "", "the log lacks events below its head: run verify")
	}
	return stored, err
}

// alarm quarantines what the verdict found wrong with a readable batch.
func (in *Ingest) alarm(ctx context.Context, controller string, b wire.EventBatch, payload []byte, out outcome) error {
	s := entrylog.Suspect{Controller: controller, Payload: payload}
	number := strconv.FormatUint(b.Epoch, 10) + "." + strconv.FormatUint(out.at, 10)
	switch {
	case out.bad == entrylog.BadRepeat:
		s.Payload = b.Events[out.at-b.First]
		s.Detail = "event " + number + " came again with other bytes"
	case out.bad == entrylog.BadChain:
		s.Mark = number
		s.Detail = "the chain breaks before event " + number
	case out.gap && in.lasting(controller, b.Epoch, out.head.Seq):
		out.bad = entrylog.BadGap
		s.Mark = strconv.FormatUint(b.Epoch, 10) + "." + strconv.FormatUint(out.head.Seq+1, 10)
		s.Detail = "event " + s.Mark + " and what follows is missing"
	default:
		return nil
	}
	s.Reason = out.bad
	return in.quarantine(ctx, s)
}

// gap is a hole in front of which a controller's log stands.
type gap struct {
	epoch, have uint64
	seen        int
}

// lastingGap is how many batches must find the same hole before it is an alarm: one lost message is asked for
// again and comes.
const lastingGap = 5

func (in *Ingest) lasting(controller string, epoch, have uint64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	g := in.gaps[controller]
	if g.epoch != epoch || g.have != have {
		g = gap{epoch: epoch, have: have}
	}
	g.seen++
	in.gaps[controller] = g
	return g.seen >= lastingGap
}

// HandleLive takes events that a controller shows before their turn, while its backlog drains. They are shown, and are no record. Errors are as
// in HandleEvents.
func (in *Ingest) HandleLive(ctx context.Context, controller string, payload []byte) error {
	keys, err := in.keys(ctx, controller)
	if err != nil {
		return in.refuse(ctx, controller, payload, err)
	}
	events, raws, err := wire.OpenLive(in.at(controller, wire.Live), payload, keys)
	if err != nil {
		return in.refuse(ctx, controller, payload, signed(err))
	}
	fresh, err := in.cfg.Entries.KeepLive(ctx, controller, events, raws)
	if err != nil {
		return in.refuse(ctx, controller, payload, err)
	}
	if fresh > 0 {
		in.newEntries.Tell(0)
	}
	return nil
}
