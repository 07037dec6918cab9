package alarm

import (
	"context"
	"time"

	"kanmon/internal/store"
	"kanmon/lifecycle/alarm/raise"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/period"
)

// shortestRest is how long an alarm rests after it was raised before it may be raised again: a door that flaps is not to flood anybody.
const shortestRest = time.Minute

// rested reports whether an alarm may be raised again.
func (o openRow) rested(now time.Time) (bool, error) {
	at, err := period.Time(o.RaisedAt)
	return now.Sub(at) >= shortestRest, err
}

// waits reports whether an acknowledged alarm has counted something that whoever acknowledged it cannot have seen to: an entry after it was
// taken of an urgent one, or after it was over. Of a card at a desk and of a silent controller no entry tells: LastLeaf is 0.
func (o openRow) waits() bool {
	after := o.OverAt != "" && o.OverAt < o.LastAt
	if o.LastLeaf == 0 {
		return o.State == Acknowledged && after
	}
	return o.State == Acknowledged && o.LastLeaf > o.StepLeaf && (o.Severity == Urgent || after)
}

// raiseAgain takes an alarm from whoever acknowledged it, as of now and of where it happened last, so that it is escalated anew.
func raiseAgain(ctx context.Context, tx *store.Tx, id, door, area string) error {
	k, err := keptOf(ctx, tx, id)
	if err != nil {
		return err
	}
	k.State, k.RaisedAt, k.Door, k.Area = Raised, store.FormatTime(tx.Now()), door, area
	k.TakenBy, k.TakenAt, k.Escalations, k.EscalatedAt, k.Told = "", "", 0, "", ""
	return k.step(ctx, tx, string(Raised))
}

// wake raises an alarm again for what it has counted while it rested.
func (o openRow) wake(ctx context.Context, tx *store.Tx) error {
	last, err := entrylog.Of(ctx, tx, []int64{o.LastLeaf})
	if err != nil {
		return err
	}
	var door, area string
	for _, e := range last {
		door, area = raise.Plain(e.Door), raise.Plain(e.Area)
	}
	if _, err := tx.Exec(ctx, `UPDATE alarm_tally SET over_at = '' WHERE alarm = ? AND over_at < last_at`, o.ID); err != nil {
		return err
	}
	return raiseAgain(ctx, tx, o.ID, door, area)
}
