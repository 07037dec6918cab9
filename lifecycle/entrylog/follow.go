package entrylog

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog/passage"
)

// follow brings the presence up to date with the next events of a controller.
func follow(ctx context.Context, tx *store.Tx, controller string, events []event.Event) error {
	before, err := waiting(ctx, tx, controller)
	if err != nil {
		return err
	}
	seen := make([]event.Event, len(events))
	for i, e := range events {
		seen[i] = asFollowed(e, tx.Now())
	}
	after, out := passage.Fold(controller, before, seen)
	if err := keepWaiting(ctx, tx, controller, before, after); err != nil {
		return err
	}
	var s sum
	s.add(out)
	return s.keep(ctx, tx)
}

// asFollowed is an event as its row has it. What a clock that is ahead stamps counts as of its arrival, else it would hide what follows.
func asFollowed(e event.Event, received time.Time) event.Event {
	if e.At.After(received) {
		e.At = received
	}
	e.Door, e.Area, e.Person = plain(e.Door), plain(e.Area), plain(e.Person)
	return e
}

func waiting(ctx context.Context, q store.Queryer, controller string) (passage.State, error) {
	var s passage.State
	var text string
	err := q.Get(ctx, &text, `SELECT state FROM presence_waiting WHERE controller = ?`, controller)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return s, nil
	case err != nil:
		return s, err
	}
	return s, fault.Wrap(fault.Internal, json.Unmarshal([]byte(text), &s), "read who waits for a door")
}

func keepWaiting(ctx context.Context, tx *store.Tx, controller string, before, after passage.State) error {
	if len(before.Grants) == 0 && len(after.Grants) == 0 {
		return nil
	}
	if len(after.Grants) == 0 {
		_, err := tx.Exec(ctx, `DELETE FROM presence_waiting WHERE controller = ?`, controller)
		return err
	}
	text, err := json.Marshal(after)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "keep who waits for a door")
	}
	_, err = tx.Exec(ctx, `INSERT INTO presence_waiting (controller, state) VALUES (?, ?)
		ON CONFLICT (controller) DO UPDATE SET state = excluded.state`, controller, string(text))
	return err
}

// sum is what outcomes come to: the last position of each person in each area, and the last marks. What is of the same moment is as last said.
type sum struct {
	last  []passage.Position
	marks []passage.Mark
	at    map[any]int // of a place, or of a mark without its time
}

func (s *sum) add(out passage.Outcome) {
	if s.at == nil {
		s.at = map[any]int{}
	}
	for _, p := range out.Passed {
		at := [2]string{p.Person, p.Area}
		switch i, again := s.at[at]; {
		case !again:
			s.at[at] = len(s.last)
			s.last = append(s.last, p)
		case !p.At.Before(s.last[i].At):
			s.last[i] = p
		}
	}
	for _, m := range out.Marks {
		what := m
		what.At = time.Time{}
		switch i, again := s.at[what]; {
		case !again:
			s.at[what] = len(s.marks)
			s.marks = append(s.marks, m)
		case !m.At.Before(s.marks[i].At):
			s.marks[i] = m
		}
	}
}

// mostRows is how many rows one statement writes.
const mostRows = 64

func (s *sum) keep(ctx context.Context, tx *store.Tx) error {
	for last := s.last; len(last) > 0; {
		n := min(len(last), mostRows)
		if err := keepPositions(ctx, tx, last[:n]); err != nil {
			return err
		}
		last = last[n:]
	}
	for _, m := range s.marks {
		_, err := tx.Exec(ctx, `INSERT INTO presence_mark (controller, person, area, doubt, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (controller, person, area, doubt) DO UPDATE SET at = excluded.at WHERE excluded.at >= presence_mark.at`,
			m.Controller, m.Person, m.Area, number(m.Doubt), store.FormatTime(m.At))
		if err != nil {
			return err
		}
	}
	return nil
}

func keepPositions(ctx context.Context, tx *store.Tx, list []passage.Position) error {
	args := make([]any, 0, 6*len(list))
	for _, p := range list {
		args = append(args, p.Person, p.Area, number(p.In), store.FormatTime(p.At), p.Door, string(p.Proof))
	}
	_, err := tx.Exec(ctx, `INSERT INTO presence (person, area, inside, at, door, proof) VALUES (?, ?, ?, ?, ?, ?)`+
		strings.Repeat(`, (?, ?, ?, ?, ?, ?)`, len(list)-1)+`
		ON CONFLICT (person, area) DO UPDATE SET inside = excluded.inside, at = excluded.at, door = excluded.door, proof = excluded.proof
		WHERE excluded.at >= presence.at`, args...)
	return err
}

func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
