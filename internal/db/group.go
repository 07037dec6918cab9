package db

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A commit waits for the disk, and while it does others come who want to write. So who writes first (the leader) goes on, when its own
// function is through, with the functions of those who wait (followers), each within a savepoint, and commits once for all. Each runs on the
// goroutine of its caller, after the one before it has ended: it is one writer at a time as ever, and who fails is rolled back alone.
//
// What breaks the transaction itself, as SQLite does when a statement is interrupted, costs all of the group their work. Then each runs again, by
// itself.

// Bounds of a group.
const (
	mostFollowers = 63
	groupTime     = 20 * time.Millisecond
	mostTime      = 5 * time.Minute // for a database that does not answer
)

// errLost is what a transaction ends with that was lost through another one of its group. It runs again.
var errLost = errors.New("the transaction was lost with its group")

// group is who writes and who waits to.
type group struct {
	time    time.Duration // after which no follower joins
	mu      sync.Mutex
	writing bool
	queue   []*writer
}

// writer is one call of Write that waits for its turn.
type writer struct {
	alone bool       // it leads, and has no followers
	turn  chan turn  // comes once
	ran   chan error // a follower's function has ended so
	done  chan error // and its group's commit so
}

// turn says how a writer writes: as the leader, or in the leader's transaction. Without one, that was broken before it could.
type turn struct {
	lead bool
	tx   *Tx
}

func newWriter(alone bool) *writer {
	return &writer{alone: alone, turn: make(chan turn, 1), ran: make(chan error, 1), done: make(chan error, 1)}
}

// enter queues up, or leads at once when nobody writes.
func (g *group) enter(w *writer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.writing {
		g.queue = append(g.queue, w)
		return
	}
	g.writing = true
	w.turn <- turn{lead: true}
}

// leave takes a writer out of the queue; false when its turn has come.
func (g *group) leave(w *writer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.queue {
		if other == w {
			g.queue = append(g.queue[:i], g.queue[i+1:]...)
			return true
		}
	}
	return false
}

// follower takes the next one out of the queue, unless it wants to be alone.
func (g *group) follower() *writer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 || g.queue[0].alone {
		return nil
	}
	w := g.queue[0]
	g.queue = g.queue[1:]
	return w
}

// exit ends a group: the next in the queue leads.
func (g *group) exit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.writing = false
		return
	}
	g.queue[0].turn <- turn{lead: true}
	g.queue = g.queue[1:]
}

// write runs fn when its turn has come.
func (d *DB) write(ctx context.Context, alone bool, fn func(*Tx) error) error {
	w := newWriter(alone)
	d.group.enter(w)
	var its turn
	select {
	case its = <-w.turn:
	case <-ctx.Done():
		if d.group.leave(w) {
			return interpret(ctx.Err(), "wait to write")
		}
		its = <-w.turn
	}
	if its.lead {
		return d.lead(ctx, alone, fn)
	}
	var own error
	if its.tx != nil {
		own = w.follow(its.tx, fn)
	}
	switch committed := <-w.done; {
	case committed != nil && own != nil:
		return errLost // it may have failed on what others wrote, which is not there now
	case committed != nil:
		return committed
	default:
		return own
	}
}

// follow runs fn, and tells the leader how it ended, however it ends.
func (w *writer) follow(tx *Tx, fn func(*Tx) error) (err error) {
	err = errLost // what the leader hears of a panic
	defer func() { w.ran <- err }()
	err = fn(tx)
	return err
}

// lead runs fn, then the functions of those who wait, and commits.
func (d *DB) lead(ctx context.Context, alone bool, fn func(*Tx) error) error {
	defer d.group.exit()
	conn, err := d.writer.Connx(ctx)
	if err != nil {
		return interpret(err, "begin transaction")
	}
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	// From here on it may be the work of several. The statements of each have its own context.
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), mostTime)
	defer cancel()
	tx, err := conn.BeginTxx(detached, nil)
	if err != nil {
		return interpret(err, "begin transaction")
	}
	var followers []*writer
	err = d.within(tx, func(s session) error {
		if err := d.lockOut(ctx, s); err != nil {
			return err
		}
		tx := &Tx{session: s}
		if err := fn(tx); err != nil || alone {
			return err
		}
		followers, err = d.gather(detached, tx)
		return err
	})
	for _, w := range followers {
		w.done <- err
	}
	return err
}

// gather lets followers run, and returns them: they wait for the commit, those too who failed, perhaps on what others wrote before them. An error
// (errLost) means that the transaction is broken.
func (d *DB) gather(ctx context.Context, tx *Tx) (followers []*writer, err error) {
	for last := time.Now().Add(d.group.time); len(followers) < mostFollowers && time.Now().Before(last); {
		w := d.group.follower()
		if w == nil {
			break
		}
		followers = append(followers, w)
		if err := tx.join(ctx, w); err != nil {
			return followers, err
		}
	}
	return followers, nil
}

// join runs one follower within a savepoint. An error means that the transaction is broken.
func (t *Tx) join(ctx context.Context, w *writer) error {
	if _, err := t.tx.ExecContext(ctx, "SAVEPOINT follower"); err != nil {
		w.turn <- turn{tx: nil}
		return errLost
	}
	w.turn <- turn{tx: t}
	failed := <-w.ran
	end := "RELEASE SAVEPOINT follower"
	if failed != nil {
		end = "ROLLBACK TO SAVEPOINT follower; " + end
	}
	if _, err := t.tx.ExecContext(ctx, end); err != nil {
		return errLost
	}
	return nil
}
