package journal

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/fault"
)

// groupSize bounds the events of one commit; retryOpen is the pause between tries to open; pruneEvery is how
// often old events are looked for; ackDelay is how long an acknowledgement may wait for a commit of something else.
const (
	groupSize  = 1024
	retryOpen  = time.Second
	pruneEvery = time.Hour
	ackDelay   = 2 * time.Second
)

// writer is the one goroutine that writes.
type writer struct {
	*Journal
	head     head
	start    uint64 // number of this start of the program
	counted  bool   // the starts in the journal are counted in
	setAside string // name of the broken journal that the open one replaces
	suspect  bool   // what is on disk is not known: open it anew before the next commit
	acked    bool   // the cursor in the head is ahead of the one on disk
	ackDay   int64  // when the cursor came to where it is
	due      <-chan time.Time
	tried    time.Time // of the last failed opening
	failure  error     // of the last failed opening
}

// Run opens the journal and writes what is submitted until ctx ends; then it writes what is queued, and closes.
// A journal that cannot be opened or written does not end Run: each submission gets the error, and the next one
// tries again.
func (j *Journal) Run(ctx context.Context) error {
	w := &writer{Journal: j, start: j.cfg.startNumber()}
	work := context.WithoutCancel(ctx) // a commit that has begun is finished
	_ = w.ensure(work)                 // kept in the state; the next submission tries again
	close(j.opened)
	w.startPruning()
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		select {
		case <-j.wake:
			w.commitQueued(work)
		case <-ticker.C:
			w.startPruning()
		case <-w.due:
			w.saveCursor(work)
		case <-ctx.Done():
			return w.finish(work)
		}
	}
}

func (w *writer) finish(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.commitQueued(ctx)
	w.saveCursor(ctx)
	return w.closeDB()
}

func (w *writer) closeDB() error {
	d := w.db.Swap(nil)
	if d == nil {
		return nil
	}
	return d.Close()
}

// commitQueued commits until nothing is queued.
func (w *writer) commitQueued(ctx context.Context) {
	for group := w.take(); len(group) > 0; group = w.take() {
		w.commit(ctx, group)
	}
}

// take removes one group from the queue.
func (w *writer) take() []request {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, events := 0, 0
	for n < len(w.queue) && (n == 0 || events+len(w.queue[n].events) <= groupSize) {
		events += len(w.queue[n].events)
		n++
	}
	group := w.queue[:n:n]
	w.queue = w.queue[n:]
	return group
}

// answer is a request with what became of it.
type answer struct {
	request
	at  Position
	err error
}

func (w *writer) commit(ctx context.Context, group []request) {
	answers := make([]answer, len(group))
	for i, r := range group {
		answers[i].request = r
	}
	before := w.head
	err := w.ensure(ctx)
	if err == nil && !w.advance(answers) {
		err = w.write(ctx, answers)
	}
	w.report(ctx, err)
	if w.head.epoch != before.epoch || w.head.seq > before.seq || w.head.acked < before.acked {
		poke(w.news)
	}
	for _, a := range answers {
		if err != nil {
			a.at, a.err = Position{}, err
		}
		a.done(a.at, a.err)
	}
}

// advance moves the cursor ahead in memory alone, when a group has nothing else to do; false when it has. The next commit takes it to the disk,
// ackDelay later at the latest. Should the program die before, some events are sent once more, which the centre knows.
func (w *writer) advance(answers []answer) bool {
	next := w.head
	for i := range answers {
		r := answers[i].request
		if r.ack == nil || next.ack(*r.ack) != nil || next.acked < w.head.acked {
			return false
		}
		answers[i].at = Position{next.epoch, next.seq}
	}
	w.head, w.ackDay = next, day(w.cfg.Now())
	if !w.acked {
		w.acked, w.due = true, time.After(w.cfg.ackDelay)
	}
	return true
}

