package alarm

import (
	"context"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
)

// flaps is how often an alarm has happened when whoever acknowledges it is taken to know that it goes on: another entry every second would leave it to
// nobody. It is raised again all the same.
const flaps = 20

// mostNote is how many characters a note may have.
const mostNote = 500

// Acknowledge says that the actor sees to an alarm: raised → acknowledged. It needs authz.AlarmHandle. lastEntry is the Alarm.LastEntry that the
// actor has seen. Errors: NotFound "alarm.unknown"; Conflict "alarm.taken" when somebody has acknowledged it already, "alarm.closed", and
// "alarm.more" when an urgent one counts entries after lastEntry, and not so many that it flaps.
func (r *Register) Acknowledge(ctx context.Context, actor store.Actor, id string, lastEntry int64) (Alarm, error) {
	return r.handle(ctx, actor, id, "", func(k *kept, tx *store.Tx) (string, error) {
		if k.State == Acknowledged {
			return "", fault.New(fault.Conflict, "alarm.taken", "acknowledged already by "+k.TakenBy)
		}
		if k.Severity == Urgent {
			if err := k.known(ctx, tx, lastEntry); err != nil {
				return "", err
			}
		}
		k.State, k.TakenBy, k.TakenAt = Acknowledged, actor.String(), store.FormatTime(tx.Now())
		return string(Acknowledged), nil
	})
}

// Close ends an alarm with a note of at most 500 characters that says what it was and what was done: acknowledged → closed. It needs
// authz.AlarmHandle. lastEntry is the Alarm.LastEntry that the actor has seen. Errors: NotFound "alarm.unknown"; Conflict "alarm.closed",
// "alarm.not_acknowledged", "alarm.more" when it counts entries after lastEntry, and "alarm.lasts" for a controller that is still silent or whose
// clock is still off.
func (r *Register) Close(ctx context.Context, actor store.Actor, id, note string, lastEntry int64) (Alarm, error) {
	note, err := field.Text("note", note, mostNote)
	if err != nil {
		return Alarm{}, fmt.Errorf("close alarm: %w", err)
	}
	return r.handle(ctx, actor, id, note, func(k *kept, tx *store.Tx) (string, error) {
		if k.State == Raised {
			return "", fault.New(fault.Conflict, "alarm.not_acknowledged", "nobody has acknowledged it")
		}
		if err := k.seen(ctx, tx, lastEntry); err != nil {
			return "", err
		}
		if err := k.lasting(ctx, tx); err != nil {
			return "", err
		}
		k.State, k.Note = Closed, note
		return string(Closed), nil
	})
}

// handle is one step of a person.
func (r *Register) handle(ctx context.Context, actor store.Actor, id, reason string, step func(*kept, *store.Tx) (string, error)) (Alarm, error) {
	var now Alarm
	err := r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.AlarmHandle); err != nil {
			return err
		}
		k, err := keptOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if k.State == Closed {
			return fault.New(fault.Conflict, "alarm.closed", "closed already")
		}
		what, err := step(&k, tx)
		if err != nil {
			return err
		}
		if err := k.step(ctx, tx, what); err != nil {
			return err
		}
		now, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return Alarm{}, fmt.Errorf("handle alarm: %w", err)
	}
	return now, nil
}

// known is seen for what does not happen all the time.
func (k kept) known(ctx context.Context, q store.Queryer, lastEntry int64) error {
	var count int
	if err := q.Get(ctx, &count, `SELECT count FROM alarm_tally WHERE alarm = ?`, k.ID); err != nil || count > flaps {
		return err
	}
	return k.seen(ctx, q, lastEntry)
}

// seen refuses what would answer for entries that the actor has not seen.
func (k kept) seen(ctx context.Context, q store.Queryer, lastEntry int64) error {
	var last int64
	err := q.Get(ctx, &last, `SELECT last_leaf FROM alarm_tally WHERE alarm = ?`, k.ID)
	if err == nil && last > lastEntry {
		return fault.New(fault.Conflict, "alarm.more", fmt.Sprintf("entry %d came after %d", last, lastEntry))
	}
	return err
}

// lasting refuses to close what would be raised again at once.
func (k kept) lasting(ctx context.Context, q store.Queryer) error {
	if k.Kind != ControllerSilent && k.Kind != ClockOff {
		return nil
	}
	var over string
	if err := q.Get(ctx, &over, `SELECT over_at FROM alarm_tally WHERE alarm = ?`, k.ID); err != nil {
		return err
	}
	if over == "" {
		return fault.New(fault.Conflict, "alarm.lasts", "it is not over yet")
	}
	return nil
}
