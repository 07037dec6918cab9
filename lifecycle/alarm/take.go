package alarm

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"kanmon/internal/event"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm/raise"
	"kanmon/lifecycle/period"
)

// mostEntries is how many entries an alarm keeps by their ids; what follows is counted.
const mostEntries = 100

// Take raises, counts and ends alarms for events that were appended to the entry log in the same transaction, with consecutive ids from first on.
// Events that cannot matter cost nothing; a batch with closed doors one query.
func (r *Register) Take(ctx context.Context, tx *store.Tx, controller string, first int64, events []event.Event) error {
	changes := fold(controller, first, events)
	fresh := refusalsOf(first, events)
	if len(changes) == 0 && len(fresh) == 0 {
		return nil
	}
	open, err := openOf(ctx, tx, controller)
	if err != nil {
		return err
	}
	repeated, err := r.repeated(ctx, tx, controller, open, fresh)
	if err != nil {
		return err
	}
	for _, c := range append(changes, repeated...) {
		if err := c.apply(ctx, tx, open); err != nil {
			return err
		}
	}
	return nil
}

// Suspect raises an alarm for a message that was put into quarantine in the same transaction. controller is empty for an unknown one.
func (r *Register) Suspect(ctx context.Context, tx *store.Tx, controller string, entry int64) error {
	key := raise.Of(Quarantined, Controller, controller)
	if controller == "" {
		key = raise.Of(Quarantined, Centre, "")
	}
	open, err := openOf(ctx, tx, controller)
	if err != nil {
		return err
	}
	c := &change{
		Key: key, Severity: Urgent, Controller: controller, Count: 1, Entries: []int64{entry}, First: tx.Now(), Last: tx.Now(),
	}
	return c.apply(ctx, tx, open)
}

// openRow is a row of v_alarm_open, with what it lacks.
type openRow struct {
	ID          string
	Kind        Kind
	About       About  `db:"subject_kind"`
	Subject     string `db:"subject"`
	Controller  string
	State       State
	RaisedAt    string `db:"raised_at"`
	Severity    Severity
	Escalations int
	EscalatedAt string `db:"escalated_at"`
	Count       int
	LastAt      string `db:"last_at"`
	LastLeaf    int64  `db:"last_leaf"`
	OverAt      string `db:"over_at"`
	StepLeaf    int64  `db:"step_leaf"` // of its newest version
}

func (o openRow) key() Key { return raise.Of(o.Kind, o.About, o.Subject) }

const openColumns = `SELECT o.id, o.kind, o.subject_kind, o.subject, o.controller, o.state, o.raised_at, o.severity, o.escalations, o.escalated_at,
	o.count, t.last_at, o.last_leaf, o.over_at, v.leaf AS step_leaf
	FROM v_alarm_open o JOIN alarm a ON a.id = o.id JOIN alarm_version v ON v.id = a.id AND v.n = a.n JOIN alarm_tally t ON t.alarm = a.id`

// openOf returns the open alarms of a controller, and those that controllers have in common.
func openOf(ctx context.Context, q store.Queryer, controller string) (map[Key]openRow, error) {
	return selectOpen(ctx, q, ` WHERE o.controller IN (?, '')`, controller)
}

func selectOpen(ctx context.Context, q store.Queryer, where string, args ...any) (map[Key]openRow, error) {
	var rows []openRow
	if err := q.Select(ctx, &rows, openColumns+where, args...); err != nil {
		return nil, fmt.Errorf("read open alarms: %w", err)
	}
	open := make(map[Key]openRow, len(rows))
	for _, o := range rows {
		open[o.key()] = o
	}
	return open, nil
}

// change is what is written down.
type change raise.Change

func fold(controller string, first int64, events []event.Event) (list []*change) {
	for _, c := range raise.Fold(controller, first, events) {
		list = append(list, (*change)(c))
	}
	return list
}

// apply writes a change down. A new alarm has its version in the ledger; what is counted or over has not.
func (c *change) apply(ctx context.Context, tx *store.Tx, open map[Key]openRow) error {
	o, is := open[c.Key]
	var err error
	switch {
	case c.Count == 0 && !is:
		return nil
	case c.Count == 0:
		err = end(ctx, tx, o.ID, c.Over)
	case is:
		err = c.more(ctx, tx, o)
	default:
		err = c.raise(ctx, tx)
	}
	if err != nil {
		return fmt.Errorf("alarm %s of %s %.40q: %w", c.Kind, c.Subject.About, c.Subject.ID, err)
	}
	return nil
}

func (c *change) raise(ctx context.Context, tx *store.Tx) error {
	k := kept{
		ID: "A-" + rand.Text()[:10], State: Raised, Kind: c.Kind, Severity: c.Severity, About: c.Subject.About, Subject: c.Subject.ID,
		Controller: c.Controller, Door: c.Door, Area: c.Area, RaisedAt: store.FormatTime(tx.Now()),
	}
	if c.Shared() {
		k.Controller = ""
	}
	last := int64(0)
	if n := len(c.Entries); n > 0 {
		k.FirstLeaf, last = c.Entries[0], c.Entries[n-1]
	}
	if err := k.step(ctx, tx, string(Raised)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO alarm_tally (alarm, count, first_at, last_at, last_leaf, over_at) VALUES (?, ?, ?, ?, ?, ?)`,
		k.ID, c.Count, store.FormatTime(c.First), store.FormatTime(c.Last), last, period.Text(c.Over))
	if err != nil {
		return err
	}
	return c.link(ctx, tx, k.ID, 0)
}

// more is counted into an alarm that is open. Where nobody can have seen to it yet, the alarm is raised again.
func (c *change) more(ctx context.Context, tx *store.Tx, o openRow) error {
	last, over := o.LastLeaf, period.Text(c.Over)
	if n := len(c.Entries); n > 0 {
		last = c.Entries[n-1]
	}
	rested, err := o.rested(tx.Now())
	if err != nil {
		return err
	}
	anew := o.State == Acknowledged && (o.Severity == Urgent || o.OverAt != "")
	if anew && !rested && over == "" {
		over = o.OverAt // until Watch raises it
	}
	_, err = tx.Exec(ctx, `UPDATE alarm_tally SET count = count + ?, last_at = ?, last_leaf = ?, over_at = ? WHERE alarm = ?`,
		c.Count, store.FormatTime(c.Last), last, over, o.ID)
	if err != nil {
		return err
	}
	if anew && rested {
		if err := raiseAgain(ctx, tx, o.ID, c.Door, c.Area); err != nil {
			return err
		}
	}
	return c.link(ctx, tx, o.ID, o.Count)
}

// link keeps which entries an alarm counts, as long as it has few.
func (c *change) link(ctx context.Context, tx *store.Tx, id string, before int) error {
	entries := c.Entries[:max(0, min(len(c.Entries), mostEntries-before))]
	if len(entries) == 0 {
		return nil
	}
	args := make([]any, 0, 2*len(entries))
	for _, entry := range entries {
		args = append(args, id, entry)
	}
	_, err := tx.Exec(ctx, `INSERT INTO alarm_entry (alarm, leaf) VALUES (?, ?)`+strings.Repeat(`, (?, ?)`, len(entries)-1)+
		` ON CONFLICT (alarm, leaf) DO NOTHING`, args...)
	return err
}

// end says since when an alarm is over.
func end(ctx context.Context, tx *store.Tx, id string, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE alarm_tally SET over_at = ? WHERE alarm = ? AND (over_at = '' OR over_at < last_at)`, store.FormatTime(at), id)
	return err
}
