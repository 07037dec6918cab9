package alarm

import (
	"context"
	"fmt"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// kept is the newest version of an alarm as it is stored.
type kept struct {
	ID          string
	Kind        Kind
	Severity    Severity
	About       About  `db:"subject_kind"`
	Subject     string `db:"subject"`
	Controller  string
	Door, Area  string
	State       State
	FirstLeaf   int64  `db:"first_leaf"`
	RaisedAt    string `db:"raised_at"`
	TakenBy     string `db:"taken_by"`
	TakenAt     string `db:"taken_at"`
	Escalations int
	EscalatedAt string `db:"escalated_at"`
	Told, Note  string
}

func keptOf(ctx context.Context, q store.Queryer, id string) (kept, error) {
	var k kept
	err := q.Get(ctx, &k, `SELECT a.id, v.kind, v.severity, v.subject_kind, v.subject, v.controller, v.door, v.area, v.state, v.first_leaf,
		v.raised_at, v.taken_by, v.taken_at, v.escalations, v.escalated_at, v.told, v.note
		FROM alarm a JOIN alarm_version v ON v.id = a.id AND v.n = a.n WHERE a.id = ?`, id)
	if fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "alarm.unknown", fmt.Sprintf("no alarm %.40q", id))
	}
	return k, err
}

// step writes the next version.
func (k kept) step(ctx context.Context, tx *store.Tx, what string) error {
	_, err := tx.Version(ctx, "alarm", k.ID, store.Row{
		{Name: "area", Value: k.Area},
		{Name: "controller", Value: k.Controller},
		{Name: "door", Value: k.Door},
		{Name: "escalated_at", Value: k.EscalatedAt},
		{Name: "escalations", Value: int64(k.Escalations)},
		{Name: "first_leaf", Value: k.FirstLeaf},
		{Name: "kind", Value: string(k.Kind)},
		{Name: "note", Value: k.Note},
		{Name: "raised_at", Value: k.RaisedAt},
		{Name: "severity", Value: string(k.Severity)},
		{Name: "state", Value: string(k.State)},
		{Name: "step", Value: what},
		{Name: "subject", Value: k.Subject},
		{Name: "subject_kind", Value: string(k.About)},
		{Name: "taken_at", Value: k.TakenAt},
		{Name: "taken_by", Value: k.TakenBy},
		{Name: "told", Value: k.Told},
	}, nil)
	return err
}