// saveCursor takes the cursor to the disk if no other commit has.
func (w *writer) saveCursor(ctx context.Context) {
	w.due = nil
	if !w.acked {
		return
	}
	err := w.ensure(ctx)
	if err == nil {
		err = w.write(ctx, nil)
	}
	w.report(ctx, err)
	if err != nil {
		w.due = time.After(w.cfg.ackDelay)
	}
}

// write carries a group out in one transaction and moves the head. What is wrong with a single request stays
// with that request.
func (w *writer) write(ctx context.Context, answers []answer) error {
	var next head
	err := w.db.Load().Write(ctx, func(tx *db.Tx) error {
		next = w.head
		next.starts = max(next.starts, w.start)
		if w.acked {
			if err := saveAck(ctx, tx, w.ackDay, next.acked); err != nil {
				return err
			}
		}
		var rows []row
		for i := range answers {
			a := &answers[i]
			added, refusal, err := w.apply(ctx, tx, &next, a.request)
			if err != nil {
				return err
			}
			rows = append(rows, added...)
			a.at, a.err = Position{next.epoch, next.seq}, refusal
		}
		return save(ctx, tx, next, rows)
	})
	if err != nil && !w.written(ctx, next) {
		return fault.Wrap(fault.Unavailable, err, "commit to the journal")
	}
	w.head, w.acked = next, false
	return nil
}

// apply works one request into the next head. What is wrong with the request itself is its refusal; err is the
// database's.
func (w *writer) apply(ctx context.Context, tx *db.Tx, next *head, r request) (rows []row, refusal, err error) {
	switch {
	case r.ack != nil:
		if refusal = next.ack(*r.ack); refusal == nil {
			err = saveAck(ctx, tx, day(w.cfg.Now()), next.acked)
		}
	case r.prune != nil:
		err = r.prune.apply(ctx, tx, next)
	default:
		if rows, refusal = next.append(r); refusal == nil {
			if err = saveRevoked(ctx, tx, r.change.Revoked); err == nil {
				err = saveSite(ctx, tx, r.change.Site)
			}
		}
	}
	return rows, refusal, err
}

// written asks the disk whether a commit that was reported as failed has happened after all. When the disk does
// not say, or says something else, the journal is opened anew before the next commit.
func (w *writer) written(ctx context.Context, next head) bool {
	got, err := load(ctx, w.db.Load())
	w.suspect = err != nil || (got != next && got != w.head)
	return err == nil && got == next && next != w.head
}

// ensure gives the writer an open journal whose head it knows.
func (w *writer) ensure(ctx context.Context) error {
	if w.db.Load() != nil && !w.suspect {
		return nil
	}
	if w.failure != nil && time.Since(w.tried) < retryOpen {
		return w.failure
	}
	if err := w.closeDB(); err != nil {
		w.cfg.Log.WarnContext(ctx, "journal close failed", slog.Any("error", err))
	}
	w.failure = w.open(ctx)
	w.tried = time.Now()
	if w.failure != nil {
		w.report(ctx, w.failure)
		return w.failure
	}
	w.suspect, w.acked = false, false
	w.report(ctx, nil)
	return nil
}

// report publishes the head and the outcome of the last work.
func (w *writer) report(ctx context.Context, err error) {
	was := w.State()
	now := State{
		Open: w.db.Load() != nil, Epoch: w.head.epoch, Seq: w.head.seq, Acked: w.head.acked, Base: w.head.base,
		Floor: parseTime(w.head.wall), Policy: w.head.policy, Start: max(w.head.starts, w.start), Centre: w.head.centre,
		Revoked: w.head.revoked, RevokedAt: parseTime(w.head.revokedAt), Lease: w.head.lease(), Clock: w.head.clock(), SetAside: w.setAside,
	}
	if err != nil {
		now.Trouble = err.Error()
		if was.Trouble == "" {
			w.cfg.Log.ErrorContext(ctx, "journal cannot be written", slog.Any("error", err))
		}
	}
	w.state.Store(&now)
}
