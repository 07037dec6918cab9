package area

import (
	"context"
	"encoding/json"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
)

// Kinds of change, as they stand in requests.
const (
	areaAdd         = "area.add"
	areaChange      = "area.change"
	doorAdd         = "door.add"
	doorChange      = "door.change"
	interlockChange = "interlock.change"
	scheduleChange  = "schedule.change"
	rightGrant      = "right.grant"
)

// submit has a change made: at once, followed by then, or by a request where it touches a graded area.
func (r *Register) submit(ctx context.Context, actor store.Actor, doing string, w approval.Wish, then func(*store.Tx) error) error {
	w.Register = "area"
	if err := r.approvals.Make(ctx, actor, w, then); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (r *Register) write(ctx context.Context, actor store.Actor, reason, doing string, fn func(*store.Tx) error) error {
	err := r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.AreaWrite); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// text writes rules as JSON.
func text(v any) string {
	b, _ := json.Marshal(v) //nolint:errchkjson // strings, numbers and lists of them
	return string(b)
}

// graded reports whether an area is graded that a query names by id, or one of the grades given.
func graded(areas string, args []any, grades ...int) func(context.Context, store.Queryer) (bool, error) {
	return func(ctx context.Context, q store.Queryer) (bool, error) {
		var highest int
		err := q.Get(ctx, &highest, `SELECT COALESCE(MAX(v.grade), 0) FROM area a JOIN area_version v ON v.id = a.id AND v.n = a.n WHERE a.id IN (`+areas+`)`, args...)
		for _, g := range grades {
			highest = max(highest, g)
		}
		return highest > 1, err
	}
}
