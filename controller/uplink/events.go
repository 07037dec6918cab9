package uplink

import (
	"context"
	"log/slog"
	"time"

	"kanmon/controller/journal"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// sender is the goroutine that sends events.
type sender struct {
	*Uplink
	epoch  uint64
	next   uint64   // everything up to here has been sent since the last start from the cursor
	flying []flight // oldest first
	linked bool     // a connection was announced and has not been seen to end
	pause  time.Time

	centre  uint64        // epoch of the centre whose acknowledgement was taken last
	lower   *wire.AckUpTo // below the cursor, in that epoch: late, or the truth
	lowerAt time.Time     // the first of them came
}

// flight is a batch on its way.
type flight struct {
	last uint64
	sent time.Time
}

func newSender(u *Uplink) *sender { return &sender{Uplink: u, centre: u.cfg.CentreEpoch} }

func (s *sender) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.takeAck(ctx)
		s.fillWindow(ctx)
		s.wait(ctx)
	}
}

func (s *sender) wait(ctx context.Context) {
	timer := time.NewTimer(s.patience(time.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.acks.wake:
	case <-s.cfg.Journal.News():
	case <-s.reconnect:
		s.linked = true
		s.rewind()
	case <-timer.C:
		s.timeUp(ctx, time.Now())
	}
}

// patience is how long there is nothing to do if nothing happens.
func (s *sender) patience(now time.Time) time.Duration {
	d := AckTimeout
	if len(s.flying) > 0 {
		d = s.flying[0].sent.Add(AckTimeout).Sub(now)
	}
	if s.lower != nil {
		d = min(d, s.lowerAt.Add(AckTimeout).Sub(now))
	}
	if s.pause.After(now) {
		d = min(d, s.pause.Sub(now))
	}
	return d
}

// timeUp starts again from the cursor when the centre is silent, and believes a lower acknowledgement that nothing better has
// followed.
func (s *sender) timeUp(ctx context.Context, now time.Time) {
	if s.lower != nil && now.Sub(s.lowerAt) >= AckTimeout {
		s.apply(ctx, *s.lower)
	}
	if len(s.flying) > 0 && now.Sub(s.flying[0].sent) >= AckTimeout {
		s.count.resends.Add(1)
		s.rewind()
	}
}

func (s *sender) rewind() {
	s.flying, s.next = nil, s.cfg.Journal.State().Acked
}

// takeAck moves the cursor. An acknowledgement below it, by the same centre as the last one, is most likely a late one: it is taken
// only when no better one comes for AckTimeout. A centre that went back opens a new epoch, and is believed at once.
func (s *sender) takeAck(ctx context.Context) {
	ack := s.acks.take()
	if ack == nil {
		return
	}
	if ack.Centre == s.centre && ack.Epoch == s.cfg.Journal.State().Epoch && ack.UpTo < s.cfg.Journal.State().Acked {
		if s.lower == nil {
			s.lowerAt = time.Now()
		}
		s.lower = ack
		return
	}
	s.apply(ctx, *ack)
}

func (s *sender) apply(ctx context.Context, ack wire.AckUpTo) {
	before := s.cfg.Journal.State().Acked
	s.lower = nil
	if err := s.cfg.Journal.Ack(ctx, ack.Epoch, ack.UpTo); err != nil {
		s.count.badAcks.Add(1)
		s.cfg.Log.WarnContext(ctx, "acknowledgement not taken", slog.Uint64("epoch", ack.Epoch), slog.Uint64("up_to", ack.UpTo), slog.Any("error", err))
		return
	}
	s.centre = ack.Centre
	acked := s.cfg.Journal.State().Acked
	if acked < before {
		s.cfg.Log.WarnContext(ctx, "the centre went back, events are sent again", slog.Uint64("from", acked), slog.Uint64("had", before))
		s.rewind()
		return
	}
	for len(s.flying) > 0 && s.flying[0].last <= acked {
		s.flying = s.flying[1:]
	}
	s.next = max(s.next, acked)
}

// fillWindow sends batches while there is room for them.
func (s *sender) fillWindow(ctx context.Context) {
	state := s.cfg.Journal.State()
	if state.Epoch != s.epoch {
		s.epoch = state.Epoch
		s.rewind()
	}
	s.linked = s.linked && s.cfg.Client.Connected()
	s.sendAhead()
	for s.linked && s.next < state.Seq && len(s.flying) < Window && !s.pause.After(time.Now()) {
		if err := s.sendNext(ctx); err != nil {
			s.failed(ctx, err)
			return
		}
	}
}

func (s *sender) sendNext(ctx context.Context) error {
	b, err := s.cfg.Journal.Read(ctx, s.next, wire.MaxBatch, MaxBatchSize)
	if err != nil {
		return err
	}
	if len(b.Events) == 0 { // another journal has taken its place
		return fault.New(fault.Unavailable, "uplink.empty", "the journal has nothing to send")
	}
	payload, err := s.encode(b)
	if err != nil {
		return err
	}
	s.count.batches.Add(1)
	if err := s.publish(ctx, wire.Events, payload); err != nil {
		return err
	}
	s.next = b.Last()
	s.flying = append(s.flying, flight{last: s.next, sent: time.Now()})
	s.sendAhead()
	return nil
}

func (u *Uplink) encode(b journal.Batch) ([]byte, error) {
	batch := wire.NewEventBatch(b.Epoch, b.First, b.Prev, b.Events)
	return wire.Encode(wire.SignBatch(u.at(wire.Events), batch, u.cfg.Signer))
}

// sendAhead wakes the live lane while much waits.
func (s *sender) sendAhead() {
	if s.linked && s.cfg.Journal.State().Seq > s.next+LiveBehind {
		poke(s.ahead)
	}
}

// failed pauses: whether the broker has the batch is unknown, so it is sent again.
func (s *sender) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.cfg.Log.WarnContext(ctx, "events not sent, trying again", slog.Any("error", err))
	s.pause = time.Now().Add(retryPause)
}
