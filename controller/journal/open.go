package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"kanmon/internal/db"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/migrations"
)

// errBroken is the cause of every error that says: this file is no journal of ours any more.
var errBroken = errors.New("the journal is broken")

func broken(why string) error { return fmt.Errorf("%w: %s", errBroken, why) }

// isBroken tells a journal whose contents are wrong from one that cannot be reached now.
func isBroken(err error) bool {
	return errors.Is(err, errBroken) || fault.KindOf(err) == fault.Internal
}

const setAsideSuffix = ".broken"

var fileName = regexp.MustCompile(`^journal-(\d{1,18})\.db(\.broken)?$`)

func (w *writer) path(epoch uint64) string {
	return filepath.Join(w.cfg.Dir, fmt.Sprintf("journal-%d.db", epoch))
}

// folder is what the data folder holds: the newest journal, the newest broken one, the highest epoch of all.
type folder struct{ current, broken, highest uint64 }

func (w *writer) look() (folder, error) {
	var f folder
	entries, err := os.ReadDir(w.cfg.Dir)
	if err != nil {
		return f, fault.Wrap(fault.Unavailable, err, "look for the journal")
	}
	for _, e := range entries {
		part := fileName.FindStringSubmatch(e.Name())
		if part == nil {
			continue
		}
		epoch, err := strconv.ParseUint(part[1], 10, 64)
		if err != nil {
			continue
		}
		f.highest = max(f.highest, epoch)
		if part[2] == "" {
			f.current = max(f.current, epoch)
		} else {
			f.broken = max(f.broken, epoch)
		}
	}
	return f, nil
}

// open opens the newest journal, or begins a new epoch where there is none that holds.
func (w *writer) open(ctx context.Context) error {
	f, err := w.look()
	if err != nil {
		return err
	}
	if f.current != 0 {
		err := w.openFile(ctx, f.current, f.broken)
		if err == nil || !isBroken(err) {
			return err
		}
		w.cfg.Log.ErrorContext(ctx, "journal is broken and is set aside", slog.Uint64("epoch", f.current), slog.Any("error", err))
		if err := w.putAside(f.current); err != nil {
			return fault.Wrap(fault.Unavailable, err, "set the broken journal aside")
		}
		f.broken = f.current
	}
	return w.openFile(ctx, w.newEpoch(f.highest), f.broken)
}

// newEpoch is a number above all earlier ones even if the clock is wrong: milliseconds since 1970.
func (w *writer) newEpoch(highest uint64) uint64 {
	return uint64(max(w.cfg.Now().UnixMilli(), w.cfg.Floor.UnixMilli(), int64(highest)+1, 1))
}

