package device

import (
	"context"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Wanted returns the policy version that a controller should have; NotFound for one nobody entered.
func Wanted(ctx context.Context, q store.Queryer, controller string) (access.Version, error) {
	var v struct{ Epoch, N uint64 }
	err := q.Get(ctx, &v, `SELECT e.epoch, p.n FROM controller_policy p JOIN centre_epoch e ON e.id = 1 WHERE p.controller = ?`, controller)
	if fault.KindOf(err) == fault.NotFound {
		err = unknown(controller)
	}
	return access.Version(v), err
}

// Want raises the policy version that each of the controllers should have. Registers call it in the
// transaction that changes what the controllers must know; a publisher then sends until it is applied.
func Want(ctx context.Context, tx *store.Tx, controllers ...string) error {
	slices.Sort(controllers)
	for _, c := range slices.Compact(controllers) {
		if _, err := tx.Exec(ctx, `UPDATE controller_policy SET n = n + 1 WHERE controller = ?`, c); err != nil {
			return err
		}
	}
	return nil
}

// WantForArea raises it for every controller with a door into the area.
func WantForArea(ctx context.Context, tx *store.Tx, area string) error {
	return want(ctx, tx, `SELECT controller FROM v_device_area_controller WHERE area = ?`, area)
}

// WantForHolder raises it for every controller with a door: each knows every holder of a card, to say why it
// refuses one.
func WantForHolder(ctx context.Context, tx *store.Tx) error {
	return want(ctx, tx, `SELECT DISTINCT controller FROM v_device_area_controller`)
}

// WantForSchedule raises it for every controller with a door into an area that uses the schedule, in a right or to stand unlocked.
func WantForSchedule(ctx context.Context, tx *store.Tx, schedule string) error {
	return want(ctx, tx, `SELECT DISTINCT ac.controller FROM v_device_schedule u
		JOIN v_device_area_controller ac ON ac.area = u.area WHERE u.schedule = ?`, schedule)
}

// WantForCalendar raises it for every controller with a door: any of its schedules may look at holidays.
func WantForCalendar(ctx context.Context, tx *store.Tx) error {
	return want(ctx, tx, `SELECT DISTINCT controller FROM v_device_area_controller`)
}

// want takes the controllers that a query names.
func want(ctx context.Context, tx *store.Tx, query string, args ...any) error {
	_, err := tx.Exec(ctx, `UPDATE controller_policy SET n = n + 1 WHERE controller IN (`+query+`)`, args...)
	return err
}
