package entrylog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.EntryRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read entry log: %w", err)
		}
		return nil
	})
}

// List returns entries, newest first, or oldest first with AfterID.
func (r *Register) List(ctx context.Context, actor store.Actor, f Filter) ([]Entry, error) {
	f.Limit = field.Limit(f.Limit)
	var events, suspects []Entry
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		if events, err = f.events(ctx, q); err != nil {
			return err
		}
		suspects, err = f.suspects(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f.merge(events, suspects), nil
}

// merge puts both lists, each in order and at most Limit long, into one of at most Limit.
func (f Filter) merge(a, b []Entry) []Entry {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b Entry) int {
		if f.AfterID > 0 {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(b.ID, a.ID)
	})
	return all[:min(len(all), f.Limit)]
}

// page is the part of a query that is the same for events and suspects.
func (f Filter) page(id string) (where, order string, args []any) {
	where, order = `1 = 1`, ` ORDER BY `+id+` DESC LIMIT ?`
	if f.AfterID > 0 {
		where, args = where+` AND `+id+` > ?`, append(args, f.AfterID)
		order = ` ORDER BY ` + id + ` LIMIT ?`
	}
	if f.BeforeID > 0 {
		where, args = where+` AND `+id+` < ?`, append(args, f.BeforeID)
	}
	return where, order, args
}

// liveRow is a row of v_entrylog_live. What is not a column is in the body.
type liveRow struct {
	ID         int64
	Controller string
	Received   string
	Body       []byte
	DoorName   string `db:"door_name"`
	AreaName   string `db:"area_name"`
	PersonName string `db:"person_name"`
	CardLabel  string `db:"card_label"`
}

func (f Filter) events(ctx context.Context, q store.Queryer) ([]Entry, error) {
	if f.Kind == Quarantined {
		return nil, nil
	}
	where, order, args := f.page("id")
	for _, c := range []struct{ column, value string }{
		{"door", f.Door}, {"area", f.Area}, {"person", f.Person}, {"card", f.Card}, {"kind", string(f.Kind)},
	} {
		if c.value != "" { // the second term lets the partial indexes be used
			where, args = where+` AND `+c.column+` = ? AND `+c.column+` <> ''`, append(args, c.value)
		}
	}
	return selectLive(ctx, q, where+order, append(args, f.Limit)...)
}

func selectLive(ctx context.Context, q store.Queryer, where string, args ...any) ([]Entry, error) {
	var rows []liveRow
	err := q.Select(ctx, &rows, `SELECT id, controller, received, body, door_name, area_name, person_name, card_label
		FROM v_entrylog_live WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return entriesOf(rows)
}

func entriesOf(rows []liveRow) ([]Entry, error) {
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		var err error
		if entries[i], err = row.entry(); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Uses returns the entries at which a card was shown or its holder let in from afar since a moment, by the controllers' clocks, newest
// first, in the transaction of another register that checks who may see them.
func Uses(ctx context.Context, q store.Queryer, card string, since time.Time, limit int) ([]Entry, error) {
	return selectLive(ctx, q, `card = ? AND card <> '' AND at >= ? AND kind IN (?) ORDER BY id DESC LIMIT ?`,
		card, store.FormatTime(since), []string{string(event.AccessGranted), string(event.AccessDenied), string(event.RemoteRelease)}, limit)
}

// Of returns the entries with these ids, oldest first, in the transaction of another register that checks who may see them.
func Of(ctx context.Context, q store.Queryer, ids []int64) ([]Entry, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	events, err := selectLive(ctx, q, `id IN (?) ORDER BY id`, ids)
	if err != nil {
		return nil, err
	}
	suspects, err := selectSuspects(ctx, q, `leaf IN (?) ORDER BY leaf`, ids)
	if err != nil {
		return nil, err
	}
	return Filter{AfterID: 1, Limit: len(ids)}.merge(events, suspects), nil
}

func (r liveRow) entry() (Entry, error) {
	e, err := event.Decode(r.Body)
	if err != nil {
		return Entry{}, fault.Wrap(fault.Internal, err, fmt.Sprintf("read entry %d", r.ID))
	}
	received, err := period.Time(r.Received)
	return Entry{
		ID: r.ID, At: e.At, Received: received, Kind: e.Kind, Alarm: e.Kind.Alarm(),
		Controller: r.Controller, Epoch: e.Epoch, Seq: e.Seq,
		Door: e.Door, DoorName: r.DoorName, Area: e.Area, AreaName: r.AreaName,
		Person: e.Person, PersonName: r.PersonName, Card: e.Card, CardLabel: r.CardLabel, Credential: e.Credential,
		Direction: e.Direction, Reason: e.Reason, Reader: e.Reader, Device: e.Device, Unsure: e.Unsure, Detail: e.Detail,
	}, err
}

// suspects are quarantined messages. They have no door, person or card, so a filter on those leaves them out.
func (f Filter) suspects(ctx context.Context, q store.Queryer) ([]Entry, error) {
	if f.Door != "" || f.Area != "" || f.Person != "" || f.Card != "" || (f.Kind != "" && f.Kind != Quarantined) {
		return nil, nil
	}
	where, order, args := f.page("leaf")
	return selectSuspects(ctx, q, where+order, append(args, f.Limit)...)
}

func selectSuspects(ctx context.Context, q store.Queryer, where string, args ...any) ([]Entry, error) {
	var rows []struct {
		Leaf                           int64
		Controller, At, Reason, Detail string
	}
	err := q.Select(ctx, &rows, `SELECT leaf, controller, at, reason, detail FROM quarantine WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		at, err := period.Time(row.At)
		if err != nil {
			return nil, err
		}
		entries[i] = Entry{
			ID: row.Leaf, At: at, Received: at, Kind: Quarantined, Alarm: true, Controller: row.Controller,
			Reason: access.Reason(row.Reason), Detail: row.Detail,
		}
	}
	return entries, nil
}

// Newest returns the id of the newest entry, 0 for an empty log.
func (r *Register) Newest(ctx context.Context) (int64, error) {
	var newest int64
	err := r.store.Read(ctx, func(q store.Queryer) error {
		return q.Get(ctx, &newest, `SELECT COALESCE(MAX(leaf), 0) FROM
			(SELECT MAX(leaf) AS leaf FROM event UNION ALL SELECT MAX(leaf) AS leaf FROM quarantine) AS both_tables`)
	})
	return newest, err
}