func (w *writer) putAside(epoch uint64) error {
	for _, suffix := range []string{"-wal", "-shm", ""} { // the file itself last: until then it is found again
		from := w.path(epoch) + suffix
		err := os.Rename(from, w.path(epoch)+setAsideSuffix+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// openFile opens or makes the journal of an epoch and checks it. A new one, also one whose making was interrupted, begins with an alarm when it
// replaces one that was set aside (0: none), and with what can be read of that.
func (w *writer) openFile(ctx context.Context, epoch, aside uint64) error {
	d, err := db.Open(ctx, db.Config{Driver: db.SQLite, Path: w.path(epoch), Readers: 2, Log: w.cfg.Log})
	if err != nil {
		return err
	}
	h, replaces, err := w.prepare(ctx, d, epoch, aside)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	w.countStart(h)
	w.head, w.setAside = h, replaces
	w.db.Store(d)
	return nil
}

// countStart numbers this start of the program, once; the number is written with the next commit, which the program's first event
// brings at once.
func (w *writer) countStart(h head) {
	if !w.counted {
		w.start, w.counted = max(h.starts+1, w.start), true
	}
}

// prepare returns the head, and the name of the file that a new journal replaces.
func (w *writer) prepare(ctx context.Context, d *db.DB, epoch, aside uint64) (h head, replaces string, err error) {
	if err := d.Migrate(ctx, migrations.Controller()); err != nil {
		return head{}, "", err
	}
	h, err = load(ctx, d)
	if fault.KindOf(err) == fault.NotFound && !errors.Is(err, errBroken) {
		return w.begin(ctx, d, epoch, aside)
	}
	if err != nil {
		return head{}, "", err
	}
	return h, "", w.checkHead(ctx, d, h, epoch)
}

func (w *writer) checkHead(ctx context.Context, d *db.DB, h head, epoch uint64) error {
	if h.controller != w.cfg.Controller {
		return fault.New(fault.Conflict, "journal.other", fmt.Sprintf("the journal in this folder is that of controller %q", h.controller))
	}
	if h.epoch != epoch {
		return broken(fmt.Sprintf("file of epoch %d holds epoch %d", epoch, h.epoch))
	}
	return d.Read(ctx, func(q db.Queryer) error {
		if _, err := revocationsIn(ctx, q); err != nil {
			return err
		}
		return check(ctx, q, h, tailStart(h))
	})
}

// begin writes the first head, the alarm and what is left of the broken one.
func (w *writer) begin(ctx context.Context, d *db.DB, epoch, aside uint64) (h head, replaces string, err error) {
	h = newHead(w.cfg.Controller, epoch)
	old, rows := salvaged{trust: noTrust}, []row(nil)
	if aside != 0 {
		file := w.path(aside) + setAsideSuffix
		old, replaces = w.salvage(ctx, file), filepath.Base(file)
		h.trust, h.wall = old.trust, old.wall
		alarm := event.Event{At: w.cfg.Now(), Kind: event.JournalTrouble, Unsure: true, Detail: "broken journal set aside: " + replaces}
		if rows, h, err = h.number([]event.Event{alarm}); err != nil {
			return head{}, "", err
		}
	}
	return h, replaces, d.Write(ctx, func(tx *db.Tx) error {
		if err := saveRevoked(ctx, tx, &Revoked{Entries: old.entries}); err != nil {
			return err
		}
		return save(ctx, tx, h, rows)
	})
}

// tailLength is how much of the chain is checked at every opening, beside all that is not acknowledged.
const tailLength = 1000

func tailStart(h head) uint64 {
	start := h.acked
	if h.seq-min(h.seq, tailLength) < start {
		start = h.seq - min(h.seq, tailLength)
	}
	return max(start, h.base)
}

// check walks the chain from the event behind start to the head. The link at start is taken as it is.
func check(ctx context.Context, q db.Queryer, h head, start uint64) error {
	at, hash := start, h.baseHash
	err := q.Query(ctx, func(r db.Cursor) error {
		var seq int64
		var b, stored []byte
		if err := r.Scan(&seq, &b, &stored); err != nil {
			return err
		}
		if uint64(seq) == start && len(stored) == len(hash) {
			hash = event.Hash(stored)
			return nil
		}
		at, hash = at+1, event.Next(hash, b)
		if uint64(seq) != at || string(stored) != string(hash[:]) {
			return broken(fmt.Sprintf("the chain breaks at event %d", at))
		}
		return nil
	}, `SELECT seq, bytes, hash FROM journal_event WHERE seq >= ? ORDER BY seq`, int64(start))
	if err == nil && (at != h.seq || hash != h.hash) {
		return broken(fmt.Sprintf("the chain ends at event %d, the head says %d", at, h.seq))
	}
	return err
}

// Verify checks the whole chain that is kept.
func (j *Journal) Verify(ctx context.Context) error {
	d := j.db.Load()
	if d == nil {
		return errNotOpen()
	}
	return d.Read(ctx, func(q db.Queryer) error {
		h, err := loadIn(ctx, q)
		if err != nil {
			return err
		}
		return check(ctx, q, h, h.base)
	})
}

func errNotOpen() error {
	return fault.New(fault.Unavailable, "journal.not_open", "the journal is not open")
}
