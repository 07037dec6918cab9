package alarm

import (
	"context"
	"fmt"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm/raise"
	"kanmon/lifecycle/period"
)

// mostTries is how many tries before those that are new are looked at. A window with more of them at one door is not one of a person.
const mostTries = 100

// freshness is what is new of a subject: how many refusals, and the first of them.
type freshness struct {
	Subject
	first int64
	n     int
}

// refusalsOf says of which doors and cards there are new refusals.
func refusalsOf(first int64, events []event.Event) []*freshness {
	by := map[Subject]*freshness{}
	var list []*freshness
	for i, e := range events {
		if !raise.Refused(e.Kind, e.Reason) {
			continue
		}
		for _, s := range []Subject{
			{About: Door, ID: raise.Plain(e.Door)}, {About: Card, ID: raise.Plain(e.Card)}, {About: Credential, ID: raise.Plain(e.Credential)},
		} {
			if s.ID == "" {
				continue
			}
			if by[s] == nil {
				by[s] = &freshness{Subject: s, first: first + int64(i)}
				list = append(list, by[s])
			}
			by[s].n++
		}
	}
	return list
}

// repeated applies the rule of repeated refusals to what is new, over what the entry log has of the time before.
func (r *Register) repeated(ctx context.Context, tx *store.Tx, controller string, open map[Key]openRow, fresh []*freshness) ([]*change, error) {
	var list []*change
	for _, f := range fresh {
		limit := r.limits.OfCard
		if f.About == Door {
			limit = r.limits.AtDoor
		}
		tries, err := f.tries(ctx, tx)
		if err != nil {
			return nil, err
		}
		key := raise.Of(RepeatedRefusals, f.About, f.ID)
		hits := limit.Hits(tries, f.first)
		if len(hits) == 0 {
			continue
		}
		after, err := counted(ctx, tx, open, key)
		if err != nil {
			return nil, err
		}
		if _, is := open[key]; !is && after > 0 { // what was seen to is not held against anybody again
			tries = slices.DeleteFunc(tries, func(t raise.Try) bool { return t.Entry <= after })
			hits = limit.Hits(tries, f.first)
		}
		if c := repeatedChange(key, controller, tries, hits, after); c.Count > 0 {
			list = append(list, c)
		}
	}
	return list, nil
}

// counted returns the newest entry that an alarm with this key has counted, of the open one or else of the last one that was closed.
func counted(ctx context.Context, q store.Queryer, open map[Key]openRow, k Key) (int64, error) {
	if o, is := open[k]; is {
		return o.LastLeaf, nil
	}
	var leaf int64
	err := q.Get(ctx, &leaf, `SELECT t.last_leaf FROM alarm a JOIN alarm_tally t ON t.alarm = a.id
		WHERE a.kind = ? AND a.subject_kind = ? AND a.subject = ? ORDER BY a.raised_at DESC LIMIT 1`, string(k.Kind), string(k.Subject.About), k.Subject.ID)
	if fault.KindOf(err) == fault.NotFound {
		return 0, nil
	}
	return leaf, err
}

// repeatedChange counts those hits that were not counted before.
func repeatedChange(k Key, controller string, tries []raise.Try, hits []int64, after int64) *change {
	c := &change{Key: k, Severity: Normal, Controller: controller}
	for _, t := range tries {
		if t.Entry <= after || !slices.Contains(hits, t.Entry) {
			continue
		}
		if c.Count == 0 {
			c.Door, c.Area, c.First = t.Door, t.Area, t.At
		}
		c.Count++
		c.Entries, c.Last = append(c.Entries, t.Entry), t.At
	}
	slices.Sort(c.Entries)
	return c
}

// tries reads what the log has of a subject, newest entries first. Of a card only refusals matter.
func (f *freshness) tries(ctx context.Context, q store.Queryer) ([]raise.Try, error) {
	most := mostTries + f.n
	switch f.About {
	case Door:
		return selectTries(ctx, q, "", `door = ? AND door <> ''`, f.ID, most)
	case Card:
		return selectTries(ctx, q, "", `card = ? AND card <> '' AND kind = 'access_denied'`, f.ID, most)
	default: // no column names an unknown card
		return selectTries(ctx, q, f.ID, `kind = 'access_denied' AND kind <> '' AND card = ?`, "", 2*most)
	}
}

// selectTries keeps only those of a credential, where one is given.
func selectTries(ctx context.Context, q store.Queryer, credential, where string, args ...any) ([]raise.Try, error) {
	var rows []struct {
		Leaf             int64
		At               string
		Kind             event.Kind
		Door, Area, Card string
		Reason           access.Reason
		Body             []byte
	}
	err := q.Select(ctx, &rows, `SELECT leaf, at, kind, door, area, card, reason, body FROM v_alarm_try WHERE `+where+` ORDER BY leaf DESC LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	var list []raise.Try
	for _, row := range rows {
		granted := row.Kind == event.AccessGranted
		if !granted && !raise.Refused(row.Kind, row.Reason) {
			continue
		}
		if credential != "" {
			if e, err := event.Decode(row.Body); err != nil || raise.Plain(e.Credential) != credential {
				continue
			}
		}
		at, err := period.Time(row.At)
		if err != nil {
			return nil, err
		}
		list = append(list, raise.Try{Entry: row.Leaf, At: at, Card: row.Card, Door: row.Door, Area: row.Area, Granted: granted})
	}
	return list, nil
}
