// Package ingest takes in what controllers send: event batches into the entry log, statuses into the device
// register. It promises:
//
//   - A batch is one transaction. The acknowledgement it returns says what is committed, and nothing else.
//   - Every event is in the log exactly once, in the controller's order. A repeat with the same bytes changes
//     nothing; a gap stores nothing beyond it; a number with other bytes, a broken chain or an unreadable
//     payload goes to the quarantine, which is an alarm on the live page.
//   - Events are kept whatever they say: also about doors and people nobody registered.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
)

// Ingest is safe for concurrent use; batches of one controller should come one after the other.
type Ingest struct {
	store       *store.Store
	entries     *entrylog.Register
	devices     *device.Register
	log         *slog.Logger
	newEntries  Broadcaster
	newStatuses Broadcaster

	mu   sync.Mutex
	gaps map[string]gap
}

// New prepares the ingest.
func New(s *store.Store, entries *entrylog.Register, devices *device.Register, log *slog.Logger) *Ingest {
	return &Ingest{store: s, entries: entries, devices: devices, log: log, gaps: map[string]gap{}}
}

// Entries tells when the entry log has grown; the ids are its rows'.
func (in *Ingest) Entries() *Broadcaster { return &in.newEntries }

// Statuses tells when the state of a controller has changed; the ids mean nothing.
func (in *Ingest) Statuses() *Broadcaster { return &in.newStatuses }

// errNothingNew ends a transaction that would write nothing.
var errNothingNew = errors.New("nothing new")

// outcome is what became of a batch.
type outcome struct {
	verdict
	head   entrylog.Head // what the log has afterwards
	newest int64         // id of the newest row, 0 when none was added
}

// HandleEvents takes one payload that came on the topic of a controller. The acknowledgement, to be sent to the
// controller, is valid whenever the error is nil, also when something was quarantined. Errors are fault.Invalid or
// fault.TooLarge for what cannot be read, fault.NotFound for an unknown controller, and fault.Conflict for a number with
// other bytes: the controller may drop what is acknowledged, and an acknowledgement would cover bytes the log never had.
// Any other means that nothing was stored and the controller must send again.
func (in *Ingest) HandleEvents(ctx context.Context, controller string, payload []byte) (wire.AckUpTo, error) {
	batch, events, err := wire.DecodeEventBatch(payload)
	if err == nil && (batch.Epoch > math.MaxInt64 || batch.First > math.MaxInt64-wire.MaxBatch) {
		err = fault.New(fault.Invalid, "ingest.range", "event number out of range")
	}
	if err != nil {
		return wire.AckUpTo{}, in.refuse(ctx, controller, payload, err)
	}
	var out outcome
	err = in.store.Write(ctx, store.Actor{Kind: store.ActorController, ID: controller}, "", func(tx *store.Tx) error {
		var err error
		out, err = take(ctx, tx, controller, batch, events)
		return err
	})
	switch {
	case fault.KindOf(err) == fault.NotFound:
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
	return wire.NewAck(batch.Epoch, out.head.Seq), nil
}

// take is the transaction of a batch.
func take(ctx context.Context, tx *store.Tx, controller string, b wire.EventBatch, events []event.Event) (outcome, error) {
	if err := device.Known(ctx, tx, controller); err != nil {
		return outcome{}, err
	}
	head, err := entrylog.HeadOf(ctx, tx, controller, b.Epoch)
	if err != nil {
		return outcome{}, err
	}
	var stored [][]byte
	if b.First <= head.Seq {
		last := min(head.Seq, b.First+uint64(len(events))-1)
		if stored, err = entrylog.Bodies(ctx, tx, controller, b.Epoch, b.First, last); err != nil {
			return outcome{}, err
		}
		if uint64(len(stored)) != last-b.First+1 {
			return outcome{}, fault.New(fault.Internal, "", "the log lacks events below its head: run verify")
		}
	}
	out := outcome{verdict: judge(b, head, stored), head: head}
	if out.gap || out.bad != "" || out.skip == len(events) {
		return out, errNothingNew
	}
	raws := make([][]byte, 0, len(events)-out.skip)
	for _, raw := range b.Events[out.skip:] {
		raws = append(raws, raw)
	}
	out.newest, out.head, err = entrylog.Append(ctx, tx, controller, head, events[out.skip:], raws)
	return out, err
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

// refuse quarantines a payload that could not be taken at all and returns the error that says why.
func (in *Ingest) refuse(ctx context.Context, controller string, payload []byte, why error) error {
	s := entrylog.Suspect{Controller: controller, Reason: entrylog.BadPayload, Detail: why.Error(), Payload: payload}
	if fault.KindOf(why) == fault.NotFound {
		s = entrylog.Suspect{Reason: entrylog.BadController, Mark: controller, Detail: "controller " + controller, Payload: payload}
	}
	if err := in.quarantine(ctx, s); err != nil {
		return err
	}
	return why
}

func (in *Ingest) quarantine(ctx context.Context, s entrylog.Suspect) error {
	id, err := in.entries.Quarantine(ctx, s)
	if err != nil || id == 0 {
		return err
	}
	in.log.WarnContext(ctx, "message quarantined", slog.String("controller", s.Controller),
		slog.String("reason", string(s.Reason)), slog.Int64("id", id), slog.String("detail", s.Detail))
	in.newEntries.Tell(id)
	return nil
}

// HandleStatus takes one payload that came on the status topic of a controller. retained says that the broker
// had kept it; received is the centre's time of arrival.
func (in *Ingest) HandleStatus(ctx context.Context, controller string, payload []byte, retained bool, received time.Time) error {
	said, err := wire.DecodeStatus(payload)
	if err != nil {
		return in.refuse(ctx, controller, payload, err)
	}
	err = in.devices.RecordStatus(ctx, controller, status(said, retained), received)
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Invalid) {
		return in.refuse(ctx, controller, payload, err)
	}
	if err != nil {
		return fmt.Errorf("ingest status of %s: %w", controller, err)
	}
	in.newStatuses.Tell(0)
	return nil
}

// MarkSilent marks controllers offline that were last heard before the moment.
func (in *Ingest) MarkSilent(ctx context.Context, before time.Time) error {
	names, err := in.devices.MarkSilent(ctx, before)
	if err != nil {
		return fmt.Errorf("mark silent controllers: %w", err)
	}
	if len(names) > 0 {
		in.log.WarnContext(ctx, "controllers silent", slog.Any("controllers", names))
		in.newStatuses.Tell(0)
	}
	return nil
}

func status(w wire.ControllerStatus, retained bool) device.Status {
	s := device.Status{
		Online: w.Online, Retained: retained, Epoch: w.Epoch, LastSeq: w.LastSeq, Acked: w.Acked,
		PolicyHash: w.PolicyHash, Software: w.Software, Trouble: w.Trouble,
	}
	if w.At != nil {
		s.At = *w.At
	}
	if w.Policy != nil {
		s.Policy = access.Version{Epoch: w.Policy.Epoch, N: w.Policy.N}
	}
	for _, d := range w.Devices {
		s.Devices = append(s.Devices, device.Attached(d))
	}
	for _, d := range w.Doors {
		s.Doors = append(s.Doors, device.DoorState(d))
	}
	return s
}
